package site_test

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/css"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/platform/database"
)

// tools is where `make` installs axe-core and html-validate, pinned by infra/tools/pages.
const tools = "../../.cache/pages/node_modules"

// Each page in each state and language is valid HTML of few bytes. A browser finds no barrier in it, in the light nor
// in the dark; the focus is seen, and nothing scrolls sideways, from a small phone with letters of twice the size to a
// laptop. SITE_PAGES=watch shows the browser only the pages whose names begin so; SITE_SHOTS names a folder for their
// pictures.
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
		if got := packed(t, d.body); got > mostHTML {
			t.Errorf("%s has %d bytes", name, got)
		}
	}
	slices.Sort(names)
	t.Run("forms", func(t *testing.T) { fit(t, documents) })
	t.Run("html", func(t *testing.T) { validate(t, documents) })

	folder, ctx := h.show(t, documents)+"/document/", newBrowserFor(t, 15*time.Minute)
	// Otherwise the test reads each document as a tree, and each of its requests, which costs as much as showing it.
	if err := chromedp.Run(ctx, css.Disable(), dom.Disable(), network.Disable(), log.Disable()); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		wanted := strings.HasPrefix(name, os.Getenv("SITE_PAGES"))
		if wanted && !strings.HasSuffix(name, "-en") && ctx.Err() == nil {
			check{t: t, ctx: ctx, name: name}.run(folder)
		}
	}
}

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
		"password1", "otra frase corta", "city", "Cali", "country", "Colombia")
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
	eva := h.account(t, "Eva", "Cali")
	full := h.publish(t, eva, "Marea")
	h.change(t, h.db, "UPDATE media_videos SET original_bytes = ? WHERE id = ?", 1<<40+1, full)
	h.change(t, h.db, "UPDATE voting_entries SET small_width = 360, small_height = 640 WHERE video_id = ?", full)
	look("video-tall", h.browser(t), "/v/"+full)
	look("upload-limit", h.signedIn(t, eva), "/upload")
	change := identity.Caller{UserID: luz.ID, Client: "192.0.2.1"}
	if err := h.identity.ChangeEmail(t.Context(), change, "nuevo@example.com", password); err != nil {
		t.Fatal(err)
	}
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
	h.signedIn(t, luz)
	look("devices", hers, "/me/devices")
	look("two-factor", hers, "/me/two-factor")
	send("two-factor-wrong", hers, "/me/two-factor", "step", "off", "password", "wrong")
	send("two-factor-offered", hers, "/me/two-factor", "step", "off", "password", password)
	send("two-factor-code-wrong", hers, "/me/two-factor", "step", "offered", "totp", "12345")
	both("two-factor-done", func(prefix string) document {
		return h.secondStep(t, h.account(t, "Dos"+strings.TrimPrefix(prefix, "/"), "Cali"), prefix)
	})
	send("login-code", anybody, "/login", "email", "dos@example.com", "password", password)
	look("myvideos", his, "/me/videos")
	look("myvideo", his, "/me/videos/"+id)
	send("myvideo-refused", his, "/me/videos/"+id+"/delete")
	for state, set := range map[string]string{
		"waiting":    "status = 'uploaded', stage = 'queued', progress = 0, failure_code = '', notices = ''",
		"processing": "status = 'processing', stage = 'processing', progress = 40, failure_code = '', notices = ''",
		"failed":     "status = 'failed', stage = '', failure_code = 'too_short', notices = ''",
		"retriable":  "status = 'failed', stage = '', failure_code = 'processing_error', notices = ''",
		"short":      "status = 'processed', failure_code = '', notices = 'sound_unreadable'",
	} {
		h.change(t, h.db, "UPDATE media_videos SET "+set+" WHERE id = ?", videos[1])
		his := h.signedIn(t, users[1])
		look("myvideo-"+state, his, "/me/videos/"+videos[1])
		if state == "waiting" {
			look("myvideos-waiting", his, "/me/videos")
		}
	}
	told := media.NoticeText("sound_unreadable")
	found["myvideo-short"].has(t, told.ES)
	found["myvideo-short-en"].has(t, told.EN)
	more := h.publish(t, luz, "Para mi abuela")
	look("myvideo-new", hers, "/me/videos/"+more)
	for _, name := range []string{"help", "rules", "privacy", "terms", "accessibility", "catalogue"} {
		look(name, anybody, "/"+name)
	}
	h.adminStates(t, look, send, his, id)
	look("error-404", anybody, "/none")
	look("error-429", anybody, "/trouble/limited")
	look("error-500", anybody, "/trouble/broken")
	look("error-503", anybody, "/trouble/busy")
	look("error-embed", anybody, "/embed/none")
	watched := h.browser(t)
	for _, video := range append(videos, more, full) {
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
	case name == "error-404", name == "error-embed", name == "performer-none":
		return http.StatusNotFound
	case name == "error-410":
		return http.StatusGone
	case name == "error-429":
		return http.StatusTooManyRequests
	case name == "error-500":
		return http.StatusInternalServerError
	case name == "error-503":
		return http.StatusServiceUnavailable
	case strings.HasSuffix(name, "-late"):
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
