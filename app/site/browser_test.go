package site_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"risingstars/modules/identity"
	"risingstars/platform/database"
)

// tools is where `make` installs axe-core and html-validate, pinned by infra/tools/pages.
const tools = "../../.cache/pages/node_modules"

// states returns each page in each of its states, by name, as a Spanish and as an English browser gets it.
func (h *house) states(t *testing.T) map[string]document {
	t.Helper()
	found := map[string]document{}
	anybody := h.browser(t)
	both := func(name string, get func(prefix string) document) {
		found[name] = get("")
		found[name+"-en"] = get("/en")
	}
	look := func(name string, b *browser, path string) {
		both(name, func(prefix string) document {
			if prefix != "" && (path == "/" || strings.HasPrefix(path, "/?")) {
				return b.get(t, prefix+strings.TrimPrefix(path, "/"))
			}
			return b.get(t, prefix+path)
		})
	}
	send := func(name string, b *browser, path string, fields ...string) {
		both(name, func(prefix string) document { return b.post(t, prefix+path, fields...) })
	}

	luz := h.account(t, "Luz", "Cali")
	hers := h.signedIn(t, luz)
	look("watch-none", anybody, "/watch")
	look("gallery-none", anybody, "/")
	look("gallery-none-in", hers, "/")
	look("ranking-none", anybody, "/ranking")
	look("myvideos-none", hers, "/me/videos")
	look("myvotes-none", hers, "/me/votes")

	users, videos := h.crowd(t, 15)
	for i, user := range users[:6] {
		for _, video := range videos[i+1:] {
			if _, err := h.voting.Vote(t.Context(), video, user.ID); err != nil {
				t.Fatal(err)
			}
		}
	}
	id := videos[0]
	look("video", anybody, "/v/"+id)
	look("video-in", hers, "/v/"+id)
	look("video-unvoted", hers, "/v/"+id+"?said=unvoted")
	hers.post(t, "/v/"+id+"/vote", "vote", "cast")
	look("video-voted", hers, "/v/"+id+"?said=voted")
	look("video-high", anybody, "/v/"+id+"?q=high")
	seed := "&o=1"
	look("watch", anybody, "/watch")
	look("watch-in", hers, "/watch?v="+id+seed)
	look("watch-voted", hers, "/watch?v="+id+seed+"&said=voted")
	look("performer", anybody, "/u/"+users[0].ID)
	look("poster", anybody, "/u/"+users[0].ID+"/poster")
	look("embed", anybody, "/embed/"+id)
	his := h.signedIn(t, users[0])
	look("video-own", his, "/v/"+id)
	look("gallery", anybody, "/")
	look("gallery-in", hers, "/?said=in")
	look("gallery-recent", anybody, "/?order=recent")
	look("gallery-last", anybody, "/?page=2")
	look("gallery-nothing", anybody, "/?q=nadie")
	look("gallery-wrong", anybody, "/?q=a")
	look("ranking", his, "/ranking")
	look("ranking-nothing", anybody, "/ranking?city=Lima")

	look("login", anybody, "/login")
	look("login-vote", anybody, "/login?vote="+id)
	look("login-already", hers, "/login")
	send("login-wrong", anybody, "/login", "email", "ana@example.com", "password", "wrong")
	look("signup", anybody, "/signup")
	send("signup-wrong", anybody, "/signup", "email", "no", "vote", id)
	send("signup-taken", anybody, "/signup", "email", luz.Email, "first_name", "Luz", "last_name", "Mora",
		"password1", password, "city", "Cali", "country", "Colombia")
	look("logout", hers, "/logout")
	look("logout-already", anybody, "/logout")

	look("upload", hers, "/upload")
	for name, b := range map[string]*browser{"upload-wrong": hers, "upload-signedout": anybody} {
		both(name, func(prefix string) document {
			const form = "--b\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\n\r\n--b--\r\n"
			return b.ask(t, http.MethodPost, prefix+"/upload", strings.NewReader(form),
				"Content-Type", "multipart/form-data; boundary=b", "Sec-Fetch-Site", "same-origin")
		})
	}
	both("upload-inapp", func(prefix string) document {
		return hers.get(t, prefix+"/upload", "User-Agent", "Instagram")
	})
	look("me", hers, "/me")
	send("me-wrong", hers, "/me/profile", "first_name", "", "city", "Cali")
	send("me-email-wrong", hers, "/me/email", "email", "luz", "password", "x")
	send("me-password-wrong", hers, "/me/password", "present", "x", "password1", "short")
	look("forgot", anybody, "/forgot")
	look("forgot-sent", anybody, "/forgot?said=forgot")
	send("forgot-wrong", anybody, "/forgot", "email", "luz")
	look("reset-useless", anybody, "/reset?token=x")
	if err := h.identity.ResendConfirmation(t.Context(), luz.ID); err != nil {
		t.Fatal(err)
	}
	confirm := h.post.link(t, "confirm", luz.Email)
	look("confirm", anybody, confirm)
	look("confirm-useless", anybody, confirm[:len(confirm)-1])
	if err := h.identity.ForgotPassword(t.Context(), luz.Email); err != nil {
		t.Fatal(err)
	}
	h.watchLetters(t)
	reset := h.post.link(t, "reset", luz.Email)
	look("reset", anybody, reset)
	send("reset-wrong", anybody, "/reset", "token", strings.TrimPrefix(reset, "/reset?token="), "password1", "short")
	look("myvotes", hers, "/me/votes")
	look("data", hers, "/me/data")
	if _, err := h.archive.Ask(t.Context(), luz.ID); err != nil {
		t.Fatal(err)
	}
	look("data-pending", hers, "/me/data")
	for _, state := range []string{"ready", "failed"} {
		_, err := h.db.Exec(t.Context(), `UPDATE archive_copies SET state = ?, size_bytes = 7, ready_at = 1,
			expires_at = 4102444800000000 WHERE user_id = ?`, state, luz.ID)
		if err != nil {
			t.Fatal(err)
		}
		look("data-"+state, hers, "/me/data")
	}
	look("leave", hers, "/me/delete")
	send("leave-wrong", hers, "/me/delete", "password", "wrong")
	gone := h.account(t, "Zoe", "Cali")
	leaving := identity.Caller{UserID: gone.ID, Client: "192.0.2.1"}
	if _, err := h.identity.DeleteAccount(t.Context(), leaving, password, ""); err != nil {
		t.Fatal(err)
	}
	undo := h.post.link(t, "deleted", gone.Email)
	look("undo", anybody, undo)
	look("undo-useless", anybody, undo[:len(undo)-1])
	look("left", anybody, "/?said=left")
	look("devices-one", his, "/me/devices")
	look("devices", hers, "/me/devices")
	look("two-factor", hers, "/me/two-factor")
	send("two-factor-wrong", hers, "/me/two-factor", "step", "off", "password", "wrong")
	send("two-factor-offered", hers, "/me/two-factor", "step", "off", "password", password)
	send("two-factor-code-wrong", hers, "/me/two-factor", "step", "offered", "totp", "12345")
	look("myvideos", his, "/me/videos")
	look("myvideo", his, "/me/videos/"+id)
	send("myvideo-refused", his, "/me/videos/"+id+"/delete")
	for state, set := range map[string]string{
		"waiting":    "status = 'uploaded', stage = 'queued', progress = 0, failure_code = '', notices = ''",
		"processing": "status = 'processing', stage = 'processing', progress = 40, failure_code = '', notices = ''",
		"failed":     "status = 'failed', stage = '', failure_code = 'too_short', notices = ''",
		"retriable":  "status = 'failed', stage = '', failure_code = 'processing_error', notices = ''",
		"short":      "status = 'processed', failure_code = '', notices = 'no_sound'",
	} {
		h.change(t, h.db, "UPDATE media_videos SET "+set+" WHERE id = ?", videos[1])
		his := h.signedIn(t, users[1])
		look("myvideo-"+state, his, "/me/videos/"+videos[1])
		if state == "waiting" {
			look("myvideos-waiting", his, "/me/videos")
		}
	}
	more := h.publish(t, luz, "Para mi abuela")
	look("myvideo-new", hers, "/me/videos/"+more)
	for _, name := range []string{"help", "rules", "privacy", "terms", "accessibility", "catalogue"} {
		look(name, anybody, "/"+name)
	}
	h.adminStates(t, look, send, id)
	look("error-404", anybody, "/none")
	look("error-embed", anybody, "/embed/none")
	watched := h.browser(t)
	for _, video := range append(videos, more) {
		watched.post(t, "/watch", "seen", video, "o", "1")
	}
	look("watch-done", watched, "/watch")
	look("error-403", hers, "/me/videos/"+id)
	h.change(t, h.db, "UPDATE voting_entries SET files_missing = TRUE WHERE video_id = ?", id)
	look("video-missing", anybody, "/v/"+id)
	return found
}

