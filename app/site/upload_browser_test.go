package site_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"risingstars/modules/identity"
)

// ready is there once the script has arranged the page.
const ready = "[data-upload] > .field:first-child #file"

var uploadID = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`)

// line is the way from a browser to the site: it counts the bytes of parts, and can be cut.
type line struct {
	*httptest.Server
	target *url.URL
	cut    atomic.Bool
	bytes  atomic.Int64 // of parts, whether or not they arrived whole
	puts   atomic.Int64
	mend   sync.Mutex
	before func(r *http.Request) (refused bool, status int) // nil: all pass
	torn   sync.Map                                         // requests whose next answer is cut after its first byte
}

func (h *house) line(t *testing.T) *line {
	t.Helper()
	target, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	l := &line{target: target}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.FlushInterval = -1
	proxy.ModifyResponse = func(answer *http.Response) error {
		request := answer.Request.Method + " " + uploadID.ReplaceAllString(answer.Request.URL.Path, "ID")
		if _, torn := l.torn.LoadAndDelete(request); torn {
			answer.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(io.LimitReader(answer.Body, 1), iotest.ErrReader(io.ErrUnexpectedEOF)), answer.Body}
		}
		return nil
	}
	l.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.cut.Load() {
			panic(http.ErrAbortHandler)
		}
		l.mend.Lock()
		before := l.before
		l.mend.Unlock()
		if before != nil {
			if refused, status := before(r); refused {
				_, _ = io.Copy(io.Discard, r.Body)
				w.WriteHeader(status)
				return
			}
		}
		if r.Method == http.MethodPut {
			l.puts.Add(1)
			r.Body = counted{r.Body, &l.bytes}
		}
		proxy.ServeHTTP(w, r)
	}))
	t.Cleanup(l.Close)
	return l
}

type counted struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// meddle makes the line do something to each request.
func (l *line) meddle(before func(r *http.Request) (refused bool, status int)) {
	l.mend.Lock()
	defer l.mend.Unlock()
	l.before = before
}

// cutNow breaks all connections, and lets none through until mended.
func (l *line) cutNow() {
	l.cut.Store(true)
	l.CloseClientConnections()
}

// makeClip writes a clip of so many seconds; noise makes it large.
func makeClip(t *testing.T, name string, seconds int, filter string, arguments ...string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	arguments = append([]string{
		"-v", "error", "-f", "lavfi", "-i", filter, "-f", "lavfi", "-i", "sine=440", "-t", fmt.Sprint(seconds),
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
	}, append(arguments, file)...)
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", arguments...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return file
}

// pad lengthens a clip to so many bytes by a box that players skip.
func pad(t *testing.T, file string, size int64) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	free := size - int64(len(content))
	box := make([]byte, free)
	copy(box, []byte{byte(free >> 24), byte(free >> 16), byte(free >> 8), byte(free), 'f', 'r', 'e', 'e'})
	for i := 8; i < len(box); i += 7 {
		box[i] = byte(i >> 3)
	}
	padded := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(padded, append(content, box...), 0o600); err != nil {
		t.Fatal(err)
	}
	return padded
}

// signIn signs the browser in, and watches for what its scripts throw.
func (p person) signIn(at string, user identity.User) {
	p.t.Helper()
	chromedp.ListenTarget(p.ctx, func(event any) {
		if thrown, ok := event.(*runtime.EventExceptionThrown); ok {
			p.t.Errorf("a script of the page fails: %v", thrown.ExceptionDetails)
		}
	})
	p.do(chromedp.Navigate(at+"/login?next=/upload"),
		chromedp.SendKeys("#email", user.Email, chromedp.ByQuery),
		chromedp.SendKeys("#password", password, chromedp.ByQuery),
		chromedp.Click("form button[type=submit]", chromedp.ByQuery), chromedp.WaitReady(ready, chromedp.ByQuery))
}

func (p person) choose(file string) {
	p.t.Helper()
	p.do(chromedp.SetUploadFiles("#file", []string{file}, chromedp.ByQuery))
}

// tab opens another tab of the same browser.
func (p person) tab() person {
	p.t.Helper()
	ctx, cancel := chromedp.NewContext(p.ctx)
	p.t.Cleanup(cancel)
	if err := chromedp.Run(ctx); err != nil {
		p.t.Fatal(err)
	}
	return person{p.t, ctx}
}

// saver makes the browser save data, so that parts go one by one.
func (p person) saver() {
	p.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(
			`Object.defineProperty(navigator, "connection", {value: {saveData: true}})`).Do(ctx)
		return err
	}))
}

// throttle limits what the browser sends, in bytes per second.
func (p person) throttle(rate float64) {
	p.do(network.Enable(), chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := network.EmulateNetworkConditionsByRule(false, []*network.Conditions{{
			URLPattern: "", Latency: 20, UploadThroughput: rate, DownloadThroughput: 10e6,
		}}).Do(ctx)
		return err
	}))
}

// sumOf is the checksum of a file's content.
func sumOf(t *testing.T, file string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sha256.Sum256(content))
}

// wantOriginal fails the test unless the only original of a person has the content of a file.
func (h *house) wantOriginal(t *testing.T, user identity.User, file, title string, start string) {
	t.Helper()
	videos, _, err := h.media.List(t.Context(), user.ID, "", 0, 10)
	if err != nil || len(videos) != 1 {
		t.Fatalf("%d videos, %v", len(videos), err)
	}
	v := videos[0]
	if v.Title != title || v.Start.String() != start {
		t.Errorf("the video is %q from %s, want %q from %s", v.Title, v.Start, title, start)
	}
	stored, _, err := h.bucket.Open(t.Context(), v.OriginalKey)
	if err != nil {
		t.Fatal(err)
	}
	defer stored.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, stored); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", hash.Sum(nil)); got != sumOf(t, file) {
		t.Errorf("other bytes arrived")
	}
}

// Somebody chooses a clip, moves the part that is published, and sends it with nothing but keys.
func TestAClipIsTrimmedAndSentByKeys(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouseFor(t, 64<<20)
	luz := h.account(t, "Luz", "Cali")
	clip := makeClip(t, "clip.mp4", 45, "testsrc2=s=320x180:r=10")
	p := person{t, newBrowser(t)}
	p.signIn(h.url, luz)
	p.choose(clip) // the system's own window is out of reach
	p.sees("Cumple: pesa 2,1 MB.|Cumple: dura 0:45.|Cumple: la imagen mide 320 × 180 píxeles.", `
		await until(() => one("[data-state]").textContent.includes("llegó completo"));
		return [...document.querySelectorAll(".checks li")].map(e => e.textContent).join("|");`)
	p.do(chromedp.Focus("#file + * , .skip", chromedp.ByQuery))
	p.tabTo("part")
	p.keys(kb.ArrowRight, kb.PageUp)
	p.sees("de 0:05,5 a 0:35,5 de 0:45 0:05,5 8", `
		return one("#part").getAttribute("aria-valuetext") + " " + one("#begins").value + " " +
			document.querySelectorAll(".strip canvas").length;`)
	p.keys(kb.End, kb.PageDown) // from 0:15 to 0:10
	p.tabTo("begins")
	p.do(chromedp.Evaluate(`document.activeElement.select()`, nil))
	p.keys("1:15", kb.Tab)
	p.sees("true Escribe minutos y segundos, como 1:15, hasta 0:15. 10", `
		return one("#begins").getAttribute("aria-invalid") + " " + one("#begins-error").textContent + " " +
			one("#part").value;`)
	p.do(chromedp.Focus("#begins", chromedp.ByQuery), chromedp.Evaluate(`document.activeElement.select()`, nil))
	p.keys("7", kb.Tab)
	p.tabTo("title")
	p.keys("Mi canción")
	p.tabTo("description")
	p.keys("Con mi hermana")
	p.keys(kb.Tab, kb.Tab, kb.Enter)
	p.do(chromedp.WaitReady("[data-progress]", chromedp.ByQuery))
	p.sees("Mi canción false", `
		return one("h1").textContent + " " + (localStorage.length > 0);`)
	h.wantOriginal(t, luz, clip, "Mi canción", "7s")
}

// keys presses keys, one after the other.
func (p person) keys(keys ...string) {
	p.t.Helper()
	for _, key := range keys {
		p.do(chromedp.KeyEvent(key))
	}
}

// tabTo presses the tabulator until a control has the focus.
func (p person) tabTo(id string) {
	p.t.Helper()
	for range 40 {
		var at string
		p.do(chromedp.Evaluate(`document.activeElement.id`, &at))
		if at == id {
			return
		}
		p.keys(kb.Tab)
	}
	p.t.Fatalf("no number of tabs leads to %s", id)
}

// waitSent waits until so many bytes of parts have come through the line.
func (l *line) waitSent(t *testing.T, bytes int64, most time.Duration) {
	t.Helper()
	for end := time.Now().Add(most); l.bytes.Load() < bytes; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d bytes are sent, want %d", l.bytes.Load(), bytes)
		}
	}
}

// The line is cut, the page reloaded and the same file chosen again, under another name: the same bytes arrive, and
// each cut costs one part at most. With SITE_SLOW_UPLOAD=1 it is a clip of 150 MB at 1 Mbit/s, which takes 25 minutes.
func TestAnUploadSurvivesCutsAndAReload(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	const part = 5 << 20
	size, rate, most := int64(32<<20), float64(8<<20), 5*time.Minute // the rate in bytes per second
	slow := os.Getenv("SITE_SLOW_UPLOAD") != ""
	if slow {
		size, rate, most = 150e6, 1e6/8, 45*time.Minute
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
	p.choose(clip)
	cuts := int64(0)
	for _, percent := range []int64{3, 25, 40, 80} { // of the bytes, with those that go again
		l.waitSent(t, size*percent/100, most)
		if percent == 80 {
			break
		}
		l.cutNow()
		cuts++
		p.sees("", `
			await until(() => one("[data-state]").textContent.startsWith("Sin conexión"));
			return "";`)
		l.cut.Store(false)
		p.sees("", `dispatchEvent(new Event("online")); return "";`)
	}
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
	l.waitSent(t, size*9/10, most)
	l.cutNow()
	cuts++
	p.sees("", `await until(() => one("[data-state]").textContent.startsWith("Sin conexión")); return "";`)
	l.cut.Store(false)
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

// reload loads the page again, whatever it asks before it goes.
func (p person) reload() {
	p.t.Helper()
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	chromedp.ListenTarget(ctx, func(event any) {
		if _, asks := event.(*page.EventJavascriptDialogOpening); asks {
			go func() { _ = chromedp.Run(p.ctx, page.HandleJavaScriptDialog(true)) }()
		}
	})
	p.do(chromedp.Reload(), chromedp.WaitReady(ready, chromedp.ByQuery))
}

// paused chooses a file, and pauses once bytes go.
func (p person) paused(file string) {
	p.t.Helper()
	p.choose(file)
	p.sees("En pausa. resume", `
		await until(() => parseInt(one("[data-line]").textContent) > 0);
		one("[data-pause]").click();
		return one("[data-state]").textContent + " " + (document.activeElement.matches("[data-resume]") && "resume");`)
}

// What goes wrong on the way is said, and there is a way on: a pause, another file, an address that has expired, a
// session that has ended, another tab, a cancellation.
func TestAnUploadHasAWayOn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	const size = 22 << 20
	h := startHouseFor(t, 64<<20)
	luz, l := h.account(t, "Luz", "Cali"), h.line(t)
	short := makeClip(t, "clip.mp4", 2, "testsrc2=s=320x180:r=10")
	clip, other := pad(t, short, size), pad(t, short, size+1)
	p := person{t, newBrowser(t)}
	p.signIn(l.URL, luz)
	p.throttle(4 << 20)

	// A pause ends what is under way, and nothing is sent until it is over.
	p.paused(clip)
	sent := l.puts.Load()
	p.sees("En pausa.", `
		dispatchEvent(new Event("online"));
		await new Promise(later => setTimeout(later, 300));
		return one("[data-state]").textContent;`)
	if now := l.puts.Load(); now != sent {
		t.Errorf("%d parts are sent in a pause", now-sent)
	}

	// A second tab waits for the first one.
	second := p.tab()
	second.do(chromedp.Navigate(l.URL+"/upload"), chromedp.WaitReady(ready, chromedp.ByQuery))
	second.sees("Ya estás subiendo un video en otra pestaña.", `
		await until(() => !one("[data-notice]").hidden);
		return one("[data-notice] p").textContent.split(" Sigue")[0];`)
	second.do(page.Close())

	// Another file is not taken for the first one, and leaves both ways open.
	p.reload()
	p.sees("", `await until(() => !one("[data-notice]").hidden); return "";`)
	p.choose(other)
	p.sees("No es el mismo archivo. Elegir otra vez|Dejar la de antes y subir este", `
		await until(() => one("[data-notice] p").textContent.startsWith("No es"));
		one("#title").dispatchEvent(new Event("input"));
		return one("[data-notice] p").textContent.slice(0, 23) + " " +
			[...document.querySelectorAll("[data-notice] button")].map(e => e.textContent).join("|");`)

	// An address that has expired is replaced by a new one.
	var refused atomic.Int64
	l.meddle(func(r *http.Request) (bool, int) {
		return r.Method == http.MethodPut && refused.Add(1) == 1, http.StatusForbidden
	})
	p.choose(clip)
	p.sees("Es el mismo archivo: seguimos donde íbamos.", `
		await until(() => !one("[data-sending]").hidden);
		return one("[data-state]").textContent;`)
	// What is written meanwhile is published as soon as all is there. The session has ended by then.
	p.sees("Guardamos lo que escribiste.", `
		await fetch("/logout", {method: "POST"});
		one("#title").value = "Mi canción";
		one("button[data-do]").click();
		return one("[data-state]").textContent.slice(0, 28);`)
	p.do(chromedp.WaitVisible("#signin-password", chromedp.ByQuery),
		chromedp.SendKeys("#signin-email", luz.Email, chromedp.ByQuery),
		chromedp.SendKeys("#signin-password", "not this one", chromedp.ByQuery),
		chromedp.Click("dialog[open] button[type=submit]", chromedp.ByQuery),
		chromedp.WaitVisible("dialog[open] .error", chromedp.ByQuery),
		chromedp.SetValue("#signin-password", password, chromedp.ByQuery),
		chromedp.Click("dialog[open] button[type=submit]", chromedp.ByQuery),
		chromedp.WaitReady("[data-progress]", chromedp.ByQuery))
	h.wantOriginal(t, luz, clip, "Mi canción", "0s")
	if n := refused.Load(); n < 2 {
		t.Errorf("%d parts are sent after an address has expired", n)
	}

	// Who cancels is asked once, and keeps what was written.
	p.do(chromedp.Navigate(l.URL+"/upload"), chromedp.WaitReady(ready, chromedp.ByQuery))
	p.paused(other)
	p.sees("", `one("#title").value = "La otra"; one("[data-cancel]").click(); return "";`)
	p.do(chromedp.WaitVisible("dialog[open] .danger", chromedp.ByQuery),
		chromedp.Click("dialog[open] .danger", chromedp.ByQuery))
	p.sees("Cancelamos la subida. No se guardó nada. La otra 0 [] file", `
		await until(() => !one("[data-notice]").hidden);
		const said = one("[data-notice] p").textContent;
		let left;
		do left = (await (await fetch("/api/videos/uploads")).text()).trim(); while (left !== "[]");
		return [said, one("#title").value, localStorage.length, left,
			document.activeElement.id].join(" ");`)

	// On plain http there are no locks: then the second tab warns, and does as it is told.
	p.withoutLocks()
	p.do(chromedp.Navigate(l.URL+"/upload"), chromedp.WaitReady(ready, chromedp.ByQuery))
	p.paused(other)
	second = p.tab()
	second.withoutLocks()
	second.do(chromedp.Navigate(l.URL+"/upload"), chromedp.WaitReady(ready, chromedp.ByQuery))
	second.sees("Seguir en esta pestaña", `
		await until(() => one("[data-notice] button"));
		return one("[data-notice] button").textContent;`)
	second.sees("Tienes una subida", `
		one("[data-notice] button").click();
		await until(() => one("[data-notice] p").textContent.startsWith("Tienes"));
		return one("[data-notice] p").textContent.slice(0, 17);`)
}

func (p person) withoutLocks() {
	p.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(`delete Navigator.prototype.locks`).Do(ctx)
		return err
	}))
}

// What a browser cannot show is sent all the same, and its part is chosen by writing. What breaks a rule is sent only
// if its owner insists, and what is too large not at all.
func TestAClipIsLookedAtBeforeItIsSent(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouseFor(t, 4<<20)
	luz := h.account(t, "Luz", "Cali")
	short := makeClip(t, "clip.mp4", 2, "testsrc2=s=180x320:r=10")
	file := func(name string, content []byte) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	p := person{t, newBrowser(t)}
	p.signIn(h.url, luz)
	p.choose(pad(t, short, 5<<20))
	p.sees("No cumple: pesa 5,0 MB y puede pesar como máximo 4 MB. Recórtalo en tu galería o elige otro. true file", `
		await until(() => !one("[data-checks]").hidden);
		return [one("[data-checks]").textContent, one("#file").getAttribute("aria-invalid"),
			document.activeElement.id].join(" ");`)
	p.choose(file("empty.mp4", nil))
	p.sees("Este archivo está vacío. Elige otro.", `
		await until(() => !one("[data-notice]").hidden);
		return one("[data-notice] p").textContent;`)
	p.choose(file("notes.txt", []byte("hola")))
	p.sees("true", `
		await until(() => !one("[data-notice]").hidden && one("[data-notice] p").textContent);
		return String(one("[data-notice] p").textContent.includes("MP4, MOV, 3GP, MKV o WebM"));`)
	p.do(chromedp.Evaluate(`document.querySelector("[data-upload]").dataset.shortest = "5"`, nil))
	p.choose(short)
	p.sees("No cumple: dura 0:02 y tiene que durar por lo menos 0:05. Elige uno más largo. "+
		"Subirlo de todos modos false", `
		await until(() => !one("[data-notice]").hidden && !one("[data-portrait]").hidden);
		return [one("[data-checks] .bad").textContent, one("[data-notice] button").textContent,
			!one("[data-sending]").hidden].join(" ");`)
	p.choose(file("unseen.mp4", clip(100_000)))
	p.sees("Ojo: no podemos ver este video en tu navegador. Lo revisará el servidor. true 0:00", `
		await until(() => one("[data-state]").textContent.includes("llegó completo"));
		return [one("[data-checks] .look").textContent, one("[data-view]").hidden, one("#begins").value].join(" ");`)
	p.sees("title", `
		one("#title").value = "...";
		one("button[data-do]").click();
		await until(() => one("#title-error"));
		return document.activeElement.id;`)
	p.do(chromedp.SetValue("#title", "Mi canción", chromedp.ByQuery),
		chromedp.Click("button[data-do]", chromedp.ByQuery), chromedp.WaitReady("[data-progress]", chromedp.ByQuery))
}

// Each state that scripts make of the page is for everybody: light and dark, on a phone, and on a small one with
// letters of twice the size.
func TestTheStepsOfAnUploadAreForEverybody(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouseFor(t, 64<<20)
	luz := h.account(t, "Luz", "Cali")
	upright := pad(t, makeClip(t, "clip.mp4", 45, "mandelbrot=s=360x640:r=5"), 20<<20)
	axe, err := os.ReadFile(filepath.Join(tools, "axe-core/axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	p := person{t, newBrowser(t)}
	p.signIn(h.url, luz)
	look := func(name string, letters bool) {
		c := check{t: t, ctx: p.ctx, name: "upload-" + name, axe: string(axe)}
		if letters {
			c.sideways("320 px with letters of 32 px")
			c.shoot("letters")
			return
		}
		for _, colours := range []string{"light", "dark"} {
			c.do(chromedp.EmulateViewport(360, 640), scheme(colours))
			c.barriers(colours, allRules)
			c.sideways("360 px")
			c.shootWhole("phone-" + colours)
			if os.Getenv("SITE_SHOTS") != "" {
				c.do(chromedp.EmulateViewport(1280, 800))
				c.shootWhole("laptop-" + colours)
			}
		}
	}
	for _, letters := range []bool{false, true} {
		if letters {
			p.do(chromedp.EmulateViewport(320, 640), page.SetFontSizes(&page.FontSizes{Standard: 32, Fixed: 26}))
		}
		p.do(chromedp.Navigate(h.url+"/upload"), chromedp.WaitReady(ready, chromedp.ByQuery))
		look("begin", letters)
		p.throttle(1 << 20)
		p.paused(upright)
		p.sees("", `
			one("#part").value = 7.5;
			one("#part").dispatchEvent(new Event("input"));
			await until(() => one("[data-portrait]").checkVisibility());
			return "";`)
		look("paused", letters)
		p.sees("", `one("[data-resume]").click(); one("#title").value = "Mi canción"; return "";`)
		p.sees("", `await until(() => one("[data-line]").textContent.includes(" min")); return "";`)
		look("going", letters)
		p.sees("", `one("[data-cancel]").click(); return "";`)
		look("sure", letters)
		p.reload()
		p.sees("", `await until(() => !one("[data-notice]").hidden); return "";`)
		look("found", letters)
		p.sees("", `one("[data-signin]").showModal(); return "";`)
		look("signin", letters)
		p.sees("", `one("[data-signin]").close(); one("[data-notice] button").click(); return "";`)
	}
}

// shootWhole is shoot for all of a page.
func (c check) shootWhole(how string) {
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
	p.do(chromedp.ActionFunc(func(ctx context.Context) error {
		_, err := page.AddScriptToEvaluateOnNewDocument(faster).Do(ctx)
		return err
	}))
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
