package site_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// check looks at one page with a browser that show serves.
type check struct {
	t    *testing.T
	ctx  context.Context
	name string
}

// show serves documents as they were got, by name below /document/. All else comes from the house, but for axe, which
// the browser compiles once if it comes from an address.
func (h *house) show(t *testing.T, documents map[string]document) string {
	t.Helper()
	target, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	axe, err := os.ReadFile(filepath.Join(tools, "axe-core/axe.min.js"))
	if err != nil {
		t.Fatalf("%v; run: make .cache/pages/.installed", err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorLog = log.New(io.Discard, "", 0) // a browser leaves pages before all their pictures are there
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, ok := documents[strings.TrimPrefix(r.URL.Path, "/document/")]
		switch {
		case r.URL.Path == "/axe.js":
			w.Header().Set("Content-Type", "text/javascript")
			w.Header().Set("Cache-Control", "max-age=3600")
			_, _ = w.Write(axe)
		case ok:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", d.header.Get("Content-Security-Policy"))
			_, _ = w.Write([]byte(d.body))
		default:
			proxy.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func scheme(value string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"},
	})
}

// letters makes the browser's own letters so large, in documents that are opened from now on.
func letters(size int64) chromedp.Action {
	return page.SetFontSizes(&page.FontSizes{Standard: size, Fixed: size * 13 / 16})
}

// run looks at the English page in the light, on phones and wider screens, and at the Spanish one, whose words are
// longer, in the dark on a small phone with letters of twice the size.
func (c check) run(folder string) {
	address := folder + c.name
	c.do(chromedp.EmulateViewport(360, 640), scheme("light"), letters(16), chromedp.Navigate(address+"-en"))
	c.barriers("English and light")
	c.focus()
	for _, width := range []int64{320, 768, 1280, 360} {
		c.do(chromedp.EmulateViewport(width, 640))
		c.sideways("in English")
	}
	c.spacing()
	c.do(chromedp.EmulateViewport(320, 640), scheme("dark"), letters(32), chromedp.Navigate(address))
	c.barriers("Spanish and dark, with letters of 32 px")
	c.sideways("in Spanish with letters of 32 px")
	c.firstScreen(address)
	c.shootAll(address)
}

// do reports what fails, and goes on with the next page.
func (c check) do(actions ...chromedp.Action) {
	c.t.Helper()
	if err := within(c.ctx, time.Minute, chromedp.Tasks(actions)); err != nil {
		c.t.Errorf("%s: %v", c.name, err)
	}
}

// finds reports what the body of an async function in the page returns, a list of findings.
func (c check) finds(where, body string) {
	c.t.Helper()
	var found []string
	c.do(chromedp.Evaluate("(async () => {"+body+"})()", &found, awaitPromise))
	for _, finding := range found {
		c.t.Errorf("%s, %s: %s", c.name, where, finding)
	}
}

// barriers are those that axe finds. Only the names of elements are left out of its report, which take it long.
func (c check) barriers(where string) {
	c.t.Helper()
	c.finds(where, `
		if (!window.axe) await new Promise((done, fail) => {
			const script = document.createElement("script");
			[script.src, script.onload, script.onerror] = ["/axe.js", done, fail];
			document.head.append(script);
		});
		const {violations} = await axe.run({
			runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
			resultTypes: ["violations"], preload: false, selectors: false,
		});
		return violations.flatMap(v =>
			v.nodes.map(n => v.id + ": " + n.html.slice(0, 200) + " " + n.failureSummary));`)
}

// firstScreen checks what stands whole above the menu of a phone.
func (c check) firstScreen(address string) {
	c.t.Helper()
	whole := map[string]string{
		"gallery": `".phase", ".picture img"`, "video": `"video", ".votebox button"`,
		"video-tall": `"video", ".votebox button"`, "watch": `"video", ".votebox button"`,
	}[c.name]
	if whole == "" {
		return
	}
	c.do(chromedp.EmulateViewport(360, 640), letters(16), chromedp.Navigate(address))
	c.finds("first screen", `
		const most = document.querySelector(".menu").getBoundingClientRect().top;
		return [`+whole+`].filter(part => {
			const box = document.querySelector(part).getBoundingClientRect();
			return box.top < 0 || box.height === 0 || box.bottom > most;
		});`)
}

// focus checks that whatever gets the focus shows it, and that nothing covers it.
func (c check) focus() {
	c.t.Helper()
	c.finds("focus", `
		const found = [], menu = document.querySelector(".menu");
		const fixed = menu && getComputedStyle(menu).position === "fixed";
		const stops = "a, button, input, select, textarea, summary, video[controls], [tabindex='0']";
		for (const stop of document.querySelectorAll(stops)) {
			const seen = stop.checkVisibility({visibilityProperty: true});
			if (!seen || stop.matches(":disabled, [tabindex='-1']")) continue;
			stop.focus();
			const box = stop.getBoundingClientRect();
			const ring = getComputedStyle(stop.closest(".card:has(.cover:focus)") ?? stop);
			const low = fixed && !menu.contains(stop) ? menu.getBoundingClientRect().top : innerHeight;
			// Of a field of many lines a browser shows the first ones, and what is taller than the screen fills it.
			const end = stop.matches("textarea") ? box.top + 48 : box.bottom;
			const whole = box.top > -2 && end < low + 1, fills = box.height > low && box.bottom > 0 && box.top < low;
			const wrong = document.activeElement !== stop ? "does not take the focus"
				: !whole && !fills ? "is at " + box.top + " to " + box.bottom + " of " + low
				: ring.outlineStyle === "none" || parseFloat(ring.outlineWidth) < 3 ? "does not show the focus" : "";
			if (wrong) found.push(stop.outerHTML.slice(0, 200) + " " + wrong);
		}
		document.activeElement.blur();
		scrollTo(0, 0);
		return found;`)
}

// sideways checks that nothing scrolls to the side, but what may within itself.
func (c check) sideways(how string) {
	c.t.Helper()
	c.finds("sideways "+how, `
		const d = document.documentElement;
		if (d.scrollWidth <= d.clientWidth) return [];
		return [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll") &&
			e.getBoundingClientRect().right > d.clientWidth + 1).slice(0, 5)
			.map(e => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 40))
			.concat("the page at " + d.clientWidth + " px");`)
}

// spacing checks that nothing is lost where somebody sets letters, words and lines further apart (WCAG 2.2, 1.4.12).
func (c check) spacing() {
	c.t.Helper()
	c.do(chromedp.Evaluate(`for (const rule of [
		"* {letter-spacing: .12em !important; word-spacing: .16em !important; line-height: 1.5 !important}",
		"p {margin-bottom: 2em !important}",
	]) document.styleSheets[0].insertRule(rule, document.styleSheets[0].cssRules.length)`, nil))
	c.sideways("with letters further apart")
	c.finds("letters further apart", `
		return [...document.querySelectorAll("a, button, label, p, h1, h2, h3, li, td, th, dd, summary")].filter(e =>
			e.checkVisibility() && !e.closest(".hidden, .skip") && e.clientHeight > 0 &&
			!["visible", "auto"].includes(getComputedStyle(e).overflowY) && e.scrollHeight > e.clientHeight + 1)
			.map(e => "cut off: " + e.outerHTML.slice(0, 200));`)
}

// shoot writes a picture for people to look at into the folder SITE_SHOTS.
func (c check) shoot(how string) {
	folder := os.Getenv("SITE_SHOTS")
	if folder == "" {
		return
	}
	var picture []byte
	c.do(chromedp.FullScreenshot(&picture, 100))
	if err := os.WriteFile(filepath.Join(folder, c.name+"-"+how+".png"), picture, 0o600); err != nil {
		c.t.Error(err)
	}
}

// shootAll writes a page's pictures: light and dark, on a phone and a laptop, and with letters of twice the size.
func (c check) shootAll(address string) {
	if os.Getenv("SITE_SHOTS") == "" {
		return
	}
	c.do(scheme("light"), letters(32), chromedp.EmulateViewport(320, 640), chromedp.Navigate(address))
	c.shoot("letters")
	c.do(letters(16), chromedp.Navigate(address))
	for _, colours := range []string{"light", "dark"} {
		c.do(scheme(colours), chromedp.EmulateViewport(360, 640))
		c.shoot("phone-" + colours)
		c.do(chromedp.EmulateViewport(1280, 800))
		c.shoot("laptop-" + colours)
	}
}
