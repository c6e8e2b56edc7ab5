package site_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"risingstars/modules/identity"
)

var (
	keyOnPage    = regexp.MustCompile(`<code>([A-Z2-7]{32})</code>`)
	recoveryCode = regexp.MustCompile(`<code>([A-Z2-7-]{19})</code>`)
	ticketOnPage = regexp.MustCompile(`name="ticket" value="([^"]+)"`)
)

// The pages set the second factor up, ask for it at the next sign-in, with what was wished for, and turn it off.
func TestTwoStepSignInIsSetUpUsedAndTurnedOff(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	_, videos := h.crowd(t, 1)
	luz := h.account(t, "Luz", "Cali")
	b, phone := h.signedIn(t, luz), h.signedIn(t, luz)
	b.get(t, "/me/devices").has(t, "/me/two-factor")
	b.get(t, "/me/two-factor").has(t, "Verificación en dos pasos", `name="step" value="off"`)
	b.post(t, "/me/two-factor", "step", "off", "password", "wrong").has(t, "Esa no es tu contraseña", "<title>Error:")
	offered := b.post(t, "/me/two-factor", "step", "off", "password", password)
	offered.has(t, `src="data:image/svg&#43;xml;base64,`, `name="step" value="offered"`)
	key := keyOnPage.FindStringSubmatch(offered.body)
	if key == nil {
		t.Fatalf("the page has no key:\n%s", offered.body)
	}
	code := func(ahead time.Duration) string {
		code, err := totp.GenerateCode(key[1], time.Now().Add(ahead))
		if err != nil {
			t.Fatal(err)
		}
		return code
	}
	b.post(t, "/me/two-factor", "step", "offered", "totp", "12345").has(t, "Este código no es correcto",
		`name="step" value="offered"`)
	done := b.post(t, "/me/two-factor", "step", "offered", "totp", code(0))
	recovery := recoveryCode.FindAllStringSubmatch(done.body, -1)
	if done.status != http.StatusOK || len(recovery) != 10 {
		t.Fatalf("%d, %q\n%s", done.status, recovery, done.body)
	}
	if phone.get(t, "/me").status == http.StatusOK || b.get(t, "/me").status != http.StatusOK {
		t.Error("the other browser is signed in, or this one is not")
	}
	b.get(t, "/en/me/two-factor").has(t, "You have 10 recovery codes left")

	asked := phone.post(t, "/login", "email", luz.Email, "password", password, "vote", videos[0])
	asked.has(t, "El código de tu aplicación", `name="totp"`, `name="vote" value="`+videos[0]+`"`)
	if asked.status != http.StatusOK || strings.Contains(asked.body, password) {
		t.Errorf("%d\n%s", asked.status, asked.body)
	}
	ticket := ticketOnPage.FindStringSubmatch(asked.body)[1]
	wrong := phone.post(t, "/login", "ticket", ticket, "totp", "123456", "vote", videos[0])
	wrong.has(t, "Este código no es correcto", ticket)
	if wrong.status != http.StatusUnprocessableEntity || phone.get(t, "/me").status == http.StatusOK {
		t.Errorf("a wrong code answers %d", wrong.status)
	}
	in := phone.post(t, "/login", "ticket", ticket, "totp", code(30*time.Second), "vote", videos[0])
	if want := "/v/" + videos[0] + "?said=voted#voto"; in.location() != want {
		t.Fatalf("the right code answers %d %s\n%s", in.status, in.location(), in.body)
	}
	phone.post(t, "/login", "ticket", ticket[:20], "totp", recovery[1][1]).has(t, "Pasó demasiado tiempo")

	b.post(t, "/me/two-factor", "step", "on", "password", password, "totp", "1").has(t, "Este código no es correcto")
	off := b.post(t, "/me/two-factor", "step", "on", "password", password, "totp", recovery[0][1])
	if off.location() != "/me/two-factor?said=factor_off" {
		t.Fatalf("turning it off answers %d %s\n%s", off.status, off.location(), off.body)
	}
	h.signedIn(t, luz)
}

// secondStep sets it up for an account, and returns the page that says so, in the language of a prefix.
func (h *house) secondStep(t *testing.T, user identity.User, prefix string) document {
	t.Helper()
	b := h.signedIn(t, user)
	offered := b.post(t, "/me/two-factor", "step", "off", "password", password)
	code, err := totp.GenerateCode(keyOnPage.FindStringSubmatch(offered.body)[1], time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return b.post(t, prefix+"/me/two-factor", "step", "offered", "totp", code)
}