func (h *house) change(t *testing.T, db *database.DB, sql string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}

// statuses of the states that are not 200.
func wantStatus(name string) int {
	if strings.Contains(name, "-useless") {
		return http.StatusUnprocessableEntity
	}
	name = strings.TrimSuffix(name, "-en")
	switch {
	case name == "error-404", name == "error-embed":
		return http.StatusNotFound
	case name == "error-410":
		return http.StatusGone
	case name == "admin-report-late":
		return http.StatusConflict
	case name == "upload-signedout":
		return http.StatusUnauthorized
	case name == "error-403":
		return http.StatusForbidden
	case strings.HasSuffix(name, "-wrong"), strings.HasSuffix(name, "-taken"), strings.HasSuffix(name, "-refused"):
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

// Each page in each state and language is valid HTML. In Spanish, a browser finds no barrier in it, light and dark, and
// nothing scrolls sideways on a small phone, nor with letters of twice the size. SITE_PAGES=watch shows the browser
// only the pages whose names begin so.
func TestPagesAreForEverybody(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	documents := h.states(t)
	names := make([]string, 0, len(documents))
	for name, d := range documents {
		names = append(names, name)
		if d.status != wantStatus(name) {
			t.Errorf("%s answers %d %s", name, d.status, d.location())
		}
	}
	slices.Sort(names)
	t.Run("html", func(t *testing.T) { validate(t, documents) })

	target, err := url.Parse(h.url)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	shown := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, ok := documents[strings.TrimPrefix(r.URL.Path, "/document/")]
		if !ok {
			proxy.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", d.header.Get("Content-Security-Policy"))
		_, _ = w.Write([]byte(d.body))
	}))
	t.Cleanup(shown.Close)
	axe, err := os.ReadFile(filepath.Join(tools, "axe-core/axe.min.js"))
	if err != nil {
		t.Fatalf("%v; run: make .cache/pages/.installed", err)
	}
	ctx := newBrowser(t)
	for _, name := range names {
		wanted := strings.HasPrefix(name, os.Getenv("SITE_PAGES"))
		if wanted && !strings.HasSuffix(name, "-en") && ctx.Err() == nil {
			c := check{t: t, ctx: ctx, name: name, axe: string(axe)}
			c.run(shown.URL + "/document/" + name)
		}
	}
}

