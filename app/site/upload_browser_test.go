package site_test

import (
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

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
	at := h.show(t, nil)
	p := person{t, newBrowser(t)}
	p.signIn(at, luz)
	look := func(name string, large bool) {
		c := check{t: t, ctx: p.ctx, name: "upload-" + name}
		if large {
			c.sideways("with letters of 32 px")
			c.shoot("letters")
			return
		}
		for _, colours := range []string{"light", "dark"} {
			c.do(chromedp.EmulateViewport(360, 640), scheme(colours))
			c.barriers(colours)
			c.sideways("")
			c.shoot("phone-" + colours)
			if os.Getenv("SITE_SHOTS") != "" {
				c.do(chromedp.EmulateViewport(1280, 800))
				c.shoot("laptop-" + colours)
			}
		}
	}
	for _, large := range []bool{false, true} {
		if large {
			p.do(chromedp.EmulateViewport(320, 640), letters(32))
		}
		p.do(chromedp.Navigate(at+"/upload"), chromedp.WaitReady(ready, chromedp.ByQuery))
		look("begin", large)
		p.throttle(1 << 20)
		p.paused(upright)
		p.sees("", `
			one("#part").value = 7.5;
			one("#part").dispatchEvent(new Event("input"));
			await until(() => one("[data-portrait]").checkVisibility());
			return "";`)
		look("paused", large)
		p.sees("", `one("[data-resume]").click(); one("#title").value = "Mi canción"; return "";`)
		p.sees("", `await until(() => one("[data-line]").textContent.includes(" min")); return "";`)
		look("going", large)
		p.sees("", `one("[data-cancel]").click(); return "";`)
		look("sure", large)
		p.reload()
		p.sees("", `await until(() => !one("[data-notice]").hidden); return "";`)
		look("found", large)
		p.sees("", `one("[data-signin]").showModal(); return "";`)
		look("signin", large)
		p.sees("", `one("[data-signin]").close(); one("[data-notice] button").click(); return "";`)
	}
}
