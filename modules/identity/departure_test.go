package identity_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

// property notes what happens to the belongings of people, and fails as often as it is told to.
type property struct {
	mu         sync.Mutex
	done       []string
	fails      int
	returnedAt time.Time
	stuck      string // whose erasure fails
	meanwhile  func() // happens at the end of the next Settle
}

func (p *property) note(what string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fails > 0 {
		p.fails--
		return errors.New("as it is told to")
	}
	if len(p.done) == 0 || p.done[len(p.done)-1] != what { // each may be repeated
		p.done = append(p.done, what)
	}
	return nil
}

func (p *property) all() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.done, ", ")
}

func (p *property) Leave(context.Context, string) error { return p.note("leave") }

func (p *property) Return(_ context.Context, _ string, shown bool) error {
	if shown {
		return p.note("return")
	}
	return p.note("return hidden")
}

func (p *property) Settle(_ context.Context, _ string, leftAt, returnedAt time.Time) error {
	p.mu.Lock()
	meanwhile := p.meanwhile
	p.meanwhile = nil
	p.mu.Unlock()
	if meanwhile != nil {
		defer meanwhile()
	}
	if returnedAt.After(leftAt) {
		return p.note("settle back")
	}
	return p.note("settle")
}

func (p *property) ReturnedAt(context.Context, string) (time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.returnedAt, nil
}

func (p *property) Erase(_ context.Context, userID, email string) error {
	p.mu.Lock()
	stuck := p.stuck == userID
	p.mu.Unlock()
	if stuck {
		return errors.New("as it is told to")
	}
	return p.note("erase " + email)
}

// leaver signs up, and proves the e-mail.
func (h *house) leaver(email string) identity.User {
	h.Helper()
	u, token := h.member(email)
	if _, err := h.ConfirmEmail(h.Context(), "", token); err != nil {
		h.Fatal(err)
	}
	return u
}

// undo is the token of the latest letter about a deletion.
func (h *house) undo(email string, letters int) string {
	h.Helper()
	return h.smtp.Await(h.T, email, letters).Token()
}

func (h *house) delete(u identity.User, password string) error {
	return errOf(h.DeleteAccount(h.Context(), h.caller(u), password, ""))
}

// due makes all deletions due for erasure, works on them, and waits until none is left.
func (h *house) due() {
	h.Helper()
	if _, err := h.db.Exec(h.Context(), `
		UPDATE identity_departures SET erase_at = 1, due_at = 1, left_at = left_at - 60000000`); err != nil {
		h.Fatal(err)
	}
	h.work(`SELECT COUNT(*) AS n FROM identity_departures`)
}

// work works on deletions until the query counts none.
func (h *house) work(query string) {
	h.Helper()
	h.workUntil(query, func() bool {
		var row struct{ N int }
		if err := h.db.Query(h.Context(), &row, query); err != nil {
			h.Fatal(err)
		}
		return row.N == 0
	})
}

// workUntil works on deletions until a condition is true.
func (h *house) workUntil(what string, condition func() bool) {
	h.Helper()
	ctx, cancel := context.WithCancel(h.Context())
	var group sync.WaitGroup
	defer group.Wait()
	defer cancel()
	for range 2 { // several may
		group.Go(func() { h.WatchDepartures(ctx) })
	}
	wait(h.T, time.Minute, what, condition)
}