// check looks at one page.
type check struct {
	t    *testing.T
	ctx  context.Context
	name string
	axe  string
}

func scheme(value string) chromedp.Action {
	return emulation.SetEmulatedMedia().WithFeatures([]*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: value}, {Name: "prefers-reduced-motion", Value: "reduce"},
	})
}

// The rules of axe. What a page is drawn in matters to few of them, and the others hold in any.
const (
	allRules    = `{runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}`
	colourRules = `{runOnly: {type: "rule", values: ["color-contrast", "link-in-text-block"]}}`
)

func (c check) run(address string) {
	c.do(chromedp.EmulateViewport(360, 640), scheme("light"), chromedp.Navigate(address),
		chromedp.Evaluate(c.axe+";0", nil))
	c.barriers("light", allRules)
	c.sideways("360 px")
	c.firstScreen()
	c.shoot("phone-light")
	c.do(scheme("dark"))
	c.barriers("dark", colourRules)
	c.shoot("phone-dark")
	if os.Getenv("SITE_SHOTS") != "" {
		c.do(chromedp.EmulateViewport(1280, 800))
		c.shoot("laptop-dark")
		c.do(scheme("light"))
		c.shoot("laptop-light")
	}
	// Chromium keeps the letters of a document that is open.
	c.do(chromedp.EmulateViewport(320, 640), page.SetFontSizes(&page.FontSizes{Standard: 32, Fixed: 26}),
		chromedp.Navigate(address))
	c.sideways("320 px with letters of 32 px")
	c.shoot("letters")
	c.do(page.SetFontSizes(&page.FontSizes{Standard: 16, Fixed: 13}))
}

