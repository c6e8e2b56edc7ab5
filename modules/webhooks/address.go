package webhooks

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"unicode"

	"code.dny.dev/ssrf"
)

// longestURL is the longest address of an endpoint, in bytes.
const longestURL = 2000

// errRefused means that an address is not public.
var errRefused = errors.New("the address is not public")

// guard refuses addresses that are not public: those that IANA lists as special (package ssrf), and one beside them. It
// is safe for concurrent use.
type guard struct{ special *ssrf.Guardian }

func newGuard() *guard {
	azure := netip.MustParsePrefix("168.63.129.16/32") // Azure's own services, in every network there
	return &guard{ssrf.New(ssrf.WithAnyPort(), ssrf.WithDeniedV4Prefixes(azure))}
}

// control is for net.Dialer. It sees the address that a name has been resolved to, right before the connection is made.
func (g *guard) control(network, address string, c syscall.RawConn) error {
	if err := g.special.Safe(network, address, c); err != nil {
		return fmt.Errorf("%w: %w", errRefused, err)
	}
	return nil
}

// refuses reports whether a host is written as an address that is not public. What a name resolves to is seen later.
func (g *guard) refuses(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	return g.special.SafeAddr(ip) != nil
}

// checkURL returns the address of an endpoint as it is kept, or a fault.
func (m *Module) checkURL(text string) (string, error) {
	text = strings.TrimSpace(text)
	u, err := url.Parse(text)
	spaced := strings.ContainsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
	switch {
	case err != nil || u.Hostname() == "" || len(text) > longestURL || spaced ||
		u.Scheme != "https" && u.Scheme != "http":
		return "", reject("url", "debe ser una dirección como https://ejemplo.org/avisos",
			"must be an address such as https://example.org/hooks")
	case u.User != nil || u.Fragment != "":
		return "", reject("url", "debe ir sin usuario, contraseña ni #", "must have no user, no password and no #")
	case m.o.AllowPrivate:
	case u.Scheme != "https":
		return "", reject("url", "debe comenzar con https://", "must begin with https://")
	case m.carrier.guard.refuses(u.Hostname()):
		return "", reject("url", "debe ser una dirección pública", "must be a public address")
	}
	return u.String(), nil
}

// shortURL is how the log of acts and auditors know an address, whose path and query may be secret.
func shortURL(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