// A deleted account is as if it were gone, in each way in which somebody could use it, and its e-mail is free.
func TestADeletedAccountIsAsIfItWereGone(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h, ctx := openHouse(t, db), t.Context()
		ana := h.leaver("ana@example.com")
		browser, err := h.SignInBrowser(ctx, identity.Visitor{UserID: ana.ID})
		mustEnd(t, err)
		session, err := h.SignIn(ctx, credentials(ana.Email, password))
		mustEnd(t, err)
		h.code("a wrong password", h.delete(ana, "wrong"), "wrong_password")
		h.code("nobody", h.delete(identity.User{ID: "x"}, password), "unauthenticated")
		if h.owned.all() != "" {
			t.Errorf("what is refused does %s", h.owned.all())
		}
		root := h.leaver("root@example.com")
		_, err = h.Grant(ctx, console, root.Email, identity.Admin)
		mustEnd(t, err)
		mustEnd(t, h.AddRecord(ctx, identity.Record{
			Actor: ana.ID, Act: "video.hide", Subject: "video:" + root.ID, Reason: "A test.",
		}))
		names := func() string { // in the log, of whom the acts are by and about
			found, n, err := h.Log(ctx, root.ID, identity.LogFilter{Act: "video"}, 0, 10)
			mustEnd(t, err)
			if n != 1 || found[0].Actor != ana.ID {
				t.Errorf("the log has %+v", found)
			}
			return found[0].Name
		}
		if got := names(); got != "Ana Ruiz" {
			t.Errorf("before, the log names %q", got)
		}
		until, err := h.DeleteAccount(ctx, h.caller(ana), password, "")
		mustEnd(t, err)
		var link struct{ ExpiresAt, EraseAt int64 }
		mustEnd(t, db.Query(ctx, &link, `
			SELECT p.expires_at, d.erase_at FROM identity_proofs p JOIN identity_departures d ON d.user_id = p.user_id
			WHERE p.user_id = ? AND p.purpose = 'undelete'`, ana.ID))
		ends, erased := database.FromMicros(link.ExpiresAt), database.FromMicros(link.EraseAt)
		if life := time.Until(until) - 7*24*time.Hour; life.Abs() > time.Minute ||
			ends.Sub(until).Abs() > time.Minute || erased.Sub(until) < time.Hour-time.Minute {
			t.Errorf("it can come back until %s, by a link until %s, and is erased at %s", until, ends, erased)
		}

		_, _, err = h.BrowserCaller(ctx, browser, "")
		h.code("a browser", err, "unauthenticated")
		_, err = h.Refresh(ctx, session.Refresh, "")
		h.code("a refresh token", err, "bad_refresh_token")
		for name, email := range map[string]string{"e-mail": ana.Email, "what it has now": ana.ID + "@invalid"} {
			_, err = h.SignIn(ctx, credentials(email, password))
			h.code("sign in by "+name, err, "bad_credentials")
		}
		_, err = h.Account(ctx, ana.ID)
		h.code("read", err, "unauthenticated")
		h.code("a second click", h.delete(ana, password), "unauthenticated")
		h.code("change the password", h.ChangePassword(ctx, h.caller(ana), "", password, otherPassword),
			"unauthenticated")
		if p, err := h.ProfileOf(ctx, ana.ID); err != nil || p.City != "Bogotá" { // for a video that is under way
			t.Errorf("the profile is %+v, %v", p, err)
		}
		if got := h.owned.all(); got != "leave, settle" {
			t.Errorf("it did %s", got)
		}
		again, err := h.SignUp(ctx, client, registration("ANA@example.com"))
		if err != nil || again.ID == ana.ID {
			t.Errorf("the e-mail is not free: %v", err)
		}
		h.due()
		h.code("undo after the erasure", h.UndoDeletion(ctx, "", h.undo(ana.Email, 2), false), "token_expired")
		if !strings.HasSuffix(h.owned.all(), "erase ana@example.com") {
			t.Errorf("it did %s", h.owned.all())
		}
		if _, err := h.Account(ctx, again.ID); err != nil {
			t.Errorf("the new account is gone as well: %v", err)
		}
		if got := names(); got != "" {
			t.Errorf("after the erasure, the log names %q", got)
		}
		var told struct{ N int }
		mustEnd(t, db.Query(ctx, &told, `
			SELECT COUNT(*) AS n FROM identity_log
			WHERE actor || subject || state_before || state_after || reason LIKE '%ana@%'
				OR actor || subject || state_before || state_after || reason LIKE '%Ana%'`))
		if told.N > 0 {
			t.Errorf("%d acts have the name or the e-mail", told.N)
		}
		for table, column := range map[string]string{
			"identity_users": "id", "identity_browsers": "user_id", "identity_departures": "user_id",
			"identity_roles": "user_id", "identity_factors": "user_id",
		} {
			var row struct{ N int }
			mustEnd(t, db.Query(ctx, &row, `SELECT COUNT(*) AS n FROM `+table+` WHERE `+column+` = ?`, ana.ID))
			if row.N > 0 {
				t.Errorf("%s has %d rows of theirs", table, row.N)
			}
		}
		var row struct{ N int }
		mustEnd(t, db.Query(ctx, &row, `
			SELECT COUNT(*) AS n FROM identity_proofs WHERE user_id = ? AND email <> ''`, ana.ID))
		if row.N > 0 {
			t.Errorf("%d links know the e-mail", row.N)
		}
	})
}

