package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"risingstars/infra/cliptest"
)

// A contestant chooses a clip in a browser, chooses its part, writes a title while the bytes go, and sees it published,
// without loading a page by hand. A voter opens the link that a chat shows on a phone, and votes in three taps, one of
// which leads to a new account.
func TestAClipIsSentAndVotedForOnPages(t *testing.T) {
	t.Parallel()
	s := startSite(t, "MEDIA_MAX_CLIP_SECONDS=3")
	if s.bucket != nil {
		s.bucket.AllowUploadsFrom(t, s.URL)
	}
	ana := s.newPerson(t, "")
	clip := cliptest.Make(t, "long.mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=10", "-f", "lavfi", "-i",
		"sine=frequency=440", "-t", "6", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
		"-c:a", "aac")
	ctx := newBrowser(t)
	do := func(steps ...chromedp.Action) {
		t.Helper()
		for i, step := range steps {
			if err := chromedp.Run(ctx, step); err != nil {
				t.Fatalf("step %d: %v", i, err)
			}
		}
	}
	var address, state string
	do(chromedp.Navigate(s.URL+"/login?next=/upload"),
		chromedp.SendKeys("#email", ana.Email, chromedp.ByQuery),
		chromedp.SendKeys("#password", password, chromedp.ByQuery),
		chromedp.Click("form button[type=submit]", chromedp.ByQuery),
		chromedp.WaitReady("[data-upload] > .field:first-child #file", chromedp.ByQuery),
		chromedp.SetUploadFiles("#file", []string{clip}, chromedp.ByQuery),
		chromedp.WaitVisible("#begins", chromedp.ByQuery),
		chromedp.SetValue("#begins", "0:02,5", chromedp.ByQuery),
		chromedp.Evaluate(`document.querySelector("#begins").dispatchEvent(new Event("change"))`, nil),
		chromedp.SendKeys("#title", "From our own page", chromedp.ByQuery),
		chromedp.Click("button[data-do]", chromedp.ByQuery),
		chromedp.WaitReady("[data-progress]", chromedp.ByQuery),
		chromedp.WaitReady("#state.good", chromedp.ByQuery), // by the stream of events
		chromedp.Location(&address), chromedp.Text("#state", &state, chromedp.ByQuery))
	var mine []video
	ana.get(t, "/api/videos", ana.Token).want(t, http.StatusOK, "").decode(t, &mine)
	if len(mine) != 1 || mine[0].Title != "From our own page" || mine[0].Status != "processed" ||
		state != "Publicado" || address != s.URL+"/me/videos/"+mine[0].VideoID+"?said=uploaded" {
		t.Fatalf("at %s, which says %q, there are %+v", address, state, mine)
	}

	var said string
	link := s.URL + "/v/" + mine[0].VideoID
	do(network.ClearBrowserCookies(), chromedp.EmulateViewport(360, 640), chromedp.Navigate(link),
		chromedp.Click(".votebox button", chromedp.ByQuery),
		chromedp.WaitReady(`form[action="/login"]`, chromedp.ByQuery),
		chromedp.Click(`main a[href^="/signup"]`, chromedp.ByQuery),
		chromedp.WaitReady("#first_name", chromedp.ByQuery),
		chromedp.SendKeys("#first_name", "Luz", chromedp.ByQuery),
		chromedp.SendKeys("#last_name", "Mora", chromedp.ByQuery),
		chromedp.SendKeys("#email", "luz.mora@example.com", chromedp.ByQuery),
		chromedp.SendKeys("#password1", password, chromedp.ByQuery),
		chromedp.SendKeys("#city", "Cali", chromedp.ByQuery),
		chromedp.SendKeys("#country", "Colombia", chromedp.ByQuery),
		chromedp.Click("form button[type=submit]", chromedp.ByQuery),
		chromedp.WaitReady(".votebox.voted", chromedp.ByQuery),
		chromedp.Location(&address), chromedp.Text(".votebox", &said, chromedp.ByQuery))
	if want := link + "?said=voted#voto"; address != want || !strings.Contains(said, "1 voto") {
		t.Errorf("the vote leads to %s, which says %q, want %s", address, said, want)
	}
}
