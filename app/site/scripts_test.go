package site_test

import (
	"os/exec"
	"path/filepath"
	"testing"

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

// Scripts say what happened: what is wrong with a form, and whether a vote counted.
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

	video := h.url + "/v/" + videos[0]
	p.do(chromedp.Navigate(video))
	// A vote says at once that it is on its way, and that nobody knows whether it arrived.
	p.sees("true Enviando tu voto… false No sabemos si llegó tu voto. Revisa tu conexión y toca otra vez: "+
		"cuenta una sola vez.", `
		const send = window.fetch;
		let cut = () => {};
		window.fetch = () => new Promise((_, fail) => { cut = () => fail(new DOMException("late", "TimeoutError")); });
		one(".votebox button").click();
		const busy = one(".votebox form").matches(".pending [aria-busy=true]");
		const words = one("[data-pending]:not([hidden])").textContent;
		cut();
		await until(() => !one("[data-trouble]").hidden);
		await until(() => !one(".pending"));
		window.fetch = send;
		return busy + " " + words + " " + one(".votebox form").matches("[aria-busy]") + " " +
			one("[data-trouble]").textContent;`)
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
	h.publish(t, ranked, "Son del valle")
	p.do(chromedp.Navigate(h.url+"/ranking"), chromedp.WaitReady("[data-place]", chromedp.ByQuery))
	for _, who := range []string{"Mar", "Paz"} {
		if _, err := h.voting.Vote(t.Context(), song, h.account(t, who, "Cali").ID); err != nil {
			t.Fatal(err)
		}
	}
	p.sees("Ana0 Ruiz keeps the focus: Sol Ruiz sube 1, Ana0 Ruiz baja 1", `
		one("tbody th a").focus();
		await until(() => one(".moved"));
		return document.activeElement.textContent + " keeps the focus: " +
			[...document.querySelectorAll("tbody th")].map(th =>
			th.querySelector("a").textContent + th.querySelector(".moved").textContent).join(", ");`)
	p.sees("Actualizado hace", `return one("[data-age]").textContent.replace(/ \d.*/, "");`)

	// Once a clip has its vote, the next one is what shines.
	p.do(chromedp.Navigate(h.url + "/watch?o=7"))
	p.sees("plain gold · te falta 1 por ver", `
		const next = () => one("[data-next]").className.replace("button ", ""), before = next();
		one(".votebox button").click();
		await until(() => next() === "gold");
		return before + " " + next() + " " + one(".turn .muted").textContent;`)

	// What nobody waits for is given up.
	p.sees("2 no network, signed out", `
		const {call} = await import(one("script[type=module]").src.replace(/[^/]+$/, "upload-calls.js"));
		const care = {signIn: () => Promise.reject(new Error("signed out")), trouble() {}, tries: 2};
		const send = window.fetch, ask = () => call(care, "DELETE", "uploads/x").catch(error => error.message);
		let sent = 0;
		window.fetch = () => { sent++; return Promise.reject(new Error("no network")); };
		const cut = await ask();
		window.fetch = () => Promise.resolve(new Response("{}", {status: 401}));
		const out = await ask();
		window.fetch = send;
		return sent + " " + cut + ", " + out;`)

	// Cities are suggested for the country that is typed.
	p.do(chromedp.Navigate(h.url + "/signup?country=M%C3%A9xico"))
	p.sees("0 Cali", `
		const options = () => [...document.querySelectorAll("#cities option")].map(option => option.value);
		const before = options().length;
		one("#country").value = "colombia";
		one("#country").dispatchEvent(new Event("change"));
		await until(() => options().includes("Cali"));
		return before + " Cali";`)
}
