package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"regexp"
)

// loggedClient is loggedNetwork, which is known of the connection unless a proxy has opened it.
func loggedClient(r *http.Request, client netip.Addr) string {
	if k := connectionOf(r); k != nil && k.addr == client {
		return k.logged
	}
	return loggedNetwork(client)
}

// loggedNetwork returns what the log keeps of a client's address: enough to see an attack from one network, and too
// little to tell one voter from the neighbours.
func loggedNetwork(addr netip.Addr) string {
	addr = addr.Unmap()
	bits := 48
	if addr.Is4() {
		bits = 24
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return ""
	}
	return network.String()
}

// loggedError returns what the log keeps of an error of a client's request. Errors of connections name both ends.
func loggedError(err error, client netip.Addr) string {
	return withNetworks(err.Error(), func(addr netip.Addr) bool { return addr == client.Unmap() && !addr.IsLoopback() })
}

// endpoint is an address in the texts of net and net/http, where a port follows it.
var endpoint = regexp.MustCompile(`(?:\d{1,3}(?:\.\d{1,3}){3}|\[[0-9A-Fa-f:.]+(?:%\w+)?\]):\d+`)

// withNetworks puts loggedNetwork in the place of the addresses in a text that are a client's.
func withNetworks(text string, isClient func(netip.Addr) bool) string {
	return endpoint.ReplaceAllStringFunc(text, func(found string) string {
		parsed, err := netip.ParseAddrPort(found)
		if addr := parsed.Addr().Unmap(); err == nil && isClient(addr) {
			return loggedNetwork(addr)
		}
		return found
	})
}

// networksOnly is for the messages of net/http, whose addresses are clients'.
type networksOnly struct{ slog.Handler }

// Handle implements slog.Handler. net/http adds no attributes.
func (h networksOnly) Handle(ctx context.Context, r slog.Record) error {
	text := withNetworks(r.Message, func(netip.Addr) bool { return true })
	return h.Handler.Handle(ctx, slog.NewRecord(r.Time, r.Level, text, r.PC))
}
