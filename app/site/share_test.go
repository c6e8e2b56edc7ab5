package site_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// Another site learns how to show a video of ours, and only a video of ours.
func TestOEmbedShowsOurVideosAlone(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	users, videos := h.crowd(t, 1)
	b := h.browser(t)
	id := videos[0]
	ask := func(address string, more ...string) document {
		return b.get(t, "/oembed?format=json&url="+url.QueryEscape(address)+strings.Join(more, ""), "Accept", "*/*")
	}
	page := b.get(t, "/v/"+id)
	page.has(t, `type="application/json+oembed" href="`+h.url+`/oembed?format=json&amp;url=`+
		url.QueryEscape(h.url+"/v/"+id))
	type answer struct {
		Version, Type, Title, HTML string
		AuthorName                 string `json:"author_name"`
		AuthorURL                  string `json:"author_url"`
		ThumbnailURL               string `json:"thumbnail_url"`
		Width, Height              int
	}
	for query, want := range map[string][2]int{
		"": {640, 416}, "&maxwidth=320": {320, 236}, "&maxwidth=5000": {1280, 776}, "&maxheight=236": {320, 236},
		"&maxwidth=1&maxheight=1": {200, 168},
	} {
		var got answer
		sent := ask(h.url+"/v/"+id, query)
		if err := json.Unmarshal([]byte(sent.body), &got); err != nil || sent.status != http.StatusOK {
			t.Fatalf("%s answers %d %s", query, sent.status, sent.body)
		}
		if got.Width != want[0] || got.Height != want[1] || got.Version != "1.0" || got.Type != "video" ||
			got.Title != "El primer vuelo" || got.AuthorURL != h.url+"/u/"+users[0].ID ||
			!strings.Contains(got.HTML, `<iframe src="`+h.url+"/embed/"+id+`"`) ||
			b.get(t, strings.TrimPrefix(got.ThumbnailURL, h.url)).status != http.StatusOK {
			t.Errorf("%s answers %+v", query, got)
		}
		if sent.header.Get("Access-Control-Allow-Origin") != "*" ||
			!strings.HasPrefix(sent.header.Get("Content-Type"), "application/json") {
			t.Errorf("%s: %v", query, sent.header)
		}
	}
	ask(h.url+"/en/v/"+id+"?said=voted#voto").has(t, h.url+"/en/embed/"+id)
	for _, address := range []string{
		"", "no address", "https://evil.example/v/" + id, h.url + "/v/", h.url + "/v/none", h.url + "/ranking",
		h.url + "/v/" + id + "/vote", "ftp" + strings.TrimPrefix(h.url, "http") + "/v/" + id, "//" + id, "%zz",
		h.url + "@evil.example/v/" + id,
	} {
		if got := ask(address).status; got != http.StatusNotFound {
			t.Errorf("%q answers %d", address, got)
		}
	}
	if got := ask(h.url+"/v/"+id, "&maxwidth=wide").status; got != http.StatusUnprocessableEntity {
		t.Errorf("a width in words answers %d", got)
	}
	xml := b.get(t, "/oembed?format=xml&url="+url.QueryEscape(h.url+"/v/"+id))
	if xml.status != http.StatusNotImplemented {
		t.Errorf("XML answers %d", xml.status)
	}
}

// Only the player for other sites may stand in a frame of theirs.
func TestOnlyThePlayerForOthersIsFramed(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	users, videos := h.crowd(t, 1)
	b := h.browser(t)
	for path, framed := range map[string]bool{
		"/embed/" + videos[0]: true, "/en/embed/" + videos[0]: true, "/embed/none": true, "/v/" + videos[0]: false,
		"/watch": false, "/u/" + users[0].ID: false, "/u/" + users[0].ID + "/poster": false, "/": false,
		"/login": false,
	} {
		header := b.get(t, path).header
		policy := header.Get("Content-Security-Policy")
		if got := strings.Contains(policy, "frame-ancestors *"); got != framed || got == strings.Contains(policy,
			"frame-ancestors 'none'") || got == (header.Get("X-Frame-Options") == "DENY") {
			t.Errorf("%s: %q, %q", path, policy, header.Get("X-Frame-Options"))
		}
	}
}

