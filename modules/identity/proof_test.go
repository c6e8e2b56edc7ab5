package identity_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/assets"
	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/mail"
	"risingstars/platform/mail/mailtest"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
)

// house is the module with everything that its letters go through.
type house struct {
	*testing.T
	*identity.Module
	db    *database.DB
	smtp  *mailtest.Server
	links *auth.Seals
	owned *property
}

func houseTables() []database.Migrations {
	return []database.Migrations{dbqueue.Migrations(), mail.Migrations(), identity.Migrations()}
}

func openHouse(t *testing.T, db *database.DB) *house {
	t.Helper()
	h := &house{T: t, db: db, smtp: mailtest.Start(t, mailtest.Options{}), links: auth.NewSeals(keys, "letters")}
	h.owned = &property{}
	log := slog.New(slog.DiscardHandler)
	driver := dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond})
	carrier, err := mail.OpenSMTP(mail.SMTPOptions{URL: "smtp://" + h.smtp.Addr})
	if err != nil {
		t.Fatal(err)
	}
	post, err := mail.New(mail.Options{
		DB: db, Queue: queue.New(driver, queue.Options{Logger: log}), Carrier: carrier, Templates: assets.Mail(),
		PublicURL: "https://show.example", From: "no-reply@show.example", Seals: h.links, Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	hasher, err := auth.NewPasswords()
	if err != nil {
		t.Fatal(err)
	}
	h.Module = identity.New(identity.Deps{
		DB: db, Passwords: hasher, Tokens: auth.NewTokens(keys, time.Hour), Devices: auth.NewDevices(keys),
		Refreshes: auth.NewSeals(keys, "refresh tokens"), Secrets: auth.NewVault(keys, "second factors"),
		Limits: limit.New(limit.Options{}), Logger: log, Letters: post, Links: h.links, Belongings: h.owned,
	})
	worker := queue.NewWorker(driver, post.Handlers(), queue.WorkerOptions{Logger: log, Concurrency: 2})
	if err := worker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.WatchLetters(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-done
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := worker.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	return h
}

// member signs somebody up, and returns the token of their first letter.
func (h *house) member(email string) (identity.User, string) {
	h.Helper()
	u, err := h.SignUp(h.Context(), client, registration(email))
	if err != nil {
		h.Fatal(err)
	}
	return u, h.smtp.Await(h.T, email, 1).Token()
}

func (h *house) verified(id string) bool {
	h.Helper()
	u, err := h.Account(h.Context(), id)
	if err != nil {
		h.Fatal(err)
	}
	return u.EmailVerified
}

// code fails the test unless the error has the code; "" stands for none.
func (h *house) code(what string, err error, want string) {
	h.Helper()
	got := ""
	if err != nil {
		got = fault.From(err).Code
	}
	if got != want {
		h.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}

// expire makes all links old.
func (h *house) expire() {
	h.Helper()
	if _, err := h.db.Exec(h.Context(), `UPDATE identity_proofs SET expires_at = 1`); err != nil {
		h.Fatal(err)
	}
}

func (h *house) caller(u identity.User) identity.Caller {
	return identity.Caller{UserID: u.ID, Client: client}
}

const other = "another horse entirely"

var otherPassword = identity.NewPassword{Password1: other, Password2: other}

// An e-mail is proved by its link, once, also if it is used twice at once.
func TestALinkProvesAnEmailOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h := openHouse(t, db)
		ana, token := h.member("ana@example.com")
		if h.verified(ana.ID) {
			t.Error("the e-mail is proved before its link is used")
		}
		if _, _, err := h.Link(t.Context(), "", token, identity.Confirm); err != nil || h.verified(ana.ID) {
			t.Errorf("looking at the link uses it up: %v", err)
		}
		var done, used atomic.Int64
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				switch _, err := h.ConfirmEmail(t.Context(), "", token); {
				case err == nil:
					done.Add(1)
				case fault.From(err).Code == "token_used":
					used.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if done.Load() != 1 || used.Load() != 7 || !h.verified(ana.ID) {
			t.Errorf("%d uses succeed and %d are refused", done.Load(), used.Load())
		}
		if ok, err := h.Verified(t.Context(), ana.ID); err != nil || !ok {
			t.Errorf("Verified says %v, %v", ok, err)
		}
		var row struct{ SecretHash string }
		if err := db.Query(t.Context(), &row, `SELECT secret_hash FROM identity_proofs`); err != nil {
			t.Fatal(err)
		}
		secret, err := h.links.Open(token)
		if err != nil || row.SecretHash == string(secret) || len(row.SecretHash) != 64 {
			t.Errorf("the table has %q", row.SecretHash)
		}
	})
}

// Each wrong link has its code, and changes nothing.
func TestAWrongLinkChangesNothing(t *testing.T) {
	t.Parallel()
	h := openHouse(t, databasetest.Open(t, houseTables()...))
	ana, confirm := h.member("ana@example.com")
	ben, _ := h.member("ben@example.com")
	if err := h.ForgotPassword(t.Context(), "ana@example.com"); err != nil {
		t.Fatal(err)
	}
	reset := h.smtp.Await(t, "ana@example.com", 2).Token()
	forged := auth.NewSeals(auth.NewKeys(make([]byte, 32), nil), "letters").Seal([]byte("0123456789abcdef"))
	for name, token := range map[string]string{
		"empty": "", "cut off": confirm[:len(confirm)-1], "longer": confirm + "A", "forged": forged,
		"never issued": h.links.Seal([]byte("0123456789abcdef")), "of another purpose": reset,
		"sealed for another purpose": auth.NewSeals(keys, "cursors").Seal([]byte("0123456789abcdef")),
	} {
		_, err := h.ConfirmEmail(t.Context(), "", token)
		h.code(name, err, "token_invalid")
	}
	_, err := h.ConfirmEmail(t.Context(), ben.ID, confirm)
	h.code("of another account", err, "token_of_another_account")
	h.code("a confirmation for a reset", h.ResetPassword(t.Context(), "", client, confirm, otherPassword),
		"token_invalid")
	h.code("a reset by another", h.ResetPassword(t.Context(), ben.ID, client, reset, otherPassword),
		"token_of_another_account")
	h.code("a short password", h.ResetPassword(t.Context(), "", client, reset, identity.NewPassword{"short", "short"}),
		"invalid")
	h.code("two passwords", h.ResetPassword(t.Context(), "", client, reset, identity.NewPassword{other, password}),
		"passwords_differ")
	h.code("one's name", h.ResetPassword(t.Context(), "", client, reset, identity.NewPassword{"ana@example.com", "x"}),
		"invalid")
	if h.verified(ana.ID) || h.verified(ben.ID) {
		t.Error("a wrong link proves an e-mail")
	}
	if _, err := h.SignIn(t.Context(), credentials("ana@example.com", password)); err != nil {
		t.Errorf("a wrong link has changed the password: %v", err)
	}
	h.expire()
	_, err = h.ConfirmEmail(t.Context(), "", confirm)
	h.code("old", err, "token_expired")
	h.code("old", h.ResetPassword(t.Context(), "", client, reset, otherPassword), "token_expired")
}

// Who has forgotten the password chooses another by a letter, which ends all sessions; nobody learns who has an
// account.
func TestAForgottenPasswordIsReplaced(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h := openHouse(t, db)
		ana, _ := h.member("ana@example.com")
		browser, err := h.SignInBrowser(t.Context(), identity.Visitor{UserID: ana.ID, Agent: "phone"})
		if err != nil {
			t.Fatal(err)
		}
		h.code("unknown", h.ForgotPassword(t.Context(), "nobody@example.com"), "")
		h.code("known", h.ForgotPassword(t.Context(), " ANA@example.com"), "")
		h.code("no e-mail", h.ForgotPassword(t.Context(), "ana"), "invalid")
		letter := h.smtp.Await(t, "ana@example.com", 2)
		if letter.Subject() != "Elige una contraseña nueva" {
			t.Errorf("the letter is %q", letter.Subject())
		}
		var done, used atomic.Int64
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				switch err := h.ResetPassword(t.Context(), "", client, letter.Token(), otherPassword); {
				case err == nil:
					done.Add(1)
				case fault.From(err).Code == "token_used":
					used.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if done.Load() != 1 || used.Load() != 3 {
			t.Errorf("%d resets succeed, %d are refused", done.Load(), used.Load())
		}
		_, err = h.SignIn(t.Context(), credentials("ana@example.com", password))
		h.code("the old password", err, "bad_credentials")
		_, err = h.SignIn(t.Context(), credentials("ana@example.com", other))
		h.code("the new password", err, "")
		_, _, err = h.BrowserCaller(t.Context(), browser, "")
		h.code("a session of before", err, "unauthenticated")
		if !h.verified(ana.ID) {
			t.Error("who opened the letter has not proved the e-mail")
		}
		if notice := h.smtp.Await(t, "ana@example.com", 3); notice.Subject() != "Cambió tu contraseña" {
			t.Errorf("the notice is %q", notice.Subject())
		}
		if n := len(h.smtp.To("nobody@example.com")); n != 0 {
			t.Errorf("a stranger got %d letters", n)
		}
	})
}

