package site_test

import (
	"net/http"
	"strings"
	"testing"
)

// Each page leads to its twin, and says which address is its own.
func TestEachPageLinksItsTwin(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	b := h.browser(t)
	for path, twin := range map[string]string{
		"/": "/en", "/ranking": "/en/ranking", "/login": "/en/login", "/help": "/en/help",
		"/?q=cumbia&said=in": "/en?q=cumbia", "/ranking?city=Cali&utm_source=chat": "/en/ranking?city=Cali",
	} {
		own, _, _ := strings.Cut(path, "said=")
		own, _, _ = strings.Cut(strings.TrimRight(own, "&?"), "&utm_source")
		b.get(t, path).has(t, `<html lang="es">`, `rel="canonical" href="`+h.url+own+`"`,
			`hreflang="en" href="`+h.url+twin+`"`, `<a href="`+twin+`" hreflang="en" lang="en">English`)
		b.get(t, twin).has(t, `<html lang="en">`, `rel="canonical" href="`+h.url+twin+`"`,
			`hreflang="es" href="`+h.url+own+`"`, `<a href="`+own+`" hreflang="es" lang="es">Español`)
	}
	// Who prefers English is offered it, and not sent away.
	offered := b.get(t, "/ranking", "Accept-Language", "en-US,en;q=0.9")
	offered.has(t, `<html lang="es">`, "View this page in English")
	b.get(t, "/en/ranking").has(t, "Ver esta página en español")
	if strings.Contains(b.get(t, "/ranking").body, `class="offer"`) ||
		strings.Contains(b.get(t, "/en/ranking", "Accept-Language", "en").body, `class="offer"`) {
		t.Error("another language is offered to who has the one they prefer")
	}
}

// A link to a page that a list no longer has leads to the last one that it has, with the same filter.
func TestAPageAfterTheLastLeadsToTheLast(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	users, _ := h.crowd(t, 13)
	b := h.signedIn(t, users[0])
	b.get(t, "/").has(t, `rel="next">Más videos</a>`)
	for path, want := range map[string]string{
		"/?order=recent&page=9": "/?order=recent&page=2", "/en?order=votes&page=9": "/en?order=votes&page=2",
		"/?city=Cali&page=2":            "/?city=Cali",
		"/ranking?city=medellin&page=7": "/ranking?city=medellin", "/me/videos?page=2": "/me/videos",
		"/en/me/votes?page=3": "/en/me/votes",
	} {
		if answer := b.get(t, path); answer.status != http.StatusSeeOther || answer.location() != want {
			t.Errorf("%s answers %d %q, want %q", path, answer.status, answer.location(), want)
		}
	}
}

// A page that has not changed costs nothing.
func TestAnUnchangedPageIs304(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	b := h.browser(t)
	for _, path := range []string{"/", "/ranking", "/help"} {
		first := b.get(t, path)
		if got := first.header.Get("Cache-Control"); got != "private, no-cache" {
			t.Errorf("%s: Cache-Control is %q", path, got)
		}
		again := b.get(t, path, "If-None-Match", first.header.Get("ETag"))
		if again.status != http.StatusNotModified || again.body != "" {
			t.Errorf("%s again answers %d with %d bytes", path, again.status, len(again.body))
		}
	}
}

// Scripts and styles come from us alone, and nobody frames us.
func TestPagesHaveAPolicy(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	b := h.browser(t)
	for _, path := range []string{"/", "/no-such-page", "/v/none"} {
		policy := b.get(t, path).header.Get("Content-Security-Policy")
		for _, part := range []string{
			"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'",
			"form-action 'self'",
		} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy %q lacks %s", path, policy, part)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("%s: the policy is %q", path, policy)
		}
	}
}

// What goes wrong is said in the language of the address, with a way on; programs still get JSON.
func TestErrorsAreAPageForBrowsers(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	b := h.browser(t)
	for path, want := range map[string]string{
		"/no": "Aquí no hay nada", "/en/no": "There is nothing here", "/v/none": "Este video no existe",
		"/en/v/none": "does not exist", "/static/x/none.css": "Aquí no hay nada",
	} {
		answer := b.get(t, path, "Accept-Language", "fr")
		if answer.status != http.StatusNotFound || !strings.HasPrefix(answer.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s answers %d %s", path, answer.status, answer.header.Get("Content-Type"))
		}
		answer.has(t, want, "<h1>")
	}
	for path, accept := range map[string]string{"/no": "application/json", "/api/no": "text/html"} {
		if got := b.get(t, path, "Accept", accept).header.Get("Content-Type"); got != "application/problem+json" {
			t.Errorf("%s for %s is %s", path, accept, got)
		}
	}
	sent := b.ask(t, http.MethodPost, "/help", nil, "Sec-Fetch-Site", "same-origin")
	if sent.status != http.StatusMethodNotAllowed {
		t.Errorf("POST /help answers %d", sent.status)
	}
	// What answers an address that only takes forms leads to the page with the form, and is not itself linked.
	user := h.account(t, "Ana", "Bogotá")
	id := h.publish(t, user, "El primer vuelo")
	b = h.signedIn(t, user)
	refused := b.ask(t, http.MethodPost, "/v/"+id+"/vote", nil, "Sec-Fetch-Site", "cross-site")
	refused.has(t, `rel="canonical" href="`+h.url+"/v/"+id+`"`, `<a href="/en/v/`+id+`" hreflang="en"`,
		`href="/v/`+id+`">Volver</a>`)
	b.get(t, "/en/v/"+id+"/vote").has(t, `<a href="/v/`+id+`" hreflang="es"`, `href="/en/v/`+id+`">Back</a>`)
	if _, err := h.voting.Vote(t.Context(), id, h.account(t, "Luz", "Cali").ID); err != nil {
		t.Fatal(err)
	}
	kept := b.post(t, "/me/videos/"+id+"/delete")
	kept.has(t, `<a href="/en/me/videos/`+id+`" hreflang="en"`, "ya tiene votos")
	if strings.Contains(kept.body, "Sí, eliminar") {
		t.Error("a video with votes offers to be deleted")
	}
}

