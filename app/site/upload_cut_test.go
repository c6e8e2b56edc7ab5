package site_test

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// The line is cut at ten places, at one of which the page is reloaded and the same file chosen again, under another
// name: the same bytes arrive, and each cut costs one part at most. With SITE_SLOW_UPLOAD=1 it is a clip of 150 MB at
// 1 Mbit/s, which takes 25 minutes.
func TestAnUploadSurvivesCutsAndAReload(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	const part = 5 << 20
	size, rate, most := int64(32<<20), float64(8<<20), 5*time.Minute // the rate in bytes per second
	before, later := []int64{1, 2, 6, 3, 6, 2, 6}, []int64{2, 6}     // MiB that are sent between two cuts
	slow := os.Getenv("SITE_SLOW_UPLOAD") != ""
	if slow {
		size, rate, most = 150e6, 1e6/8, 45*time.Minute
		before, later = []int64{4, 32, 22}, []int64{60}
	}
	h := startHouseFor(t, 200<<20)
	luz, l := h.account(t, "Luz", "Cali"), h.line(t)
	clip := pad(t, makeClip(t, "clip.mp4", 2, "testsrc2=s=320x180:r=10"), size)
	renamed := filepath.Join(t.TempDir(), "VID_0001.mp4")
	if err := os.Link(clip, renamed); err != nil {
		t.Fatal(err)
	}
	p := person{t, newBrowserFor(t, most)}
	if !slow {
		p.saver() // parts go one by one, as on a slow line
	}
	p.signIn(l.URL, luz)
	p.throttle(rate)
	cuts := int64(0)
	cut := func(after []int64) {
		for _, mebibytes := range after {
			l.waitSent(t, l.bytes.Load()+mebibytes<<20, most)
			l.cutNow()
			cuts++
			p.sees("", `await until(() => one("[data-state]").textContent.startsWith("Sin conexión")); return "";`)
			l.mended()
			p.sees("", `dispatchEvent(new Event("online")); return "";`)
		}
	}
	p.choose(clip)
	cut(before)
	l.waitSent(t, l.bytes.Load()+part, most)
	p.sees("true", `
		one("#title").value = "Mi canción";
		one("#title").dispatchEvent(new Event("input"));
		const leaving = new Event("beforeunload", {cancelable: true});
		dispatchEvent(leaving);
		return String(leaving.defaultPrevented && /^[1-9]\d? % · Subir video/.test(document.title));`)
	cuts++
	p.reload()
	p.sees("true Mi canción", `
		await until(() => !one("[data-notice]").hidden);
		const said = one("[data-notice] p").textContent;
		return /^Tienes una subida a medias \(\d\d %\)\. .*: «clip.mp4»/.test(said) + " " + one("#title").value;`)
	p.choose(renamed)
	cut(later)
	l.waitSent(t, size, most)
	const arrived = `[data-upload]:has([data-pause][hidden]):has([data-resume][hidden])`
	if err := within(p.ctx, most, chromedp.WaitReady(arrived, chromedp.ByQuery)); err != nil {
		t.Fatal(err)
	}
	p.sees("false", `
		await until(() => one("[data-state]").textContent.includes("llegó completo"));
		const leaving = new Event("beforeunload", {cancelable: true});
		dispatchEvent(leaving);
		return String(leaving.defaultPrevented);`)
	p.do(chromedp.Click("button[data-do]", chromedp.ByQuery), chromedp.WaitReady("[data-progress]", chromedp.ByQuery))
	h.wantOriginal(t, luz, clip, "Mi canción", "0s")
	again := l.bytes.Load() - size
	if again < 0 || again > cuts*part {
		t.Errorf("%d bytes are sent again after %d cuts, want at most %d", again, cuts, cuts*part)
	}
	t.Logf("%d bytes in %d parts, and %d again after %d cuts", size, l.puts.Load(), again, cuts)
}