// do reports what fails, and goes on with the next page.
func (c check) do(actions ...chromedp.Action) {
	c.t.Helper()
	if err := within(c.ctx, time.Minute, chromedp.Tasks(actions)); err != nil {
		c.t.Errorf("%s: %v", c.name, err)
	}
}

func (c check) barriers(scheme, rules string) {
	c.t.Helper()
	var found []string
	run := `axe.run(` + rules + `).then(r =>
		r.violations.flatMap(v => v.nodes.map(n => v.id + ": " + n.html.slice(0, 200) + " " + n.failureSummary)))`
	var there bool
	if c.do(chromedp.Evaluate("!!window.axe", &there)); !there {
		c.do(chromedp.Evaluate(c.axe+";0", nil))
	}
	c.do(chromedp.Evaluate(run, &found, awaitPromise))
	for _, barrier := range found {
		c.t.Errorf("%s, %s: %s", c.name, scheme, barrier)
	}
}

// firstScreen checks what stands above the menu of a phone, and what the browser has loaded before a tap.
func (c check) firstScreen() {
	c.t.Helper()
	const vote = ".votebox button"
	whole := map[string]string{"gallery": ".picture img", "video": vote, "watch": vote}[c.name]
	if whole == "" {
		return
	}
	var got struct {
		Bottom, Menu    float64
		Requests, Bytes int
	}
	c.do(chromedp.Evaluate(`(() => {
		const loaded = performance.getEntriesByType("resource");
		return {
			Bottom: document.querySelector("`+whole+`").getBoundingClientRect().bottom,
			Menu: document.querySelector(".menu").getBoundingClientRect().top,
			Requests: loaded.length + 1, Bytes: loaded.reduce((sum, entry) => sum + entry.encodedBodySize, 0),
		};
	})()`, &got))
	const mostBytes = 80<<10 - 12<<10 // the document itself has up to 12 KB
	if got.Bottom == 0 || got.Bottom > got.Menu || got.Requests > 12 || got.Bytes > mostBytes {
		c.t.Errorf("%s: the first screen ends at %.0f of %.0f, and takes %d requests with %d bytes",
			c.name, got.Bottom, got.Menu, got.Requests, got.Bytes)
	}
}

func (c check) sideways(where string) {
	c.t.Helper()
	var wide []string
	const measure = `(() => {
		const d = document.documentElement;
		if (d.scrollWidth <= d.clientWidth) return [];
		return [...document.querySelectorAll("body *")].filter(e => !e.closest(".scroll") &&
			e.getBoundingClientRect().right > d.clientWidth + 1).slice(0, 5)
			.map(e => e.tagName + "." + e.className + " " + e.textContent.trim().slice(0, 40)).concat("the page");
	})()`
	c.do(chromedp.Evaluate(measure, &wide))
	if len(wide) > 0 {
		c.t.Errorf("%s scrolls sideways at %s: %q", c.name, where, wide)
	}
}

// shoot writes a picture for people to look at into the folder SITE_SHOTS.
func (c check) shoot(how string) {
	folder := os.Getenv("SITE_SHOTS")
	if folder == "" {
		return
	}
	var picture []byte
	c.do(chromedp.CaptureScreenshot(&picture))
	if err := os.WriteFile(filepath.Join(folder, c.name+"-"+how+".png"), picture, 0o600); err != nil {
		c.t.Error(err)
	}
}

