package site_test

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Scripts are served as written, so their types are checked as they stand.
func TestScriptsHaveTypes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs node")
	}
	scripts, err := filepath.Glob("../../assets/site/static/*.js")
	if err != nil || len(scripts) < 6 {
		t.Fatalf("found %q, %v", scripts, err)
	}
	arguments := append([]string{
		"--allowJs", "--checkJs", "--strict", "--noEmit", "--target", "es2022", "--module", "es2022", "--lib",
		"dom,dom.iterable,es2022", "--typeRoots", t.TempDir(),
	}, scripts...)
	out, err := exec.CommandContext(t.Context(), filepath.Join(tools, ".bin/tsc"), arguments...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// person is somebody at a browser that runs scripts.
type person struct {
	t   *testing.T
	ctx context.Context
}

func (p person) do(actions ...chromedp.Action) {
	p.t.Helper()
	for i, action := range actions {
		if err := within(p.ctx, 20*time.Second, action); err != nil {
			var html string
			_ = chromedp.Run(p.ctx, chromedp.OuterHTML("html", &html, chromedp.ByQuery))
			p.t.Fatalf("step %d: %v\n%s", i, err, html)
		}
	}
}

// sees fails the test unless the body of an async function in the page returns the text.
func (p person) sees(want, body string) {
	p.t.Helper()
	const helpers = `
		const one = selector => document.querySelector(selector);
		const until = async ready => {
			while (!ready()) await new Promise(again => setTimeout(again, 20));
		};`
	var got string
	p.do(chromedp.Evaluate("(async () => {"+helpers+body+"})()", &got, awaitPromise))
	if got != want {
		p.t.Errorf("it is %q, want %q, after%s", got, want, body)
	}
}

// Scripts say what happened: what is wrong with a form, whether a vote counted, and why a file was not sent.
func TestScriptsSayWhatHappened(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	_, videos := h.crowd(t, 1)
	luz := h.account(t, "Luz", "Cali")
	p := person{t, newBrowser(t)}

	// What is wrong has the focus, and the password can be looked at.
	p.do(chromedp.Navigate(h.url+"/login"),
		chromedp.SendKeys("#email", luz.Email, chromedp.ByQuery),
		chromedp.SendKeys("#password", "not this one", chromedp.ByQuery),
		chromedp.Click("form button[type=submit]", chromedp.ByQuery), chromedp.WaitReady("#errors", chromedp.ByQuery))
	p.sees("errors text true", `
		await until(() => document.activeElement === one("#errors") && !one("[data-show]").hidden);
		one("[data-show]").click();
		return document.activeElement.id + " " + one("#password").type + " " +
			one("[data-show]").getAttribute("aria-pressed");`)
	p.do(chromedp.SendKeys("#password", password, chromedp.ByQuery),
		chromedp.Click("form button[type=submit]", chromedp.ByQuery),
		chromedp.WaitReady(`.menu a[href="/me"]`, chromedp.ByQuery))

	// On a lost network the box says so and stays as it was.
	video := h.url + "/v/" + videos[0]
	p.do(chromedp.Navigate(video))
	p.sees("cast", `
		const send = window.fetch;
		window.fetch = () => Promise.reject(new TypeError("no network"));
		one(".votebox button").focus();
		one(".votebox button").click();
		await until(() => !one("[data-trouble]").hidden);
		window.fetch = send;
		return document.activeElement.value;`)
	// The second tap of a double one does not take the vote back, and the vote is told.
	p.sees("1 Votaste por este video. 1 voto", `
		let sent = 0;
		const send = window.fetch;
		window.fetch = (...request) => { sent++; return send(...request); };
		const voted = new Promise(done => new MutationObserver(() => one(".votebox.voted") && done())
			.observe(one(".main-column"), {childList: true, subtree: true}));
		one(".votebox button").click();
		await voted;
		one(".votebox button").click();
		await until(() => one("[data-told]").textContent);
		return sent + " " + one("[data-told]").textContent;`)
	// What the server refuses is said by its own page.
	p.do(chromedp.Navigate(video))
	p.sees("", `
		one(".votebox form").action = "/v/none/vote";
		one(".votebox button").click();
		return "";`)
	p.do(chromedp.WaitReady(".error-page", chromedp.ByQuery))
	p.sees("404 Este video no existe o no está publicado.", `
		return one(".error-page .status").textContent + " " + one(".error-page .lead").textContent;`)

	// The ranking says in words who has moved since the last look, which is 15 seconds ago.
	ranked := h.account(t, "Sol", "Cali")
	song := h.publish(t, ranked, "Son de la montaña")
	p.do(chromedp.Navigate(h.url+"/ranking"), chromedp.WaitReady("[data-place]", chromedp.ByQuery))
	for _, who := range []string{"Mar", "Paz"} {
		if _, err := h.voting.Vote(t.Context(), song, h.account(t, who, "Cali").ID); err != nil {
			t.Fatal(err)
		}
	}
	p.sees("Sol Ruiz sube 1, Ana0 Ruiz baja 1", `
		await until(() => one(".moved"));
		return [...document.querySelectorAll("tbody th")].map(th =>
			th.querySelector("a").textContent + th.querySelector(".moved").textContent).join(", ");`)
	// A file that is too large is not sent.
	choose := func(bytes int) string {
		return fmt.Sprintf(`
			const chosen = new DataTransfer();
			chosen.items.add(new File([new Uint8Array(%d)], "clip.mp4"));
			one("#file").files = chosen.files;
			one("#file").dispatchEvent(new Event("change"));`, bytes)
	}
	p.do(chromedp.Navigate(h.url + "/upload"))
	p.sees("file true file-hint file-big", choose(2<<20)+`
		one("#title").value = " ";
		one("[data-upload]").requestSubmit();
		await until(() => !one("[data-big]").hidden);
		return document.activeElement.id + " " + one("#file").getAttribute("aria-invalid") + " " +
			one("#file").getAttribute("aria-describedby");`)
	// What is wrong is said at its field, and the file stays.
	p.sees("errors escribe un título 1 Error", choose(2<<10)+`
		one("[data-upload]").requestSubmit();
		await until(() => one("#title-error"));
		return document.activeElement.id + " " + one("#title-error").textContent + " " +
			one("#file").files.length + " " + document.title.split(":")[0];`)
	// A broken line leaves all as it was.
	p.sees("Mi canción 1", `
		one("#title").value = "Mi canción";
		one("[data-upload]").action = "http://127.0.0.1:1/";
		one("[data-upload]").requestSubmit();
		await until(() => !one("[data-broken]").hidden);
		return one("#title").value + " " + one("#file").files.length;`)
}