// Within the days of grace the link of the letter brings all back, once; what stands in its way is said.
func TestADeletionIsUndoneByTheLink(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h, ctx := openHouse(t, db), t.Context()
		ana, eve := h.leaver("ana@example.com"), h.leaver("eve@example.com")
		mustEnd(t, h.delete(ana, password))
		token := h.undo(ana.Email, 2)
		h.code("another's session", h.UndoDeletion(ctx, eve.ID, token, false), "token_of_another_account")
		_, err := h.ConfirmEmail(ctx, "", token)
		h.code("for another purpose", err, "token_invalid")

		// Somebody who has not proved the e-mail gives way; somebody who has does not.
		squatter, confirm := h.memberAgain(ana.Email, 3)
		mustEnd(t, errOf(h.SignIn(ctx, credentials(ana.Email, password))))
		if _, err := h.ConfirmEmail(ctx, "", confirm); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			h.code("a proved owner", h.UndoDeletion(ctx, "", token, false), "email_taken_since")
		}
		mustEnd(t, h.delete(squatter, password))
		third, _ := h.memberAgain(ana.Email, 5)
		var group sync.WaitGroup
		codes := make([]string, 4)
		for i := range codes {
			group.Go(func() {
				if err := h.UndoDeletion(ctx, "", token, false); err != nil {
					codes[i] = fault.From(err).Code
				}
			})
		}
		group.Wait()
		slices.Sort(codes)
		if !slices.Equal(codes, []string{"", "token_used", "token_used", "token_used"}) {
			t.Errorf("clicks at once answer %q", codes)
		}
		if u, err := h.Account(ctx, ana.ID); err != nil || u.Email != ana.Email || !u.EmailVerified {
			t.Errorf("the account is %+v, %v", u, err)
		}
		if u, err := h.Account(ctx, third.ID); err != nil || u.Email == ana.Email {
			t.Errorf("who has not proved the e-mail keeps it: %+v, %v", u, err)
		}
		session, err := h.SignIn(ctx, credentials(ana.Email, password))
		if err != nil || session.UserID != ana.ID {
			t.Errorf("the password of before: %v", err)
		}
		h.work(`SELECT COUNT(*) AS n FROM identity_departures WHERE state = 'returning'`)
		if got := h.owned.all(); !strings.Contains(got, "return, settle back") {
			t.Errorf("it did %s", got)
		}
		// A second deletion is one like the first, and the old link is not good for it.
		mustEnd(t, h.delete(ana, password))
		h.code("the old link", h.UndoDeletion(ctx, "", token, false), "token_used")
		h.due()
		if _, err := h.Account(ctx, ana.ID); err == nil {
			t.Error("the account is not erased")
		}
	})
}

// memberAgain is member for an address that has had letters before.
func (h *house) memberAgain(email string, letters int) (identity.User, string) {
	h.Helper()
	u, err := h.SignUp(h.Context(), client, registration(email))
	if err != nil {
		h.Fatal(err)
	}
	return u, h.smtp.Await(h.T, email, letters).Token()
}

// Whoever steals an account, changes its e-mail and deletes it cannot keep its owner from getting it back.
func TestAThiefCannotDeleteAnAccountForGood(t *testing.T) {
	t.Parallel()
	h := openHouse(t, databasetest.Open(t, houseTables()...))
	ctx := t.Context()
	ana := h.leaver("ana@example.com")
	mustEnd(t, h.ChangeEmail(ctx, h.caller(ana), "thief@example.com", password))
	_, err := h.ConfirmEmail(ctx, "", h.smtp.Await(t, "thief@example.com", 1).Token())
	mustEnd(t, err)
	restore := h.smtp.Await(t, ana.Email, 2).Token()
	mustEnd(t, h.delete(ana, password))
	if _, err := h.ConfirmEmail(ctx, "", restore); err != nil {
		t.Fatal(err)
	}
	if u, err := h.Account(ctx, ana.ID); err != nil || u.Email != ana.Email {
		t.Errorf("the account is %+v, %v", u, err)
	}
	h.code("the thief's link", h.UndoDeletion(ctx, "", h.undo("thief@example.com", 2), false), "token_used")
	_, err = h.SignIn(ctx, credentials(ana.Email, password))
	h.code("the thief's password", err, "bad_credentials")
}