// validate checks documents with html-validate, all at once because its start takes a second.
func validate(t *testing.T, documents map[string]document) {
	t.Helper()
	folder := t.TempDir()
	for name, d := range documents {
		if err := os.WriteFile(filepath.Join(folder, name+".html"), []byte(d.body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := filepath.Abs("testdata/htmlvalidate.json")
	if err != nil {
		t.Fatal(err)
	}
	command, err := filepath.Abs(filepath.Join(tools, ".bin/html-validate"))
	if err != nil {
		t.Fatal(err)
	}
	// What it prints is cut off at 64 KB.
	results := filepath.Join(t.TempDir(), "results.json")
	arguments := []string{"--config", rules, "--formatter", "json=" + results, folder}
	cmd := exec.CommandContext(t.Context(), command, arguments...)
	printed, err := cmd.CombinedOutput()
	var report []struct {
		FilePath string
		Messages []struct {
			RuleID, Message string
			Line, Column    int
		}
	}
	out, readErr := os.ReadFile(results)
	if readErr == nil {
		readErr = json.Unmarshal(out, &report)
	}
	if readErr != nil {
		t.Fatalf("html-validate: %v, %v\n%s", err, readErr, printed)
	}
	seen := map[string]bool{}
	for _, file := range report {
		for _, m := range file.Messages {
			line := ""
			if content, err := os.ReadFile(file.FilePath); err == nil {
				line = strings.Split(string(content), "\n")[m.Line-1]
			}
			if finding := m.RuleID + ": " + m.Message + ": " + line; !seen[finding] {
				seen[finding] = true
				t.Errorf("%s:%d: %s", filepath.Base(file.FilePath), m.Line, finding)
			}
		}
	}
}

// newBrowser starts a browser and returns the context in which chromedp's actions run in it.
func newBrowser(t *testing.T) context.Context {
	t.Helper()
	return newBrowserFor(t, 5*time.Minute)
}

// newBrowserFor starts one that runs so long at most.
func newBrowserFor(t *testing.T, most time.Duration) context.Context {
	t.Helper()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.NoSandbox, // which does not work for root
		chromedp.Flag("disable-component-update", true), chromedp.UserDataDir(t.TempDir()),
		chromedp.WSURLReadTimeout(time.Minute),
	)
	ctx, cancelAllocator := chromedp.NewExecAllocator(t.Context(), options...)
	ctx, cancelBrowser := chromedp.NewContext(ctx)
	ctx, cancelTime := context.WithTimeout(ctx, most)
	t.Cleanup(func() {
		cancelTime()
		cancelBrowser()
		cancelAllocator()
		chromedp.FromContext(ctx).Allocator.Wait() // it writes into its folder to the end
	})
	if err := chromedp.Run(ctx); err != nil { // the first context that runs owns the browser
		t.Fatal(err)
	}
	return ctx
}

// within runs an action that may take so long.
func within(ctx context.Context, most time.Duration, action chromedp.Action) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return chromedp.Run(ctx, action)
}

// awaitPromise makes an evaluation wait for the script's promise.
func awaitPromise(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }

// A person whose browser runs no scripts gets from the first page to a counted vote.
func TestAVoterNeedsNoScripts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs a browser")
	}
	h := startHouse(t)
	_, videos := h.crowd(t, 3)
	ctx := newBrowser(t)
	var address, text string
	steps := []chromedp.Action{
		emulation.SetScriptExecutionDisabled(true), chromedp.EmulateViewport(360, 640),
		chromedp.Navigate(h.url + "/"),
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
		chromedp.Location(&address), chromedp.Text("main", &text, chromedp.ByQuery),
	}
	for i, step := range steps {
		if err := within(ctx, 20*time.Second, step); err != nil {
			var html string
			_ = chromedp.Run(ctx, chromedp.OuterHTML("html", &html, chromedp.ByQuery))
			t.Fatalf("step %d: %v\n%s", i, err, html)
		}
	}
	if want := h.url + "/v/" + videos[0] + "?said=voted#voto"; address != want {
		t.Errorf("the way ends at %s, want %s", address, want)
	}
	for _, want := range []string{"Contamos tu voto", "1 voto", "Quitar mi voto"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page lacks %q:\n%s", want, text)
		}
	}
}