// Nobody is mailed at will.
func TestLettersToAnAddressAreLimited(t *testing.T) {
	t.Parallel()
	h := openHouse(t, databasetest.Open(t, houseTables()...))
	ana, _ := h.member("ana@example.com")
	for range 30 {
		h.code("forgot", h.ForgotPassword(t.Context(), "ana@example.com"), "")
		h.code("resend", h.ResendConfirmation(t.Context(), ana.ID), "")
	}
	ben, _ := h.member("ben@example.com")
	h.code("resend", h.ResendConfirmation(t.Context(), ben.ID), "")
	h.smtp.Await(t, "ben@example.com", 2)
	waiting := func() (n int) {
		var row struct{ N int }
		if err := h.db.Query(t.Context(), &row, `SELECT COUNT(*) AS n FROM identity_forgotten`); err != nil {
			t.Fatal(err)
		}
		return row.N
	}
	for deadline := time.Now().Add(time.Minute); waiting() > 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	if n := len(h.smtp.To("ana@example.com")); n > 9 || waiting() > 0 { // sign-up, 4 and 4
		t.Errorf("the address got %d letters, and %d requests wait", n, waiting())
	}
	// Another spelling of the mailbox is the same mailbox.
	for _, tag := range []string{"a", "b", "c", "d", "e", "f"} {
		if _, err := h.SignUp(t.Context(), client, registration("eve+"+tag+"@example.com")); err != nil {
			t.Error(err)
		}
	}
	var letters struct{ N int }
	err := h.db.Query(t.Context(), &letters, `SELECT COUNT(*) AS n FROM identity_proofs WHERE email LIKE 'eve+%'`)
	if err != nil || letters.N != 4 {
		t.Errorf("six sign-ups of one mailbox have %d letters, %v", letters.N, err)
	}
	// One more is refused aloud to who is signed in.
	err = h.ChangeEmail(t.Context(), h.caller(ana), "ana@example.com", password)
	h.code("the same e-mail", err, "invalid")
	var refused error
	for i := 0; refused == nil && i < 10; i++ {
		refused = h.ChangeEmail(t.Context(), h.caller(ben), "new@example.com", password)
	}
	if !errors.Is(refused, limit.ErrTooMany) {
		t.Errorf("ten letters to a new address: %v", refused)
	}
}

