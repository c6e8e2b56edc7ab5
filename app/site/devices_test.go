package site_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The page ends another device or all others, and leaves this one and everybody else's alone.
func TestDevicesAreListedAndSignedOut(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	ana, eve := h.account(t, "Ana", "Cali"), h.account(t, "Eve", "Cali")
	here, phone, laptop, eves := h.signedIn(t, ana), h.signedIn(t, ana), h.signedIn(t, ana), h.signedIn(t, eve)
	isIn := func(b *browser) bool { return b.get(t, "/me").status == http.StatusOK }
	ids := func(b *browser) (found []string) {
		for _, match := range regexp.MustCompile(`name="end" value="([0-9a-f-]{36})"`).
			FindAllStringSubmatch(b.get(t, "/me/devices").body, -1) {
			found = append(found, match[1])
		}
		return found
	}
	here.get(t, "/me/devices").has(t, "Dispositivos con sesión", "Este dispositivo", "127.0.0.0/24",
		"Cerrar todas las demás")
	others := ids(here)
	if len(others) != 2 || others[0] == others[1] {
		t.Fatalf("others are %q", others)
	}
	if alone := eves.get(t, "/en/me/devices"); strings.Contains(alone.body, `name="end"`) {
		t.Errorf("there is something to end:\n%s", alone.body)
	}
	eves.post(t, "/me/devices", "end", others[0]) // not hers
	if answer := here.post(t, "/me/devices", "end", others[0]); answer.location() != "/me/devices?said=ended" {
		t.Errorf("%d %s", answer.status, answer.location())
	}
	if isIn(phone) == isIn(laptop) || !isIn(here) {
		t.Error("none of the two is signed out, or both, or this one")
	}
	here.post(t, "/me/devices", "end", others[0]) // two clicks
	answer := here.post(t, "/me/devices", "end", "others")
	here.get(t, answer.location()).has(t, "Cerramos todas las demás sesiones")
	if isIn(phone) || isIn(laptop) || !isIn(here) || !isIn(eves) {
		t.Error("another one is signed in, or not this one or Eve's")
	}
	if foreign := here.ask(t, http.MethodPost, "/me/devices", strings.NewReader("end=others"), "Content-Type",
		"application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site"); foreign.status != http.StatusForbidden {
		t.Errorf("another site's form answers %d", foreign.status)
	}
}
