package site_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"risingstars/modules/identity"
)

// Times are those of the site's zone, which each page names; and each page says whom one can ask.
func TestTimesNameTheirZone(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	user := h.account(t, "Ana", "Bogotá")
	id := h.publish(t, user, "El primer vuelo") // at noon in UTC
	b := h.signedIn(t, user)
	b.get(t, "/me/videos/"+id).has(t, `<time datetime="2026-11-20T12:00:00Z">20 de noviembre de 2026, 07:00, `+
		`hora de Bogotá</time>`, "Zona horaria: hora de Bogotá.")
	b.get(t, "/en/me/videos/"+id).has(t, "November 20, 2026, 07:00, Bogotá time", "Dates and times are in Bogotá time.")
	for _, path := range []string{"/help", "/privacy", "/accessibility", "/none"} {
		b.get(t, path).has(t, `Escríbenos: <a href="mailto:ayuda@example.org">ayuda@example.org</a>`)
	}
	// A day of a filter begins at midnight there.
	boss := h.signedIn(t, h.withRole(t, "Jefa", identity.Admin))
	bogota, err := time.LoadLocation("America/Bogota")
	if err != nil {
		t.Fatal(err)
	}
	today := time.Now().In(bogota)
	for day, want := range map[string]string{
		today.Format(time.DateOnly):                   "1 acción<",
		today.AddDate(0, 0, -1).Format(time.DateOnly): "No hay nada con ese filtro",
	} {
		boss.get(t, "/admin/log?from="+day+"&until="+day).has(t, want)
	}
}

// Whoever signs up reads which cities of their country are known, and whoever looks for a country may name it as they
// like.
func TestCitiesAreThoseOfTheCountry(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	h.publish(t, h.account(t, "Ana", "Bogotá"), "El primer vuelo")
	b := h.browser(t)
	const suggested = `<option value="Bogotá"></option>`
	for _, path := range []string{"/signup", "/en/signup?country=colombia", "/signup?country=CO"} {
		b.get(t, path).has(t, `list="cities"`, suggested)
	}
	if page := b.get(t, "/signup?country=M%C3%A9xico"); strings.Contains(page.body, suggested) {
		t.Error("a city of another country is suggested")
	}
	b.post(t, "/signup", "country", "Colombia", "email", "no").refused(t, suggested)
	for _, path := range []string{"/?country=CO", "/en/ranking?country=colombia", "/ranking?country=COL"} {
		b.get(t, path).has(t, "Ana Ruiz")
	}
}

// Who saves data sees the light rendition on every screen, until they choose otherwise.
func TestTheDataSaverHoldsOnThisDevice(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	user := h.account(t, "Ana", "Bogotá")
	id := h.publish(t, user, "El primer vuelo")
	b := h.signedIn(t, user)
	narrow := `type="video/mp4" media="(max-width: 40em)"`
	b.get(t, "/v/"+id).has(t, narrow)
	b.post(t, "/me/quality", "quality", "saver").goesTo(t, "/me?said=quality")
	b.get(t, "/me").has(t, `<option value="saver" selected>`)
	saved := b.get(t, "/v/"+id)
	if saved.has(t, "-small.mp4", "Ves la versión ligera"); strings.Contains(saved.body, narrow) {
		t.Error("wide screens get the large rendition")
	}
	b.get(t, "/v/"+id+"?q=high")
	if high := b.get(t, "/v/"+id); strings.Contains(high.body, "-small.mp4") {
		t.Error("the choice on the page of a video is forgotten")
	}
	if answer := h.browser(t).post(t, "/me/quality", "quality", "saver"); answer.status != http.StatusSeeOther {
		t.Errorf("without a session it answers %d", answer.status)
	}
}
