package web

import "net/netip"

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
