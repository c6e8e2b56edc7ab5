package site_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"risingstars/modules/identity"
)

// watchLetters answers those who have forgotten their password, until the test ends.
func (h *house) watchLetters(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.identity.WatchLetters(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
}

// goesTo fails the test unless the answer leads to the address.
func (d document) goesTo(t *testing.T, want string) {
	t.Helper()
	if d.status != http.StatusSeeOther || d.location() != want {
		t.Fatalf("it answers %d %q, want %q\n%s", d.status, d.location(), want, d.body)
	}
}

// refused fails the test unless the form came back with all of the texts.
func (d document) refused(t *testing.T, texts ...string) {
	t.Helper()
	if d.status != http.StatusUnprocessableEntity {
		t.Errorf("it answers %d", d.status)
	}
	d.has(t, texts...)
}

// Who has forgotten the password gets in again by the link of a letter, without scripts.
func TestAForgottenPasswordIsReplacedOnPages(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	h.watchLetters(t)
	user := h.account(t, "Ana", "Cali")
	inside, b := h.signedIn(t, user), h.browser(t)
	b.get(t, "/login").has(t, `<a href="/forgot">¿Olvidaste tu contraseña?</a>`)
	b.post(t, "/forgot", "email", "ana").refused(t, `value="ana"`, "no es un correo electrónico válido")
	known := b.post(t, "/en/forgot", "email", user.Email)
	known.goesTo(t, "/en/forgot?said=forgot")
	unknown := b.post(t, "/en/forgot", "email", "nobody@example.com")
	if unknown.status != known.status || unknown.location() != known.location() || unknown.body != known.body {
		t.Error("the answer tells who has an account")
	}
	b.get(t, "/en/forgot?said=forgot").has(t, "If there is an account with that e-mail")

	link := h.post.link(t, "reset", user.Email)
	token := strings.TrimPrefix(link, "/reset?token=")
	b.get(t, link).has(t, "Elige una contraseña nueva", `name="token" value="`+token+`"`,
		`href="/en/reset?token=`+token+`"`, `<meta name="robots" content="noindex">`)
	b.get(t, link+"x").refused(t, "Pedir otro enlace", "incompleto")
	b.post(t, "/reset", "token", token, "password1", "short").refused(t, "al menos 8", `value="`+token+`"`)
	other := h.signedIn(t, h.account(t, "Luz", "Cali"))
	other.get(t, link).refused(t, "otra cuenta")
	other.post(t, "/reset", "token", token, "password1", "another horse entirely").refused(t, "otra cuenta")
	b.post(t, "/reset", "token", token, "password1", "another horse entirely").goesTo(t, "/login?said=reset")
	b.get(t, "/login?said=reset").has(t, "Tu contraseña cambió. Entra con la nueva.")
	b.post(t, "/reset", "token", token, "password1", "a third horse entirely").
		refused(t, "ya se usó", "Pedir otro enlace")
	if got := inside.get(t, "/me").status; got != http.StatusSeeOther {
		t.Errorf("a session of before gets %d", got)
	}
	b.post(t, "/login", "email", user.Email, "password", "another horse entirely").goesTo(t, "/?said=in")
	b.get(t, "/me").has(t, "Está confirmado.")
}

// Opening the link of a letter changes nothing; its button does.
func TestALinkHasAButton(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	user := h.account(t, "Ana", "Cali")
	b, inside := h.browser(t), h.signedIn(t, user)
	inside.get(t, "/me").has(t, "Todavía no lo has confirmado", "Enviar otro enlace")
	inside.post(t, "/me/resend").goesTo(t, "/me?said=resent")
	link := h.post.link(t, "confirm", user.Email)
	token := strings.TrimPrefix(link, "/confirm?token=")
	for range 2 {
		b.get(t, link).has(t, "Confirma tu correo", `name="token" value="`+token+`"`)
	}
	inside.get(t, "/me").has(t, "Todavía no lo has confirmado")
	h.signedIn(t, h.account(t, "Luz", "Cali")).post(t, "/confirm", "token", token).refused(t, "otra cuenta")
	b.post(t, "/confirm", "token", token).goesTo(t, "/login?said=confirmed")
	b.post(t, "/confirm", "token", token).refused(t, "ya se usó")
	b.get(t, link).refused(t, "ya se usó")
	inside.get(t, "/me").has(t, "Está confirmado.")

	inside.post(t, "/me/email", "email", "new@example.com", "password", "wrong").
		refused(t, "no es tu contraseña actual", `value="new@example.com"`, "<details open>")
	inside.post(t, "/me/email", "email", "luz@example.com", "password", password).refused(t, "Ya existe una cuenta")
	inside.post(t, "/me/email", "email", "new@example.com", "password", password).goesTo(t, "/me?said=email")
	inside.get(t, "/me").has(t, "Falta confirmar new@example.com", "ana@example.com <span")
	change := h.post.link(t, "change", "new@example.com")
	inside.get(t, change).has(t, "para que tu cuenta use este correo")
	inside.post(t, "/confirm", "token", strings.TrimPrefix(change, "/confirm?token=")).goesTo(t, "/me?said=changed")
	changed := inside.get(t, "/me?said=changed")
	changed.has(t, "Tu cuenta ya usa el correo nuevo", "new@example.com")
	if strings.Contains(changed.body, "Falta confirmar") {
		t.Error("the page waits for an e-mail that is proved")
	}
	undo := h.post.link(t, "changed", user.Email)
	b.get(t, undo).has(t, "Recupera tu cuenta", "se cierran todas las sesiones")
	b.post(t, "/confirm", "token", strings.TrimPrefix(undo, "/confirm?token=")).goesTo(t, "/forgot?said=restored")
	if got := inside.get(t, "/me").status; got != http.StatusSeeOther {
		t.Errorf("a session of before gets %d", got)
	}
}

// What somebody changes of themselves is seen everywhere at once, and what was there before nowhere.
func TestAProfileIsChangedEverywhere(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	user := h.account(t, "Ana", "Cali")
	id := h.publish(t, user, "El primer vuelo")
	h.publish(t, h.account(t, "Luz", "Medellín"), "Cumbia de medianoche")
	inside, b := h.signedIn(t, user), h.browser(t)
	page := inside.get(t, "/me")
	page.has(t, `value="Ana"`, `<option value="Cali">`, `<option value="Medellín">`, `<option value="es" selected>`)
	inside.get(t, "/en/me").has(t, `<option value="Spain">`)

	inside.post(t, "/me/profile", "first_name", " ", "last_name", "Ruiz", "city", "123").
		refused(t, "no puede estar vacío", "al menos una letra", `value="123"`)
	inside.post(t, "/me/profile", "language", "fr").refused(t, "es o en")
	b.get(t, "/v/"+id).has(t, "Ana Ruiz", "Cali, Colombia")

	inside.post(t, "/me/profile", "first_name", "Zoé", "last_name", "Mora", "city", "Bilbao", "country", "spain",
		"language", "en").goesTo(t, "/me?said=profile")
	inside.get(t, "/me").has(t, `value="Zoé"`, `value="España"`, `<option value="en" selected>`)
	for _, path := range []string{"/", "/v/" + id, "/ranking", "/?q=zoe", "/?city=bilbao", "/ranking?country=españa"} {
		shown := b.get(t, path)
		shown.has(t, "Zoé Mora", "Bilbao, España")
		if strings.Contains(shown.body, "Ana Ruiz") {
			t.Errorf("%s shows the name of before", path)
		}
	}
	b.get(t, "/en/ranking").has(t, "Bilbao, Spain")
	b.get(t, "/?q=ana").has(t, "0 videos")
	if strings.Contains(b.get(t, "/ranking?city=cali").body, "Zoé") {
		t.Error("the ranking of the city of before has them")
	}
	if u, err := h.identity.Account(t.Context(), user.ID); err != nil || u.Language != "en" || u.Country != "España" {
		t.Errorf("the account is %+v, %v", u, err)
	}
	// A contestant without entries changes nothing but the account.
	nobody := h.account(t, "Eva", "Cali")
	name := "Iris"
	change := identity.ProfileChange{FirstName: &name}
	if _, err := h.identity.ChangeProfile(t.Context(), nobody.ID, change); err != nil {
		t.Error(err)
	}

	inside.post(t, "/me/password", "present", "wrong", "password1", "another horse entirely").
		refused(t, "no es tu contraseña actual")
	phone := h.signedIn(t, user)
	inside.post(t, "/me/password", "present", password, "password1", "another horse entirely").
		goesTo(t, "/me?said=password")
	inside.get(t, "/me?said=password").has(t, "Tu contraseña cambió")
	if got := phone.get(t, "/me").status; got != http.StatusSeeOther {
		t.Errorf("another session gets %d", got)
	}
}