// A part of which nothing moves for 30 s, or 120 s once all has left the browser, is given up, and sent again. The
// browser's clock is made to run faster.
func TestAPartThatStallsIsSentAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	luz, l := h.account(t, "Luz", "Cali"), h.line(t)
	short := makeClip(t, "clip.mp4", 1, "color=s=64x36:r=5")
	p := person{t, newBrowser(t)}
	const faster = `const later = setTimeout;
		window.setTimeout = (act, after) => later(act, after === 30000 ? 300 : after === 120000 ? 1200 : after)`
	p.begins(faster)
	p.signIn(l.URL, luz)
	var puts atomic.Int64
	l.meddle(func(r *http.Request) (bool, int) {
		if r.Method != http.MethodPut || puts.Add(1) > 1 {
			return false, 0
		}
		_, _ = io.Copy(io.Discard, r.Body) // without which the server does not notice that the client is gone
		<-r.Context().Done()
		return true, http.StatusServiceUnavailable
	})
	p.choose(short)
	p.sees("", `
		await until(() => one("[data-state]").textContent.includes("llegó completo"));
		return "";`)
	if n := puts.Load(); n != 2 {
		t.Errorf("the part is sent %d times, want 2", n)
	}
	p.sees("", `one("[data-cancel]").click(); one("[data-sure] .danger").click(); return "";`)
}

// An answer that is cut in the middle is none: the page asks again.
func TestAnAnswerThatIsCutIsAskedForAgain(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	luz, l := h.account(t, "Luz", "Cali"), h.line(t)
	clip := makeClip(t, "clip.mp4", 1, "color=s=64x36:r=5")
	p := person{t, newBrowser(t)}
	p.signIn(l.URL, luz)
	for _, request := range []string{
		"POST /api/videos/uploads", "GET /api/videos/uploads/ID", "POST /api/videos/uploads/ID/complete",
	} {
		l.torn.Store(request, true)
	}
	p.choose(clip)
	p.sees("", `await until(() => one("[data-state]").textContent.includes("llegó completo")); return "";`)
	p.reload()
	p.sees("", `await until(() => one("[data-state]").textContent.includes("ya llegó completo")); return "";`)
	p.do(chromedp.SetValue("#title", "Mi canción", chromedp.ByQuery),
		chromedp.Click("button[data-do]", chromedp.ByQuery), chromedp.WaitReady("[data-progress]", chromedp.ByQuery))
	h.wantOriginal(t, luz, clip, "Mi canción", "0s")
	l.torn.Range(func(request, _ any) bool {
		t.Errorf("no answer to %s was cut", request)
		return true
	})
}

// Who cancels while the line is down can choose the next file at once, and what comes late does not end its upload.
func TestACancelledUploadLeavesTheNextAlone(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	luz, l := h.account(t, "Luz", "Cali"), h.line(t)
	clip := makeClip(t, "clip.mp4", 1, "color=s=64x36:r=5")
	next := makeClip(t, "next.mp4", 1, "color=s=64x36:r=6")
	p := person{t, newBrowser(t)}
	p.signIn(l.URL, luz)
	late, dropped := make(chan struct{}), make(chan struct{})
	var begun, ended atomic.Int64
	l.meddle(func(r *http.Request) (bool, int) {
		if r.Method == http.MethodPost && r.URL.Path == "/api/videos/uploads" && begun.Add(1) == 1 {
			<-late
		}
		if r.Method == http.MethodDelete && ended.Add(1) == 1 {
			defer close(dropped)
		}
		return false, 0
	})
	p.choose(clip)
	p.sees("Cancelamos la subida. No se guardó nada.", `
		await until(() => !one("[data-sending]").hidden);
		one("[data-cancel]").click();
		one("[data-sure] .danger").click();
		await until(() => one("[data-notice] p").textContent);
		return one("[data-notice] p").textContent;`)
	p.choose(next)
	p.sees("", `await until(() => one("[data-state]").textContent.includes("llegó completo")); return "";`)
	close(late)
	select {
	case <-dropped:
	case <-time.After(20 * time.Second):
		t.Fatal("the upload that came late is not cancelled")
	}
	p.do(chromedp.SetValue("#title", "La otra", chromedp.ByQuery),
		chromedp.Click("button[data-do]", chromedp.ByQuery), chromedp.WaitReady("[data-progress]", chromedp.ByQuery))
	h.wantOriginal(t, luz, next, "La otra", "0s")
}
