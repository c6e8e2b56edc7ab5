package site_test

import (
	"strings"
	"testing"

	"risingstars/modules/identity"
	"risingstars/platform/database/databasetest"
)

// A vote that needs a proved e-mail says so, waits in its voter's browser, and counts once the e-mail is proved.
func TestAVoteWaitsForAProvedEmail(t *testing.T) {
	t.Parallel()
	h := startHouseBy(t, databasetest.Open(t, owners...), 1<<20, rules{proof: true, adminFactor: true})
	_, videos := h.crowd(t, 1)
	id, b := videos[0], h.browser(t)
	const waits = "Tu voto está guardado, pero todavía no cuenta"
	b.get(t, "/v/"+id).has(t, "Votar por Ana0 Ruiz", "crea una cuenta y confirma tu correo")
	b.get(t, "/login?vote="+id).has(t, "Entonces contamos tu voto")
	b.get(t, "/signup?vote="+id).has(t, "Entonces contamos tu voto")
	b.post(t, "/signup", "vote", id, "email", "luz@example.com", "first_name", "Luz", "last_name", "Mora",
		"password1", password, "city", "Cali", "country", "Colombia").goesTo(t, "/v/"+id+"?said=welcome#voto")
	page := b.get(t, "/v/"+id+"?said=welcome")
	page.has(t, "tu cuenta está creada", waits, "0 votos", `action="/me/resend"`, `name="video" value="`+id+`"`)
	if strings.Contains(page.body, "/vote") {
		t.Error("the page has a button that does nothing")
	}
	// A page that was open before may still have one.
	b.post(t, "/v/"+id+"/vote", "vote", "cast").goesTo(t, "/v/"+id+"#voto")
	b.post(t, "/v/"+id+"/vote?from=watch&o=7", "vote", "cast").goesTo(t, "/watch?v="+id+"&o=7#voto")
	b.get(t, "/watch?v="+id+"&o=7").has(t, waits)

	// Whoever signs in next on the same device casts nobody else's vote.
	b.post(t, "/logout")
	mar := h.account(t, "Mar", "Cali")
	b.post(t, "/login", "email", mar.Email, "password", password).goesTo(t, "/?said=in")
	b.get(t, "/v/"+id).has(t, "confirma primero tu correo", "Guardar mi voto y enviarme otro enlace")
	phone := h.signedIn(t, mar)
	phone.post(t, "/me/resend", "video", id).goesTo(t, "/v/"+id+"?said=resent#voto")
	phone.get(t, "/v/"+id+"?said=resent").has(t, waits, "te enviamos otro enlace")

	b.post(t, "/logout")
	b.post(t, "/login", "email", "luz@example.com", "password", password).goesTo(t, "/v/"+id+"?said=in#voto")
	b.get(t, "/v/"+id).has(t, waits, "0 votos")
	token := func(email string) string {
		return strings.TrimPrefix(h.post.link(t, "confirm", email), "/confirm?token=")
	}
	b.post(t, "/confirm", "token", token("luz@example.com")).goesTo(t, "/v/"+id+"?said=voted#voto")
	b.get(t, "/v/"+id+"?said=voted").has(t, "Contamos tu voto", "1 voto<", "Quitar mi voto")
	b.post(t, "/v/"+id+"/vote", "vote", "withdraw")
	b.post(t, "/logout")
	b.post(t, "/login", "email", "luz@example.com", "password", password).goesTo(t, "/?said=in")

	// A link that another browser opens proves the e-mail, and signing in where the vote waits counts it.
	h.browser(t).post(t, "/confirm", "token", token(mar.Email)).goesTo(t, "/login?said=confirmed")
	phone.get(t, "/v/"+id).has(t, "Votar por Ana0 Ruiz", "0 votos")
	phone.post(t, "/logout")
	phone.post(t, "/login", "email", mar.Email, "password", password, "next", "/me").goesTo(t, "/me?said=in")
	phone.post(t, "/logout")
	phone.post(t, "/login", "email", mar.Email, "password", password).goesTo(t, "/v/"+id+"?said=voted#voto")

	// Who looks after the site is led to the second factor that this needs.
	boss := h.signedIn(t, h.withRole(t, "Jefa", identity.Admin))
	boss.get(t, "/en/admin/users").goesTo(t, "/en/me/two-factor")
	boss.get(t, "/me/two-factor").has(t, "Para administrar el sitio la necesitas")
}