// A second factor is asked for as well, and the last admin stays.
func TestNotEverybodyCanDelete(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h, ctx := openHouse(t, db), t.Context()
		ana, ben := h.leaver("ana@example.com"), h.leaver("ben@example.com")
		offer, err := h.OfferFactor(ctx, ana.ID, password, client)
		mustEnd(t, err)
		recovery, err := h.ConfirmFactor(ctx, ana.ID, codeAt(t, offer.Secret, 0), "")
		mustEnd(t, err)
		h.code("no code", h.delete(ana, password), "totp_missing")
		_, err = h.DeleteAccount(ctx, h.caller(ana), password, "000000")
		h.code("a wrong code", err, "wrong_totp")
		if _, err := h.Grant(ctx, console, ana.Email, identity.Admin); err != nil {
			t.Fatal(err)
		}
		// The refusal uses up no recovery code.
		h.code("the only admin", errOf(h.DeleteAccount(ctx, h.caller(ana), password, recovery[0])), "last_admin")
		for _, u := range []identity.User{ana, ben} {
			if _, err := h.Grant(ctx, console, u.Email, identity.Admin); err != nil {
				t.Fatal(err)
			}
		}
		// Of two admins who go at once, one stays.
		var group sync.WaitGroup
		codes := make([]string, 2)
		for i, act := range []func() error{
			func() error { return errOf(h.DeleteAccount(ctx, h.caller(ana), password, recovery[0])) },
			func() error { return h.delete(ben, password) },
		} {
			group.Go(func() {
				if err := act(); err != nil {
					codes[i] = fault.From(err).Code
				}
			})
		}
		group.Wait()
		slices.Sort(codes)
		if !slices.Equal(codes, []string{"", "last_admin"}) {
			t.Errorf("two admins at once: %q", codes)
		}
		if all, err := h.ListGranted(ctx); err != nil || len(all) != 1 {
			t.Errorf("%d accounts have roles, %v", len(all), err)
		}
	})
}

// What fails, or is interrupted, is gone on with; nothing is erased before all else is.
func TestAnErasureGoesOnAfterAFailure(t *testing.T) {
	t.Parallel()
	h := openHouse(t, databasetest.Open(t, houseTables()...))
	ctx := t.Context()
	ana := h.leaver("ana@example.com")
	mustEnd(t, h.delete(ana, password))
	_, err := h.db.Exec(ctx, `
		UPDATE identity_departures SET erase_at = 1, due_at = 1, left_at = left_at - 60000000`)
	mustEnd(t, err)
	h.owned.fails = 1
	h.workUntil("the first try fails", func() bool {
		h.owned.mu.Lock()
		defer h.owned.mu.Unlock()
		return h.owned.fails == 0
	})
	h.code("undo while it is erased", h.UndoDeletion(ctx, "", h.undo(ana.Email, 2), false), "token_expired")
	if _, err := h.ProfileOf(ctx, ana.ID); err != nil {
		t.Errorf("the account went before its belongings: %v", err)
	}
	h.due()
	if _, err := h.ProfileOf(ctx, ana.ID); err == nil {
		t.Error("the account is not erased")
	}
}