// Search engines and chats get a description of each video, whose texts cannot leave it.
func TestAVideoDescribesItself(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	ana := h.account(t, "Ana", "Bogotá")
	id := h.publish(t, ana, `</script><script>alert(1)</script> "El" <b>vuelo`)
	page := h.browser(t).get(t, "/v/"+id)
	if strings.Contains(page.body, "<script>alert") || strings.Contains(page.body, "<b>") {
		t.Error("a title is part of the page")
	}
	found := regexp.MustCompile(`(?s)<script type="application/ld\+json">(.*?)</script>`).FindStringSubmatch(page.body)
	if found == nil {
		t.Fatalf("there is no description:\n%s", page.body)
	}
	var data map[string]any
	if err := json.Unmarshal([]byte(found[1]), &data); err != nil {
		t.Fatalf("%v:\n%s", err, found[1])
	}
	for name, want := range map[string]any{
		"@type": "VideoObject", "name": `</script><script>alert(1)</script> "El" <b>vuelo`, "duration": "PT35S",
		"uploadDate": "2026-11-20T12:00:00Z", "embedUrl": h.url + "/embed/" + id,
	} {
		if data[name] != want {
			t.Errorf("%s is %v, want %v", name, data[name], want)
		}
	}
	page.has(t, `property="og:type" content="video.other"`, `name="twitter:card" content="summary_large_image"`,
		`href="https://wa.me/?text=`, `<svg class="qr"`)
}

// A performer has a page with their videos and places, and a sheet to print.
func TestAPerformerHasAPage(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	users, videos := h.crowd(t, 4) // two of Bogotá, one of Medellín, one of Guadalajara
	if _, err := h.voting.Vote(t.Context(), videos[3], users[0].ID); err != nil {
		t.Fatal(err)
	}
	b := h.browser(t)
	page := b.get(t, "/u/"+users[0].ID)
	page.has(t, "<h1>Ana0 Ruiz</h1>", "Puesto en Bogotá", "El primer vuelo", `href="/v/`+videos[0]+`"`,
		`href="/u/`+users[0].ID+`/poster"`, `property="og:type" content="profile"`)
	if got := regexp.MustCompile(`<dd>(\d)`).FindAllStringSubmatch(page.body, -1); len(got) != 3 || got[1][1] != "2" {
		t.Errorf("votes and places are %v, want the second place in Bogotá", got)
	}
	mar := h.account(t, "Mar", "Puebla")
	mar.Country = "México"
	h.publish(t, mar, "Marea")
	b.get(t, "/en/u/"+mar.ID).has(t, "Place in Puebla", "Place in Mexico<")
	b.get(t, "/u/"+users[0].ID+"/poster").has(t, "<h1>Ana0 Ruiz</h1>",
		strings.TrimPrefix(h.url, "http://"), `<svg class="qr"`)
	b.get(t, "/v/"+videos[0]).has(t, `href="/u/`+users[0].ID+`"`)
	b.get(t, "/ranking").has(t, `href="/u/`+users[3].ID+`"`)
	for _, id := range []string{h.account(t, "Luz", "Cali").ID, "none"} {
		gone := b.get(t, "/u/"+id)
		if gone.status != http.StatusNotFound {
			t.Errorf("somebody without a video answers %d", gone.status)
		}
		gone.has(t, "no tiene videos publicados")
	}
}

// The site can be put on the first screen of a phone.
func TestTheSiteHasAManifest(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	b := h.browser(t)
	address := regexpFirst(t, b.get(t, "/"), `rel="manifest" href="([^"]*)"`)
	sent := b.get(t, address)
	if got := sent.header.Get("Content-Type"); sent.status != http.StatusOK || got != "application/manifest+json" {
		t.Fatalf("%s answers %d %s", address, sent.status, got)
	}
	var manifest struct {
		Icons     []struct{ Src, Type string }
		Shortcuts []struct{ URL string }
		StartURL  string `json:"start_url"`
	}
	if err := json.Unmarshal([]byte(sent.body), &manifest); err != nil {
		t.Fatal(err)
	}
	base, err := url.Parse(address)
	if err != nil || len(manifest.Icons) < 3 {
		t.Fatal(err, manifest)
	}
	for _, icon := range manifest.Icons {
		got := b.get(t, base.JoinPath("..", icon.Src).Path)
		if got.status != http.StatusOK || got.header.Get("Content-Type") != icon.Type {
			t.Errorf("%s answers %d %s", icon.Src, got.status, got.header.Get("Content-Type"))
		}
	}
	if got := b.get(t, manifest.StartURL).status; got != http.StatusOK {
		t.Errorf("the start answers %d", got)
	}
	for _, shortcut := range manifest.Shortcuts {
		if got := b.get(t, shortcut.URL).status; got >= http.StatusBadRequest {
			t.Errorf("%s answers %d", shortcut.URL, got)
		}
	}
}
