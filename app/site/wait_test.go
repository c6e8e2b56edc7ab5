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
	_, videos := h.crowd(t, 3)
	id, second, b := videos[0], videos[1], h.browser(t)
	const waits = "Tu voto está guardado, pero todavía no cuenta"
	b.get(t, "/v/"+id).has(t, "Votar por Ana0 Ruiz", "crea una cuenta y confirma tu correo")
	b.get(t, "/login?vote="+id).has(t, "Entonces contamos tu voto")
	b.get(t, "/signup?vote="+id).has(t, "Entonces contamos tu voto")
	b.post(t, "/signup", "vote", id, "email", "luz@example.com", "first_name", "Luz", "last_name", "Mora",
		"password1", password, "city", "Cali", "country", "Colombia").goesTo(t, "/v/"+id+"?said=welcome#voto")
	page := b.get(t, "/v/"+id+"?said=welcome")
	page.has(t, "tu cuenta está creada", waits, "0 votos", `action="/me/resend?video=`+id+`"`)
	if strings.Contains(page.body, "/vote") {
		t.Error("the page has a button that does nothing")
	}
	// A page that was open before may still have one.
	b.post(t, "/v/"+id+"/vote", "vote", "cast").goesTo(t, "/v/"+id+"#voto")
	b.post(t, "/v/"+id+"/vote?from=watch&o=7", "vote", "cast").goesTo(t, "/watch?v="+id+"&o=7#voto")
	b.get(t, "/watch?v="+id+"&o=7").has(t, waits)

	// Others wait beside it. The latest is for a video that is hidden meanwhile, so it leads nowhere.
	for _, other := range videos[1:] {
		b.post(t, "/v/"+other+"/vote", "vote", "cast").goesTo(t, "/v/"+other+"#voto")
	}
	for _, each := range videos {
		b.get(t, "/v/"+each).has(t, waits)
	}
	if _, err := h.voting.Hide(t.Context(), videos[2]); err != nil {
		t.Fatal(err)
	}

	// Whoever signs in next on the same device casts nobody else's vote.
	b.post(t, "/logout")
	mar := h.account(t, "Mar", "Cali")
	b.post(t, "/login", "email", mar.Email, "password", password).goesTo(t, "/?said=in")
	b.get(t, "/v/"+id).has(t, "confirma primero tu correo", "Guardar mi voto y enviarme otro enlace")
	phone := h.signedIn(t, mar)
	phone.post(t, "/me/resend?video="+id).goesTo(t, "/v/"+id+"?said=resent#voto")
	phone.get(t, "/v/"+id+"?said=resent").has(t, waits, "te enviamos otro enlace")

	b.post(t, "/logout")
	// Who has to sign in again keeps the wish.
	b.post(t, "/en/me/resend?video="+second).goesTo(t, "/en/login?next=%2Fv%2F"+second+"&vote="+second)
	b.post(t, "/login", "email", "luz@example.com", "password", password).goesTo(t, "/v/"+second+"?said=in#voto")
	b.get(t, "/v/"+id).has(t, waits, "0 votos")
	token := func(email string) string {
		return strings.TrimPrefix(h.post.link(t, "confirm", email), "/confirm?token=")
	}
	// What cannot be cast then is said, and waits on; the next vote takes the others along.
	const unvoted = "todavía no contamos tu voto"
	h.change(t, h.db, "ALTER TABLE voting_votes RENAME TO elsewhere")
	b.post(t, "/confirm", "token", token("luz@example.com")).goesTo(t, "/v/"+second+"?said=unvoted#voto")
	h.change(t, h.db, "ALTER TABLE elsewhere RENAME TO voting_votes")
	b.get(t, "/v/"+id).has(t, unvoted, "0 votos")
	b.get(t, "/v/"+second).has(t, unvoted, "0 votos")
	b.post(t, "/v/"+second+"/vote", "vote", "cast").goesTo(t, "/v/"+second+"?said=voted#voto")
	b.get(t, "/v/"+second+"?said=voted").has(t, "Contamos tu voto", "1 voto<", "Quitar mi voto")
	b.get(t, "/v/"+id).has(t, "1 voto<", "Quitar mi voto")
	b.post(t, "/v/"+id+"/vote", "vote", "withdraw")
	b.post(t, "/logout")
	b.post(t, "/login", "email", "luz@example.com", "password", password).goesTo(t, "/?said=in")

	// A link that another browser opens proves the e-mail, and signing in where the vote waits counts it.
	h.browser(t).post(t, "/confirm", "token", token(mar.Email)).goesTo(t, "/login?said=confirmed")
	phone.get(t, "/v/"+id).has(t, "Votar por Ana0 Ruiz", "0 votos", unvoted)
	phone.post(t, "/logout")
	phone.post(t, "/login", "email", mar.Email, "password", password, "next", "/me").goesTo(t, "/me?said=in")
	phone.post(t, "/logout")
	phone.post(t, "/login", "email", mar.Email, "password", password).goesTo(t, "/v/"+id+"?said=voted#voto")
	// So does the page that was open before.
	phone.post(t, "/me/resend?video="+second).goesTo(t, "/v/"+second+"?said=voted#voto")

	// The link that the same browser opens counts all that wait.
	eva := h.account(t, "Eva", "Cali")
	tab := h.signedIn(t, eva)
	for _, each := range []string{second, id} {
		tab.post(t, "/me/resend?video="+each).goesTo(t, "/v/"+each+"?said=resent#voto")
	}
	tab.post(t, "/confirm", "token", token(eva.Email)).goesTo(t, "/v/"+id+"?said=voted#voto")
	tab.get(t, "/v/"+second).has(t, "3 votos<", "Quitar mi voto")

	// Who looks after the site is led to the second factor that this needs.
	boss := h.signedIn(t, h.withRole(t, "Jefa", identity.Admin))
	boss.get(t, "/en/admin/users").goesTo(t, "/en/me/two-factor")
	boss.get(t, "/me/two-factor").has(t, "Para administrar el sitio la necesitas")
}
