package site_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"os"
	gopath "path"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// What a page may cost, in bytes as they are sent.
const (
	mostHTML     = 12 << 10
	mostStyles   = 10 << 10
	mostScripts  = 15 << 10 // of one page
	listScripts  = 4 << 10  // of the list of videos
	allScripts   = 30 << 10
	mostRequests = 12        // before a tap on play
	mostList     = 120 << 10 // the first screen with 12 cards
	mostVideo    = 80 << 10  // the page of a video
	mostAgain    = 15 << 10  // the list, when it is visited again
)

// packed is how many bytes a text has on the wire.
func packed(t *testing.T, text string) int {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Len()
}

// Voters pay for bytes: styles and scripts are small, those that scripts import included, and are served as written.
func TestStylesAndScriptsAreSmall(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	users, videos := h.crowd(t, 13)
	b, id := h.signedIn(t, users[0]), videos[0]
	gzipped := func(address string) int { return len(b.get(t, address, "Accept-Encoding", "gzip").body) }
	styles := b.get(t, "/").first(t, regexp.MustCompile(`rel="stylesheet" href="([^"]+)"`))
	if got := gzipped(styles); got > mostStyles {
		t.Errorf("the styles have %d bytes", got)
	}
	source := regexp.MustCompile(`<script type="module" src="([^"]+)"|import [^"]*"([^"]+)"`)
	for path, most := range map[string]int{
		"/": listScripts, "/ranking": mostScripts, "/v/" + id: mostScripts, "/watch": mostScripts,
		"/u/" + users[0].ID: mostScripts, "/u/" + users[0].ID + "/poster": mostScripts, "/embed/" + id: mostScripts,
		"/login": mostScripts, "/signup": mostScripts, "/upload": mostScripts, "/me": mostScripts,
		"/me/videos/" + id: mostScripts,
	} {
		seen, size := map[string]bool{}, 0
		var follow func(address, text string)
		follow = func(address, text string) {
			for _, found := range source.FindAllStringSubmatch(text, -1) {
				script := found[1]
				if script == "" {
					script = gopath.Join(gopath.Dir(address), found[2])
				}
				if !seen[script] {
					seen[script] = true
					size += gzipped(script)
					follow(script, b.get(t, script, "Accept-Encoding", "identity").body)
				}
			}
		}
		follow(path, b.get(t, path).body)
		if size > most || path == "/upload" && len(seen) < 6 {
			t.Errorf("%s has scripts of %d bytes, at most %d are allowed: %v", path, size, most, seen)
		}
	}
	files, err := filepath.Glob("../../assets/site/static/*.js")
	if err != nil || len(files) < 6 {
		t.Fatalf("found %q, %v", files, err)
	}
	sum := 0
	for _, file := range files {
		written, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		address := gopath.Join(gopath.Dir(styles), filepath.Base(file))
		if b.get(t, address, "Accept-Encoding", "identity").body != string(written) {
			t.Errorf("%s is not served as written", address)
		}
		sum += gzipped(address)
	}
	if sum > allScripts {
		t.Errorf("all scripts have %d bytes", sum)
	}
}

// load is what a browser counts of a page that it has loaded, before any tap.
type load struct {
	Requests, Bytes, Clips int     // the icon, which the browser takes twice, is one request
	Shift                  float64 // of what is on the screen (CLS)

	Names []string // of the requests
	Moved []string // what has moved, and from where to where
}

// visits loads a page and waits until the network is quiet.
func (p person) visits(address string) (got load) {
	p.t.Helper()
	idle := make(chan cdp.LoaderID, 100)
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*page.EventLifecycleEvent); ok && e.Name == "networkIdle" {
			select {
			case idle <- e.LoaderID:
			default:
			}
		}
	})
	var loader cdp.LoaderID
	p.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, id, text, _, err := page.Navigate(address).Do(ctx)
		if loader = id; text != "" {
			return fmt.Errorf("open %s: %s", address, text)
		}
		return err
	}))
	for late := time.After(time.Minute); ; {
		select {
		case id := <-idle:
			if id != loader {
				continue
			}
		case <-late:
			p.t.Fatalf("%s goes on loading", address)
		}
		break
	}
	p.do(chromedp.Evaluate(`(() => {
		const entries = ["navigation", "resource"].flatMap(type => performance.getEntriesByType(type));
		const shifts = new PerformanceObserver(() => {});
		shifts.observe({type: "layout-shift", buffered: true});
		const moved = shifts.takeRecords();
		return {
			Requests: new Set(entries.map(e => e.name)).size,
			Bytes: entries.reduce((sum, e) => sum + e.transferSize, 0),
			Clips: entries.filter(e => e.name.includes(".mp4")).length,
			Shift: moved.reduce((sum, e) => sum + e.value, 0),
			Names: entries.map(e => e.name.replace(location.origin, "")),
			Moved: moved.flatMap(e => e.sources.map(s => [
				(s.node?.outerHTML ?? s.node?.textContent ?? "").slice(0, 80), JSON.stringify(s.previousRect),
				JSON.stringify(s.currentRect)].join(" "))),
		};
	})()`, &got))
	return got
}

// A phone on a slow line loads little before a tap on play, nothing of a clip, and almost nothing when it comes again.
// Nothing on the screen moves while a page loads.
func TestAVisitCostsLittle(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	users, videos := h.crowd(t, 14)
	p := person{t, newBrowser(t)}
	p.do(chromedp.EmulateViewport(360, 640, chromedp.EmulateMobile, chromedp.EmulateScale(2)))
	p.onLine(150*time.Millisecond, 1.6e6/8, 750e3/8) // slow 4G, as Lighthouse has it
	check := func(path string, most int) {
		t.Helper()
		got := p.visits(h.url + path)
		if got.Requests > mostRequests || got.Bytes > most || got.Clips > 0 || got.Shift > 0 {
			t.Errorf("%s takes %d requests (%q) and %d bytes, %d for clips, and moves by %.3f (%q)",
				path, got.Requests, got.Names, got.Bytes, got.Clips, got.Shift, got.Moved)
		}
		t.Logf("%s: %d requests, %d bytes", path, got.Requests, got.Bytes)
	}
	check("/", mostList)
	check("/v/"+videos[0], mostVideo)
	check("/", mostAgain)
	p.do(network.SetCacheDisabled(true)) // each page as if it were the first one
	h.change(t, h.db, "UPDATE voting_entries SET small_width = 360, small_height = 640 WHERE video_id = ?", videos[1])
	for _, path := range []string{
		"/watch", "/ranking", "/u/" + users[0].ID, "/login", "/signup", "/forgot", "/report/" + videos[0], "/help",
		"/v/" + videos[1], // an upright clip
	} {
		check(path, mostVideo)
	}
	p.signIn(h.url, users[0])
	for _, path := range []string{"/upload", "/me", "/me/videos", "/me/videos/" + videos[0], "/me/votes"} {
		check(path, mostVideo)
	}
}