// Styles and scripts are kept for ever under their own build, and another build's are served without being kept.
func TestStaticFilesAreNamedByTheirContent(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	b := h.browser(t)
	_, rest, _ := strings.Cut(b.get(t, "/").body, `rel="stylesheet" href="`)
	address, _, _ := strings.Cut(rest, `"`)
	file := b.get(t, address, "Accept-Encoding", "gzip")
	if !strings.Contains(file.header.Get("Cache-Control"), "immutable") ||
		file.header.Get("Content-Encoding") != "gzip" || file.header.Get("Content-Type") != "text/css; charset=utf-8" {
		t.Errorf("%s: %v", address, file.header)
	}
	old := b.get(t, "/static/0000000000/site.css")
	if old.status != http.StatusOK || old.header.Get("Cache-Control") != "no-cache" {
		t.Errorf("another build's: %d %v", old.status, old.header)
	}
}

// What cannot be searched for is told at the field.
func TestAWrongSearchComesBack(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	h.crowd(t, 2)
	b := h.browser(t)
	wrong := b.get(t, "/?q=a")
	if wrong.status != http.StatusUnprocessableEntity {
		t.Errorf("it answers %d", wrong.status)
	}
	wrong.has(t, "escribe al menos una palabra", `value="a"`)
	if strings.Contains(wrong.body, `id="list"`) {
		t.Error("there is a list of what was not searched for")
	}
	b.get(t, "/?q=nadie").has(t, "No encontramos videos", "0 videos")
	b.get(t, "/?city=medellin").has(t, "Cumbia de medianoche", "1 video<")
	b.get(t, "/?q=%3Cscript%3Ealert(1)%3C%2Fscript%3E").has(t, "&lt;script&gt;")
}

// A chat shows a picture of every page: of a video its own, from an address that lasts.
func TestAVideoHasAPreview(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	_, videos := h.crowd(t, 1)
	b := h.browser(t)
	page := b.get(t, "/v/"+videos[0])
	picture := "/media/processed/" + videos[0] + "-1.jpg"
	page.has(t, `property="og:image" content="`+h.url+picture+`"`,
		`property="og:title" content="El primer vuelo · Ana0 Ruiz"`, `property="og:locale" content="es_419"`,
		`property="og:image:width" content="1280"`, `property="og:image:height" content="720"`,
		`-small.mp4" type="video/mp4" media="(max-width: 40em)">`)
	b.get(t, "/en/v/"+videos[0]).has(t, `property="og:locale" content="en_US"`)
	b.get(t, "/v/"+videos[0], "Save-Data", "on").has(t, `-small.mp4" type="video/mp4">`, `class="player"`)
	long := h.publish(t, h.account(t, "Luz", "Cali"), strings.Repeat("ñ", 100))
	h.change(t, h.db, "UPDATE voting_entries SET small_width = 360, small_height = 640 WHERE video_id = ?", long)
	b.get(t, "/v/"+long).has(t, `property="og:title" content="`+strings.Repeat("ñ", 64)+`…"`, `class="player tall"`)
	b.get(t, "/v/"+long+"?q=high").has(t, `class="player"`)
	if got := b.get(t, picture); got.status != http.StatusOK || got.header.Get("Content-Type") != "image/jpeg" {
		t.Errorf("the picture answers %d %v", got.status, got.header)
	}
	list := b.get(t, "/ranking")
	list.has(t, `<tfoot class="printed">`, "Resultados provisionales del", "versión 1.2.3 · "+h.url+"/ranking<",
		`property="og:image" content="`+h.url+`/static/`, `name="twitter:card"`)
	_, rest, _ := strings.Cut(list.body, `property="og:image" content="`+h.url)
	picture, _, _ = strings.Cut(rest, `"`)
	if got := b.get(t, picture); got.status != http.StatusOK || got.header.Get("Content-Type") != "image/jpeg" ||
		len(got.body) > 300<<10 {
		t.Errorf("%s answers %d %v with %d bytes", picture, got.status, got.header, len(got.body))
	}
}