// An e-mail changes once the new one is proved, and its owner of before can take it back, with the account.
func TestAnEmailIsChangedAndRestored(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h := openHouse(t, db)
		ana, first := h.member("ana@example.com")
		h.member("ben@example.com")
		for name, test := range map[string]struct{ email, password, want string }{
			"a wrong password": {"new@example.com", "wrong", "wrong_password"},
			"no e-mail":        {"new", password, "invalid"},
			"taken":            {"Ben@example.com", password, "email_taken"},
		} {
			h.code(name, h.ChangeEmail(t.Context(), h.caller(ana), test.email, test.password), test.want)
		}
		h.code("change", h.ChangeEmail(t.Context(), h.caller(ana), "new@example.com", password), "")
		change := h.smtp.Await(t, "new@example.com", 1)
		if u, _ := h.Account(t.Context(), ana.ID); u.Email != "ana@example.com" {
			t.Errorf("the e-mail is %s before the new one is proved", u.Email)
		}
		h.code("forgot", h.ForgotPassword(t.Context(), "ana@example.com"), "")
		reset := h.smtp.Await(t, "ana@example.com", 2).Token()
		done, err := h.ConfirmEmail(t.Context(), ana.ID, change.Token())
		if h.code("confirm", err, ""); done != identity.Change {
			t.Errorf("the link was for %s", done)
		}
		if u, _ := h.Account(t.Context(), ana.ID); u.Email != "new@example.com" || !u.EmailVerified {
			t.Errorf("the account is %+v", u)
		}
		// What went to the address of before is good for nothing but taking it back.
		_, err = h.ConfirmEmail(t.Context(), "", first)
		h.code("the first letter", err, "token_used")
		h.code("a reset", h.ResetPassword(t.Context(), "", client, reset, otherPassword), "token_used")
		undo := h.smtp.Await(t, "ana@example.com", 3)
		if undo.Subject() != "Cambió el correo de tu cuenta" {
			t.Errorf("the notice is %q", undo.Subject())
		}
		// Whoever has taken the account over goes on to a third address, and takes the second back.
		h.code("change", h.ChangeEmail(t.Context(), h.caller(ana), "third@example.com", password), "")
		_, err = h.ConfirmEmail(t.Context(), "", h.smtp.Await(t, "third@example.com", 1).Token())
		h.code("confirm", err, "")
		browser, err := h.SignInBrowser(t.Context(), identity.Visitor{UserID: ana.ID, Agent: "thief"})
		if err != nil {
			t.Fatal(err)
		}
		done, err = h.ConfirmEmail(t.Context(), "", undo.Token())
		if h.code("undo", err, ""); done != identity.Restore {
			t.Errorf("the link was for %s", done)
		}
		if u, _ := h.Account(t.Context(), ana.ID); u.Email != "ana@example.com" || !u.EmailVerified {
			t.Errorf("the account is %+v", u)
		}
		_, err = h.ConfirmEmail(t.Context(), "", h.smtp.Await(t, "new@example.com", 2).Token())
		h.code("the thief's own undo", err, "token_used")
		_, _, err = h.BrowserCaller(t.Context(), browser, "")
		h.code("the thief's session", err, "unauthenticated")
		_, err = h.SignIn(t.Context(), credentials("ana@example.com", password))
		h.code("the password that the thief knows", err, "bad_credentials")
		h.code("forgot", h.ForgotPassword(t.Context(), "ana@example.com"), "")
		h.code("reset", h.ResetPassword(t.Context(), "", client, h.smtp.Await(t, "ana@example.com", 4).Token(),
			otherPassword), "")
	})
}

