package site_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// troubles are pages that only tests have: what goes wrong there is answered as it is on any page.
func troubles(server *web.Server, limits *limit.Limits) {
	once := limit.Budget{
		Name: "trouble", By: limit.Client, Local: true, Rate: limit.Rate{Count: 1, Per: time.Hour, Burst: 1},
	}
	for _, language := range []string{"", "/en"} {
		for path, trouble := range map[string]func(r *http.Request) error{
			"/trouble/limited": func(r *http.Request) error {
				return errors.Join(limits.Take(r.Context(), once, ""), limits.Take(r.Context(), once, ""))
			},
			"/trouble/busy":   func(*http.Request) error { return limit.ErrBusy.WithRetryAfter(5) },
			"/trouble/broken": func(*http.Request) error { return errors.New("a secret of the inside") },
		} {
			server.Page(http.MethodGet, language+path, web.Use{}, false, func(r *http.Request) (web.View, error) {
				return web.View{}, trouble(r)
			})
		}
	}
}

// A person who has to wait reads for how long, and one who met a fault of ours reads the number to quote.
func TestTroubleIsSaidInWords(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	user := h.account(t, "Ana", "Bogotá")
	id := h.publish(t, user, "El primer vuelo")
	b := h.browser(t)
	var limited document
	for range 40 {
		if limited = b.post(t, "/login", "email", user.Email, "password", "wrong one"); limited.status != 422 {
			break
		}
	}
	if limited.status != http.StatusTooManyRequests {
		t.Errorf("guessing a password answers %d", limited.status)
	}
	limited.has(t, "Vuelve a intentarlo en ", `value="`+user.Email+`"`)
	for path, want := range map[string]struct {
		status int
		texts  []string
	}{
		"/trouble/limited": {
			http.StatusTooManyRequests, []string{"Espera un momento", "Vuelve a intentarlo en 60 minutos"},
		},
		"/en/trouble/limited": {http.StatusTooManyRequests, []string{"Please wait a moment", "in 60 minutes"}},
		"/trouble/busy": {
			http.StatusServiceUnavailable, []string{"Volvemos en un momento", "Vuelve a intentarlo en 5 segundos"},
		},
		"/en/trouble/busy": {http.StatusServiceUnavailable, []string{"in 5 seconds"}},
		"/trouble/broken":  {http.StatusInternalServerError, []string{"Algo falló de nuestro lado"}},
	} {
		got := b.get(t, path)
		if after := got.header.Get("Retry-After"); got.status != want.status || (after == "") != (want.status == 500) {
			t.Errorf("%s answers %d and Retry-After %q", path, got.status, after)
		}
		got.has(t, append(want.texts, `<nav class="menu"`)...)
	}
	if _, err := h.db.Exec(t.Context(), "ALTER TABLE voting_entries RENAME TO elsewhere"); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"/v/" + id: "Algo falló de nuestro lado", "/en/v/" + id: "our side"} {
		broken := b.get(t, path)
		number := broken.header.Get("X-Request-Id")
		if broken.status != http.StatusInternalServerError || number == "" {
			t.Errorf("%s answers %d with the number %q", path, broken.status, number)
		}
		broken.has(t, want, "<code>"+number+"</code>", `<nav class="menu"`)
		if strings.Contains(broken.body, "elsewhere") || strings.Contains(broken.body, "voting_") {
			t.Errorf("%s tells of the inside", path)
		}
	}
}

// hurry makes the pauses of scripts, which are of 5 and 15 s, a hundred times as short.
func (p person) hurry() {
	p.begins(`const later = setTimeout;
		window.setTimeout = (act, after) => later(act, after === 5000 || after === 15000 ? after / 100 : after)`)
}

// What scripts do on a line that is cut waits or is said, and goes on once the line is back.
func TestACutLineIsOutlived(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	_, videos := h.crowd(t, 1)
	luz, l := h.account(t, "Luz", "Cali"), h.line(t)
	hers := h.publish(t, luz, "Son de la montaña")
	p := person{t, newBrowser(t)}
	p.hurry()
	p.signIn(l.URL, luz)

	// The vote stays as it was, and the focus where it was.
	p.do(chromedp.Navigate(l.URL + "/v/" + videos[0]))
	l.cutNow()
	p.sees("No sabemos si llegó tu voto. Revisa tu conexión y toca otra vez: cuenta una sola vez. cast", `
		one(".votebox button").focus();
		one(".votebox button").click();
		await until(() => !one("[data-trouble]").hidden);
		return one("[data-trouble]").textContent + " " + document.activeElement.value;`)
	l.mended()
	p.sees("Votaste por este video true", `
		one(".votebox button").click();
		await until(() => one(".votebox.voted"));
		return one(".voted-line").textContent + " " + one("[data-trouble]").hidden;`)

	// The ranking asks again until it is answered.
	p.do(chromedp.Navigate(l.URL+"/ranking"), chromedp.WaitReady("[data-place]", chromedp.ByQuery))
	l.cutNow()
	l.waitRefused(t, 2)
	for _, who := range []string{"Mar", "Paz"} {
		if _, err := h.voting.Vote(t.Context(), hers, h.account(t, who, "Cali").ID); err != nil {
			t.Fatal(err)
		}
	}
	l.mended()
	p.sees("Luz Ruiz sube 1", `
		await until(() => one(".moved"));
		return one("tbody th a").textContent + one(".moved").textContent;`)

	// So does the page of a video on its way, whose stream of events is broken.
	h.change(t, h.db, "UPDATE media_videos SET status = 'processing', stage = 'processing', progress = 40 WHERE id = ?",
		hers)
	p.do(chromedp.Navigate(l.URL+"/me/videos/"+hers), chromedp.WaitReady("[data-progress] progress", chromedp.ByQuery))
	l.cutNow()
	l.waitRefused(t, 4)
	h.change(t, h.db, "UPDATE media_videos SET status = 'processed', stage = '', progress = 100 WHERE id = ?", hers)
	l.mended()
	p.do(chromedp.WaitReady("#state.good", chromedp.ByQuery))
}