// A suspended account is deleted by a command; its suspension neither ends nor shows anything.
func TestACommandDeletesForThoseWhoCannot(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h, ctx := openHouse(t, db), t.Context()
		root, ana := h.leaver("root@example.com"), h.leaver("ana@example.com")
		if _, err := h.Grant(ctx, console, root.Email, identity.Admin); err != nil {
			t.Fatal(err)
		}
		by := identity.Actor{ID: root.ID, Reason: "Bought votes."}
		if _, err := h.Suspend(ctx, by, ana.ID, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		_, err := h.Remove(ctx, identity.Actor{ID: identity.Console}, ana.Email, false)
		h.code("without a reason", err, "invalid")
		for i, want := range []bool{true, false} {
			if removed, err := h.Remove(ctx, console, ana.ID, false); err != nil || removed != want {
				t.Errorf("removal %d: %v, %v", i, removed, err)
			}
		}
		_, err = h.Remove(ctx, console, root.Email, true)
		h.code("the last admin", err, "last_admin")
		h.workUntil("a worker hides what is there", func() bool { return h.owned.all() == "leave, settle" })
		if _, err := h.Suspend(ctx, by, ana.ID, time.Now().Add(2*time.Hour)); err != nil { // it may come back
			t.Errorf("suspend a deleted account: %v", err)
		}
		if back, err := h.Readmit(ctx, console, ana.ID); err != nil || !back {
			t.Errorf("it is back: %v, %v", back, err)
		}
		h.work(`SELECT COUNT(*) AS n FROM identity_departures`)
		if got := h.owned.all(); got != "leave, settle, return hidden, settle back" {
			t.Errorf("it did %s", got)
		}
		_, err = h.SignIn(ctx, credentials(ana.Email, password))
		h.code("sign in", err, "suspended")
		if removed, err := h.Remove(ctx, console, ana.Email, true); err != nil || !removed {
			t.Errorf("at once: %v, %v", removed, err)
		}
		// Not before all processes know that nobody votes or uploads for it any more.
		h.work(`SELECT COUNT(*) AS n FROM identity_departures WHERE due_at < left_at + 60000000`)
		if _, err := h.ProfileOf(ctx, ana.ID); err != nil {
			t.Errorf("the account is erased too early: %v", err)
		}
		h.code("an upload that ends meanwhile", h.Present(ctx, ana.ID), "unauthenticated")
		h.due()
		done, _, err := h.ActsOf(ctx, ana.ID)
		acts := []string{}
		for _, r := range slices.Backward(done) {
			acts = append(acts, r.Act)
		}
		want := "user.suspend, account.delete, user.suspend, account.return, account.delete, account.erase"
		if strings.Join(acts, ", ") != want || err != nil {
			t.Errorf("the log has %q, %v", acts, err)
		}
	})
}

// A backup that brings an account back does not undo its deletion, but a return that came later than that does.
func TestABackupUndoesNoDeletion(t *testing.T) {
	t.Parallel()
	h := openHouse(t, databasetest.Open(t, houseTables()...))
	ctx := t.Context()
	ana := h.leaver("ana@example.com")
	leftAt := time.Now().Add(-time.Hour)
	for i, want := range []bool{true, false} {
		if again, err := h.DeleteAgain(ctx, ana.ID, leftAt); err != nil || again != want {
			t.Errorf("deletion %d: %v, %v", i, again, err)
		}
	}
	if back, err := h.Readmit(ctx, console, ana.ID); err != nil || !back {
		t.Errorf("it is back: %v, %v", back, err)
	}
	for _, id := range []string{ana.ID, "00000000-0000-7000-8000-000000000000", "no id"} {
		if again, err := h.DeleteAgain(ctx, id, leftAt); err != nil || again {
			t.Errorf("%s is deleted again: %v, %v", id, again, err)
		}
	}
	if again, err := h.DeleteAgain(ctx, ana.ID, time.Now().Add(time.Hour)); err != nil || !again {
		t.Errorf("a later one: %v, %v", again, err)
	}
	h.due()
}

// Whoever took their deletion back after the backup is not erased, however late the backup is restored.
func TestABackupUndoesNoReturn(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h, ctx := openHouse(t, db), t.Context()
		ana, ben := h.leaver("ana@example.com"), h.leaver("ben@example.com")
		mustEnd(t, h.delete(ana, password))
		mustEnd(t, h.delete(ben, password))
		if back, err := h.ReturnAgain(ctx, ben.ID, time.Now().Add(-time.Hour)); err != nil || back {
			t.Errorf("a return of before the deletion: %v, %v", back, err)
		}
		if back, err := h.ReturnAgain(ctx, ben.ID, time.Now().Add(time.Hour)); err != nil || !back {
			t.Errorf("a later return: %v, %v", back, err)
		}
		h.owned.mu.Lock()
		h.owned.returnedAt = time.Now().Add(time.Hour)
		h.owned.mu.Unlock()
		h.due()
		for _, u := range []identity.User{ana, ben} {
			if got, err := h.Account(ctx, u.ID); err != nil || got.Email != u.Email || !got.EmailVerified {
				t.Errorf("the account is %+v, %v", got, err)
			}
		}
		mustEnd(t, errOf(h.SignIn(ctx, credentials(ana.Email, password))))
	})
}

