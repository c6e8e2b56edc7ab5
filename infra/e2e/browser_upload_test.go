package e2e

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"

	"risingstars/infra/cliptest"
)

// A contestant chooses a clip in a browser, chooses its part, writes a title while the bytes go, and sees it published,
// without loading a page by hand.
func TestAContestantSendsAClipFromAPage(t *testing.T) {
	onlyInStage(t, embedded, aws) // disk and S3
	t.Parallel()
	s := startSite(t)
	if s.bucket != nil {
		s.bucket.AllowUploadsFrom(t, s.URL)
	}
	ana := s.newPerson(t, "")
	clip := cliptest.Make(t, "long.mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=10", "-f", "lavfi", "-i",
		"sine=frequency=440", "-t", "33", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
		"-c:a", "aac")
	ctx := newBrowser(t)
	var address, state string
	steps := []chromedp.Action{
		chromedp.Navigate(s.URL + "/login?next=/upload"),
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
		chromedp.Location(&address), chromedp.Text("#state", &state, chromedp.ByQuery),
	}
	for i, step := range steps {
		if err := chromedp.Run(ctx, step); err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
	}
	var mine []video
	ana.get(t, "/api/videos", ana.Token).want(t, http.StatusOK, "").decode(t, &mine)
	if len(mine) != 1 || mine[0].Title != "From our own page" || mine[0].Status != "processed" ||
		state != "Publicado" || address != s.URL+"/me/videos/"+mine[0].VideoID+"?said=uploaded" {
		t.Errorf("at %s, which says %q, there are %+v", address, state, mine)
	}
}
