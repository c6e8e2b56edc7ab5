package site_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// A person whose browser runs no scripts gets from the first page to a counted vote.
func TestAVoterNeedsNoScripts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	_, videos := h.crowd(t, 3)
	p := person{t, newBrowser(t)}
	var address, text string
	p.do(emulation.SetScriptExecutionDisabled(true), chromedp.EmulateViewport(360, 640),
		chromedp.Navigate(h.url+"/"),
		chromedp.Click(fmt.Sprintf(`a[href="/v/%s"]`, videos[0]), chromedp.ByQuery),
		chromedp.WaitReady(".votebox", chromedp.ByQuery),
		chromedp.Click(".votebox button", chromedp.ByQuery),
		chromedp.WaitReady(`form[action="/login"]`, chromedp.ByQuery),
		chromedp.Click(`a[href^="/signup"]`, chromedp.ByQuery),
		chromedp.WaitReady("#first_name", chromedp.ByQuery),
		chromedp.SendKeys("#first_name", "Luz", chromedp.ByQuery),
		chromedp.SendKeys("#last_name", "Mora", chromedp.ByQuery),
		chromedp.SendKeys("#email", "luz@example.com", chromedp.ByQuery),
		chromedp.SendKeys("#password1", password, chromedp.ByQuery),
		chromedp.SendKeys("#city", "Cali", chromedp.ByQuery),
		chromedp.SendKeys("#country", "Colombia", chromedp.ByQuery),
		chromedp.Click("form button[type=submit]", chromedp.ByQuery),
		chromedp.WaitReady(".votebox.voted", chromedp.ByQuery),
		chromedp.Location(&address), chromedp.Text("main", &text, chromedp.ByQuery))
	if want := h.url + "/v/" + videos[0] + "?said=voted#voto"; address != want {
		t.Errorf("the way ends at %s, want %s", address, want)
	}
	for _, want := range []string{"Contamos tu voto", "1 voto", "Quitar mi voto"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}

// So does a contestant: from a form to a clip that is there as it was sent, to its place in the queue, to the list of
// their videos, and away again.
func TestAContestantNeedsNoScripts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	luz := h.account(t, "Luz", "Cali")
	clip := makeClip(t, "clip.mp4", 1, "color=s=64x36:r=5")
	p := person{t, newBrowser(t)}
	var state, list string
	p.do(emulation.SetScriptExecutionDisabled(true), chromedp.EmulateViewport(360, 640),
		chromedp.Navigate(h.url+"/upload"),
		chromedp.WaitReady("#email", chromedp.ByQuery),
		chromedp.SendKeys("#email", luz.Email, chromedp.ByQuery),
		chromedp.SendKeys("#password", password, chromedp.ByQuery),
		chromedp.Click("form button[type=submit]", chromedp.ByQuery),
		chromedp.WaitReady("#start_seconds", chromedp.ByQuery),
		chromedp.SendKeys("#title", "Mi canción", chromedp.ByQuery),
		chromedp.SendKeys("#start_seconds", "0.5", chromedp.ByQuery),
		chromedp.SetUploadFiles("#file", []string{clip}, chromedp.ByQuery),
		chromedp.Click("form button[type=submit]", chromedp.ByQuery),
		chromedp.WaitReady("[data-progress]", chromedp.ByQuery),
		chromedp.Text("main", &state, chromedp.ByQuery))
	h.wantOriginal(t, luz, clip, "Mi canción", "500ms")
	p.do(chromedp.Click(`[data-progress] .actions a`, chromedp.ByQuery),
		chromedp.WaitReady("[data-progress]", chromedp.ByQuery),
		chromedp.Click(`a[href="/me/videos"]`, chromedp.ByQuery),
		chromedp.WaitReady(".mine", chromedp.ByQuery), chromedp.Text("main", &list, chromedp.ByQuery),
		chromedp.Click(".mine .cover", chromedp.ByQuery),
		chromedp.WaitReady("main details", chromedp.ByQuery),
		chromedp.Click("main details summary", chromedp.ByQuery),
		chromedp.Click(`form[action$="/delete"] button`, chromedp.ByQuery),
		chromedp.WaitReady(".empty", chromedp.ByQuery))
	for text, wants := range map[string][]string{
		state: {"Recibimos tu video completo", "En la fila", "Ya puedes cerrar esta página", "Actualizar"},
		list:  {"Mi canción", "En la fila", "Actualizar"},
	} {
		for _, want := range wants {
			if !strings.Contains(text, want) {
				t.Errorf("the page lacks %q:\n%s", want, text)
			}
		}
	}
}