// Two who change to one address at once: one gets it, and the other keeps the own.
func TestAnAddressThatIsTakenMeanwhileIsRefused(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h := openHouse(t, db)
		var tokens []string
		for i, email := range []string{"ana@example.com", "ben@example.com"} {
			u, _ := h.member(email)
			h.code("change", h.ChangeEmail(t.Context(), h.caller(u), "new@example.com", password), "")
			tokens = append(tokens, h.smtp.Await(t, "new@example.com", i+1).Token())
		}
		var codes [2]string
		var group sync.WaitGroup
		for i, token := range tokens {
			group.Go(func() {
				if _, err := h.ConfirmEmail(t.Context(), "", token); err != nil {
					codes[i] = fault.From(err).Code
				}
			})
		}
		group.Wait()
		slices.Sort(codes[:])
		if codes != [2]string{"", "email_taken"} {
			t.Errorf("the answers are %q", codes)
		}
	})
}

// A password is changed by who knows it, and all other sessions end.
func TestAPasswordIsChangedByItsOwner(t *testing.T) {
	t.Parallel()
	h := openHouse(t, databasetest.Open(t, houseTables()...))
	ana, _ := h.member("ana@example.com")
	var browsers []string
	for range 2 {
		token, err := h.SignInBrowser(t.Context(), identity.Visitor{UserID: ana.ID, Agent: "phone"})
		if err != nil {
			t.Fatal(err)
		}
		browsers = append(browsers, token)
	}
	_, kept, err := h.BrowserCaller(t.Context(), browsers[0], "")
	if err != nil {
		t.Fatal(err)
	}
	change := func(present string, p identity.NewPassword) error {
		return h.ChangePassword(t.Context(), h.caller(ana), kept, present, p)
	}
	h.code("a wrong password", change("wrong", otherPassword), "wrong_password")
	h.code("two passwords", change(password, identity.NewPassword{other, password}), "passwords_differ")
	h.code("a common one", change(password, identity.NewPassword{"password1", "password1"}), "invalid")
	_, err = h.SignIn(t.Context(), credentials("ana@example.com", password))
	h.code("nothing has changed", err, "")
	h.code("change", change(password, otherPassword), "")
	_, err = h.SignIn(t.Context(), credentials("ana@example.com", other))
	h.code("the new password", err, "")
	_, _, err = h.BrowserCaller(t.Context(), browsers[0], "")
	h.code("this browser", err, "")
	_, _, err = h.BrowserCaller(t.Context(), browsers[1], "")
	h.code("the other browser", err, "unauthenticated")
	h.smtp.Await(t, "ana@example.com", 2)
	var refused error
	for range 20 {
		if refused = change("guess", otherPassword); errors.Is(refused, limit.ErrTooMany) {
			break
		}
	}
	if !errors.Is(refused, limit.ErrTooMany) {
		t.Errorf("twenty guesses are answered: %v", refused)
	}
}