// After a restore there is a day in which deleted accounts can be brought back by a command.
func TestARestoreLeavesADayToBringAccountsBack(t *testing.T) {
	t.Parallel()
	h := openHouse(t, databasetest.Open(t, houseTables()...))
	ctx := t.Context()
	ana := h.leaver("ana@example.com")
	mustEnd(t, h.delete(ana, password))
	_, err := h.db.Exec(ctx, `UPDATE identity_departures SET erase_at = 1`)
	mustEnd(t, err)
	mustEnd(t, h.DelayErasures(ctx))
	if back, err := h.Readmit(ctx, console, ana.ID); err != nil || !back {
		t.Errorf("it is back: %v, %v", back, err)
	}
}

// Of two old accounts of one mailbox, each comes back as it was, and takes nothing from the other.
func TestAnAccountOfASharedMailboxComesBack(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h, ctx := openHouse(t, db), t.Context()
		ana := h.leaver("ana@example.com")
		_, err := db.Exec(ctx, `UPDATE identity_users SET email_canonical = '' WHERE id = ?`, ana.ID)
		mustEnd(t, err)
		other, _ := h.member("other@example.com") // has not proved its e-mail
		_, err = db.Exec(ctx, `UPDATE identity_users SET email_canonical = 'ana@example.com' WHERE id = ?`, other.ID)
		mustEnd(t, err)
		mustEnd(t, h.delete(ana, password))
		mustEnd(t, h.UndoDeletion(ctx, "", h.undo(ana.Email, 2), false))
		for _, u := range []identity.User{ana, other} {
			if got, err := h.Account(ctx, u.ID); err != nil || got.Email != u.Email {
				t.Errorf("the account of %s is %+v, %v", u.Email, got, err)
			}
		}
	})
}

// The link proves an e-mail that was not proved before, so that nobody keeps its owner out by signing up with it.
func TestTheLinkProvesTheEmailOfADeletedAccount(t *testing.T) {
	t.Parallel()
	h := openHouse(t, databasetest.Open(t, houseTables()...))
	ctx := t.Context()
	ana, _ := h.member("ana@example.com")
	mustEnd(t, h.delete(ana, password))
	token := h.undo(ana.Email, 2)
	squatter, _ := h.memberAgain(ana.Email, 3)
	mustEnd(t, h.UndoDeletion(ctx, "", token, false))
	if u, err := h.Account(ctx, ana.ID); err != nil || u.Email != ana.Email || !u.EmailVerified {
		t.Errorf("the account is %+v, %v", u, err)
	}
	if u, err := h.Account(ctx, squatter.ID); err != nil || u.Email == ana.Email {
		t.Errorf("who has not proved the e-mail keeps it: %+v, %v", u, err)
	}
}

// Whoever says that a stranger has deleted the account gets it back without the stranger's password and factor.
func TestAStrangerDeletesAnAccountOnlyOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h, ctx := openHouse(t, db), t.Context()
		ana := h.leaver("ana@example.com")
		offer, err := h.OfferFactor(ctx, ana.ID, password, client)
		mustEnd(t, err)
		recovery, err := h.ConfirmFactor(ctx, ana.ID, codeAt(t, offer.Secret, 0), "")
		mustEnd(t, err)
		mustEnd(t, errOf(h.DeleteAccount(ctx, h.caller(ana), password, recovery[0])))
		mustEnd(t, h.UndoDeletion(ctx, "", h.undo(ana.Email, 2), true))
		h.code("the stranger deletes again", errOf(h.DeleteAccount(ctx, h.caller(ana), password, recovery[1])),
			"wrong_password")
		token := h.smtp.Await(t, ana.Email, 3).Token()
		mustEnd(t, h.ResetPassword(ctx, "", client, token, otherPassword))
		mustEnd(t, errOf(h.SignIn(ctx, credentials(ana.Email, otherPassword.Password1))))
	})
}
