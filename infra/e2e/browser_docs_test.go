package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"risingstars/infra/contracttest"
)

// traffic is what a browser asks of which hosts, and what it complains about.
type traffic struct {
	mu         sync.Mutex
	hosts      map[string]int
	complaints []string
}

// watchTraffic counts the requests of the browser's page from here on.
func watchTraffic(ctx context.Context) *traffic {
	seen := &traffic{hosts: map[string]int{}}
	chromedp.ListenTarget(ctx, func(event any) {
		seen.mu.Lock()
		defer seen.mu.Unlock()
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if target, err := url.Parse(e.Request.URL); err == nil && target.Host != "" {
				seen.hosts[target.Host]++
			}
		case *log.EventEntryAdded:
			if e.Entry.Level != log.LevelVerbose {
				seen.complaints = append(seen.complaints, e.Entry.Text)
			}
		case *runtime.EventExceptionThrown:
			seen.complaints = append(seen.complaints, e.ExceptionDetails.Error())
		}
	})
	return seen
}

// wantOnly fails the test unless the browser asked this host alone.
func (s *traffic) wantOnly(t *testing.T, host string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Logf("requests by host: %v", s.hosts)
	if s.hosts[host] == 0 || len(s.hosts) > 1 {
		t.Errorf("the browser asked these hosts, not %s alone: %v", host, s.hosts)
	}
}

// From the page of help somebody comes to Swagger UI, signs in, uploads a clip and votes, and nothing comes from
// another host.
func TestTheAPICanBeTriedInABrowser(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	ana, ben := s.newPerson(t, ""), s.newPerson(t, "")
	entry := ben.upload(t, shortClip(t), "To be voted for")
	ben.waitForFinal(t, entry)
	s.URL = contracttest.Proxy(t, s.URL)

	ctx := newBrowser(t)
	seen := watchTraffic(ctx)
	const answered = " .live-responses-table .response-col_status"
	execute := func(operation string, fill ...chromedp.Action) chromedp.Tasks {
		block := "#operations-" + operation
		tasks := chromedp.Tasks{
			chromedp.Click(block+" .opblock-summary-control", chromedp.ByQuery),
			chromedp.WaitVisible(block+" .execute", chromedp.ByQuery),
		}
		tasks = append(tasks, fill...)
		return append(tasks, chromedp.Click(block+" .execute", chromedp.ByQuery),
			chromedp.WaitVisible(block+answered, chromedp.ByQuery))
	}
	var uploaded, voted string
	err := chromedp.Run(ctx,
		log.Enable(), network.Enable(),
		chromedp.EmulateViewport(1200, 1400), // what is clicked is in sight
		chromedp.Navigate(s.URL+"/en/help"),
		chromedp.Click(`main a[href="/docs"]`, chromedp.ByQuery),
		chromedp.Click(".btn.authorize", chromedp.ByQuery),
		chromedp.SendKeys("#oauth_username", ana.Email, chromedp.ByQuery),
		chromedp.SendKeys("#oauth_password", password, chromedp.ByQuery),
		chromedp.Click(`//div[@class="auth-container"][.//input[@id="oauth_username"]]//button[text()="Authorize"]`,
			chromedp.BySearch),
		chromedp.WaitVisible(`//button[text()="Logout"]`, chromedp.BySearch),
		chromedp.Click(".modal-ux .close-modal", chromedp.ByQuery),
		execute("Upload-uploadVideo",
			replace(`#operations-Upload-uploadVideo [data-property-name="title"] input`, "From the browser"),
			chromedp.SetUploadFiles(`#operations-Upload-uploadVideo [data-property-name="file"] input[type=file]`,
				[]string{shortClip(t)}, chromedp.ByQuery)),
		chromedp.Text("#operations-Upload-uploadVideo"+answered, &uploaded, chromedp.ByQuery),
		execute("Voting-vote",
			replace(`#operations-Voting-vote input[placeholder="id"]`, entry)),
		chromedp.Text("#operations-Voting-vote"+answered, &voted, chromedp.ByQuery),
	)
	if err != nil {
		t.Fatal(err, seen.complaints)
	}
	var videos []video
	s.get(t, "/api/videos", ana.Token).want(t, http.StatusOK, "").decode(t, &videos)
	if !slices.ContainsFunc(videos, func(v video) bool { return v.Title == "From the browser" }) {
		t.Errorf("the upload is answered with %q, and her videos are %+v", uploaded, videos)
	}
	if votes := ben.video(t, entry).Votes; votes != 1 {
		t.Errorf("the vote is answered with %q, and the video has %d votes", voted, votes)
	}
	seen.wantOnly(t, s.host(t))
	if len(seen.complaints) > 0 {
		t.Errorf("the browser complains: %q", seen.complaints)
	}
}

// Redoc, to which the page of help leads, shows the document, and asks no other host: the policy stops what it would
// ask for.
func TestTheAPICanBeReadInABrowser(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := startSite(t)
	s.URL = contracttest.Proxy(t, s.URL)
	ctx := newBrowser(t)
	seen := watchTraffic(ctx)
	var text string
	err := chromedp.Run(ctx, log.Enable(), network.Enable(), chromedp.Navigate(s.URL+"/help"),
		chromedp.Click(`main a[href="/redoc"]`, chromedp.ByQuery),
		chromedp.WaitVisible(`[data-section-id="tag/Voting"]`, chromedp.ByQuery), chromedp.Text("#viewer", &text))
	if err != nil {
		t.Fatal(err, seen.complaints)
	}
	if !strings.Contains(text, "Vote for a video, once") {
		t.Errorf("Redoc shows %.500s", text)
	}
	seen.wantOnly(t, s.host(t))
}

// replace types over what a field of the page has.
func replace(field, text string) chromedp.Action {
	return chromedp.Tasks{
		chromedp.Focus(field, chromedp.ByQuery),
		chromedp.Evaluate(fmt.Sprintf("document.querySelector(%q).select()", field), nil),
		chromedp.KeyEvent(text),
	}
}

func (s *site) host(t *testing.T) string {
	t.Helper()
	address, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return address.Host
}
