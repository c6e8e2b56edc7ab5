package site_test

import (
	"context"
	"testing"
	"time"

	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Somebody who has nothing but keys gets from the list of videos to an account and a counted vote, and takes it back.
func TestAVoterNeedsOnlyKeys(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	_, videos := h.crowd(t, 2)
	p := person{t, newBrowser(t)}
	p.do(chromedp.EmulateViewport(360, 640), chromedp.Navigate(h.url+"/"))
	p.keys(kb.Tab)
	p.sees("Saltar al contenido", `return document.activeElement.textContent;`)
	p.keys(kb.Enter, kb.Tab)
	p.sees("true", `return String(one("main").contains(document.activeElement));`)
	p.tabTo(`.filter summary`)
	p.keys(kb.Enter)
	p.tabTo("#q")
	p.keys("vuelo", kb.Enter)
	p.do(chromedp.WaitReady("h2#list:not(.hidden)", chromedp.ByQuery))
	p.tabTo(`a[href="/v/` + videos[0] + `"]`)
	p.keys(kb.Enter)
	p.do(chromedp.WaitReady(".votebox", chromedp.ByQuery))
	p.tabTo(".votebox button")
	p.keys(kb.Enter)
	p.do(chromedp.WaitReady(`form[action="/login"]`, chromedp.ByQuery))
	p.tabTo(`main a[href^="/signup"]`)
	p.keys(kb.Enter)
	p.do(chromedp.WaitReady("#first_name", chromedp.ByQuery))
	p.tabTo("#first_name")
	p.keys("Luz", kb.Tab, "Mora", kb.Tab, "luz@example.com", kb.Tab, "short", kb.Tab)
	p.tabTo("[data-show]")
	p.keys(" ")
	p.sees("text", `return one("#password1").type;`)
	p.tabTo("#country")
	p.keys("Colombia", kb.Tab, "Cali", kb.Tab)
	p.tabTo("form button[type=submit]")
	p.keys(kb.Enter)
	// What is wrong has the focus, and a link leads to the field.
	p.do(chromedp.WaitReady("#errors:focus", chromedp.ByQuery))
	p.keys(kb.Tab, kb.Enter)
	p.sees("password1", `return document.activeElement.id || document.activeElement.outerHTML;`)
	p.keys(password, kb.Enter)
	p.do(chromedp.WaitReady(".votebox.voted", chromedp.ByQuery))
	p.sees("Contamos tu voto. Gracias. true", `
		return one("#voto .notice, .flash").textContent.trim() + " " +
			(one(".votebox").getBoundingClientRect().top < innerHeight);`)
	p.tabTo(".votebox button")
	p.keys(kb.Enter)
	p.sees("Votar por Ana0 Ruiz true", `
		await until(() => one(".votebox.open"));
		return document.activeElement.textContent.trim() + " " + document.activeElement.matches(":focus-visible");`)
	if tallies, err := h.voting.Tallies(t.Context(), videos[:1]); err != nil || tallies[videos[0]] != 0 {
		t.Errorf("the video has %v votes, %v", tallies, err)
	}
}

// choosesByKeys opens the browser's own window for files by keys, and has it choose one.
func (p person) choosesByKeys(file string) {
	p.t.Helper()
	opened := make(chan *page.EventFileChooserOpened, 1)
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	chromedp.ListenTarget(ctx, func(event any) {
		if e, ok := event.(*page.EventFileChooserOpened); ok {
			opened <- e
		}
	})
	p.do(page.SetInterceptFileChooserDialog(true))
	p.tabTo("#file")
	p.keys(" ")
	select {
	case e := <-opened:
		p.do(dom.SetFileInputFiles([]string{file}).WithBackendNodeID(e.BackendNodeID))
	case <-time.After(20 * time.Second):
		p.t.Fatal("no key opens the window for files")
	}
	p.do(page.SetInterceptFileChooserDialog(false))
}

// Somebody chooses a clip, pauses, thinks better of cancelling, moves the part that is published, and sends it with
// nothing but keys.
func TestAClipIsTrimmedAndSentByKeys(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouseFor(t, 64<<20)
	luz := h.account(t, "Luz", "Cali")
	clip := pad(t, makeClip(t, "clip.mp4", 45, "testsrc2=s=320x180:r=10"), 12<<20)
	p := person{t, newBrowser(t)}
	p.signIn(h.url, luz)
	p.throttle(4 << 20)
	p.choosesByKeys(clip)
	p.sees("Cumple: pesa 12 MB.|Cumple: dura 0:45.|Cumple: la imagen mide 320 × 180 píxeles.", `
		await until(() => parseInt(one("[data-line]").textContent) > 0);
		return [...document.querySelectorAll(".checks li")].map(e => e.textContent).join("|");`)
	p.tabTo("[data-pause]")
	p.keys(kb.Enter)
	p.sees("En pausa. true", `
		return one("[data-state]").textContent + " " + document.activeElement.matches("[data-resume]:focus-visible");`)
	p.tabTo("[data-cancel]")
	p.keys(kb.Enter)
	p.do(chromedp.WaitVisible("dialog[open]", chromedp.ByQuery))
	p.sees("true", `return String(one("dialog[open]").contains(document.activeElement));`)
	p.keys(kb.Escape)
	p.sees("true true", `
		await until(() => !one("dialog[open]"));
		return document.activeElement.matches("[data-cancel]") + " " + one("[data-pause]").hidden;`)
	p.backTo("[data-resume]")
	p.keys(kb.Enter)
	p.sees("", `await until(() => one("[data-state]").textContent.includes("llegó completo")); return "";`)
	p.backTo("#part")
	p.keys(kb.ArrowRight, kb.PageUp)
	p.sees("de 0:05,5 a 0:35,5 de 0:45 0:05,5 8", `
		return one("#part").getAttribute("aria-valuetext") + " " + one("#begins").value + " " +
			document.querySelectorAll(".strip canvas").length;`)
	p.keys(kb.End, kb.PageDown) // from 0:15 to 0:10
	p.tabTo("#begins")
	p.do(chromedp.Evaluate(`document.activeElement.select()`, nil))
	p.keys("1:15", kb.Tab)
	p.sees("true Escribe minutos y segundos, como 1:15, hasta 0:15. 10", `
		return one("#begins").getAttribute("aria-invalid") + " " + one("#begins-error").textContent + " " +
			one("#part").value;`)
	p.backTo("#begins")
	p.do(chromedp.Evaluate(`document.activeElement.select()`, nil))
	p.keys("7", kb.Tab)
	p.tabTo("#title")
	p.keys("Mi canción")
	p.tabTo("#description")
	p.keys("Con mi hermana")
	p.tabTo("button[data-do]")
	p.keys(kb.Enter)
	p.do(chromedp.WaitReady("[data-progress]", chromedp.ByQuery))
	p.sees("Mi canción false", `
		return one("h1").textContent + " " + (localStorage.length > 0);`)
	h.wantOriginal(t, luz, clip, "Mi canción", "7s")
}
