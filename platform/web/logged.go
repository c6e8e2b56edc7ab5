package web

import (
	"net/http"
	"net/netip"
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
