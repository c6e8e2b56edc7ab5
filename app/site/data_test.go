package site_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/modules/archive"
	"risingstars/modules/identity"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
)

// The page has a copy made, says how it is doing, and has the link to it.
func TestTheCopyOfOnesDataIsAskedForOnAPage(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	user := h.account(t, "Ana", "Cali")
	b := h.signedIn(t, user)
	b.get(t, "/me").has(t, `href="/me/data"`, `href="/me/delete"`)
	b.get(t, "/me/data").has(t, "Pedir mi copia", "Te avisamos por correo")
	b.post(t, "/me/data").goesTo(t, "/me/data?said=copy")
	b.post(t, "/me/data").goesTo(t, "/me/data?said=copy") // two clicks
	b.get(t, "/me/data?said=copy").has(t, "Estamos preparando tu copia", `<a class="button plain" href="/me/data">`)

	worker := queue.NewWorker(dbqueue.New(h.db, dbqueue.Options{}), h.archive.Handlers(), queue.WorkerOptions{})
	if err := worker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = worker.Stop(context.Background()) })
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if c, err := h.archive.Of(t.Context(), user.ID); err == nil && c.State == archive.Ready {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the copy is not made")
		}
	}
	page := b.get(t, "/en/me/data")
	page.has(t, "Your copy is ready", "Download my copy", "of about 1 MB")
	_, rest, _ := strings.Cut(page.body, `href="/media/exports/`)
	address, _, _ := strings.Cut(rest, `"`)
	address = "/media/exports/" + strings.ReplaceAll(address, "&amp;", "&")
	if file := b.get(t, address); file.status != http.StatusOK || !strings.HasPrefix(file.body, "PK") ||
		file.header.Get("Content-Type") != "application/zip" {
		t.Errorf("%s answers %d %v", address, file.status, file.header)
	}
	if unsigned, _, _ := strings.Cut(address, "?"); b.get(t, unsigned).status != http.StatusForbidden {
		t.Error("the file can be read without a signature")
	}
	for range 2 {
		b.post(t, "/me/data")
	}
	if got := b.post(t, "/me/data").status; got != http.StatusTooManyRequests {
		t.Errorf("a fifth copy answers %d", got)
	}
}

// An account is deleted and brought back on pages alone, with what it had.
func TestAnAccountIsDeletedAndComesBackOnPages(t *testing.T) {
	t.Parallel()
	h := startHouse(t)
	user, voter := h.account(t, "Ana", "Cali"), h.account(t, "Luz", "Cali")
	own, other := h.publish(t, user, "El primer vuelo"), h.publish(t, voter, "Cumbia de medianoche")
	for _, vote := range [][2]string{{own, voter.ID}, {other, user.ID}} {
		if _, err := h.voting.Vote(t.Context(), vote[0], vote[1]); err != nil {
			t.Fatal(err)
		}
	}
	inside, b := h.signedIn(t, user), h.browser(t)
	inside.get(t, "/me/delete").has(t, "Tu video desaparece", "Se quita el voto que diste", "Durante 7 días")
	if body := h.signedIn(t, h.account(t, "Eva", "Cali")).get(t, "/me/delete").body; strings.Contains(body, "voto") {
		t.Errorf("an account with nothing loses something:\n%s", body)
	}
	inside.post(t, "/me/delete", "password", "wrong").refused(t, "no es tu contraseña actual")
	if inside.ask(t, http.MethodPost, "/me/delete", strings.NewReader("password=x"), "Content-Type",
		"application/x-www-form-urlencoded", "Sec-Fetch-Site", "cross-site").status != http.StatusForbidden {
		t.Error("another site's form deletes an account")
	}
	var clicks sync.WaitGroup
	for range 2 {
		clicks.Go(func() {
			got := inside.post(t, "/me/delete", "password", password).location()
			if got != "/?said=left" && !strings.HasPrefix(got, "/login") { // the cookie was gone already
				t.Errorf("a click leads to %q", got)
			}
		})
	}
	clicks.Wait()
	b.get(t, "/?said=left").has(t, "Tu cuenta quedó borrada")
	if got := b.get(t, "/v/"+own).status; got != http.StatusGone {
		t.Errorf("the video answers %d", got)
	}
	if body := b.get(t, "/ranking").body; strings.Contains(body, "Ana Ruiz") {
		t.Error("the ranking has them")
	}
	if tally, err := h.voting.Tallies(t.Context(), []string{other}); err != nil || tally[other] != 0 {
		t.Errorf("their vote counts: %v, %v", tally, err)
	}
	b.post(t, "/login", "email", user.Email, "password", password).refused(t, "Correo o contraseña incorrectos")

	link := h.post.link(t, "deleted", user.Email)
	b.get(t, link+"x").refused(t, "incompleto", "ya no se puede recuperar")
	b.get(t, link).has(t, "Recupera tu cuenta", "alguien sabe tu contraseña", "No fui yo")
	h.signedIn(t, voter).get(t, link).refused(t, "otra cuenta")
	token := strings.TrimPrefix(link, "/undo?token=")
	b.post(t, "/undo", "token", token).goesTo(t, "/login?said=back")
	b.get(t, "/login?said=back").has(t, "Tu cuenta volvió")
	b.post(t, "/undo", "token", token).refused(t, "ya se usó")
	b.post(t, "/login", "email", user.Email, "password", password).goesTo(t, "/?said=in")
	b.get(t, "/v/"+own).has(t, "El primer vuelo", "Ana Ruiz")
	if tally, err := h.voting.Tallies(t.Context(), []string{own, other}); err != nil || tally[own] != 1 ||
		tally[other] != 1 {
		t.Errorf("the votes are %v, %v", tally, err)
	}
	if _, err := h.identity.Grant(t.Context(), console, user.Email, identity.Admin); err != nil {
		t.Fatal(err)
	}
	b.post(t, "/me/delete", "password", password).refused(t, "última cuenta que administra")
}
