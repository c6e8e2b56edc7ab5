package identity_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

var owners = []database.Migrations{identity.Migrations()}

func TestOneAccountPerMailbox(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		m, _ := setup(t, db)
		ana, err := m.SignUp(t.Context(), client, registration("ana.ruiz@gmail.com"))
		if err != nil {
			t.Fatal(err)
		}
		for _, email := range []string{"anaruiz+2@gmail.com", "A.N.A.Ruiz@googlemail.com", "ａｎａｒｕｉｚ@gmail.com"} {
			if _, err := m.SignUp(t.Context(), client, registration(email)); fault.From(err).Code != "email_taken" {
				t.Errorf("a second sign-up as %s gives %v", email, err)
			}
		}
		for _, email := range []string{"ana.ruiz@gmail.com", "Anaruiz+1@Gmail.com", "anaruiz＠gmail.com\u200b"} {
			session, err := m.SignIn(t.Context(), credentials(email, password))
			if err != nil || session.Token == "" {
				t.Errorf("signing in as %s gives %v", email, err)
			}
		}
		if _, err := m.SignUp(t.Context(), client, registration("ana.ruiz@example.com")); err != nil {
			t.Errorf("another mailbox: %v", err)
		}
		if user, err := m.Account(t.Context(), ana.ID); err != nil || user.Email != "ana.ruiz@gmail.com" {
			t.Errorf("the account is %+v (%v)", user, err)
		}
	})
}

// insertOld inserts an account as a binary does that does not know canonical e-mails. Its password is its e-mail.
func insertOld(t *testing.T, db *database.DB, email string, createdAt int) {
	t.Helper()
	hasher, err := auth.NewPasswords()
	if err != nil {
		t.Fatal(err)
	}
	hash, err := hasher.Hash(email)
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.Exec(t.Context(), `
		INSERT INTO identity_users
			(id, email, email_folded, password_hash, first_name, last_name, city, country, created_at)
		VALUES (?, ?, LOWER(?), ?, 'Ana', 'Ruiz', 'Cali', 'Colombia', ?)`, email, email, email, hash, createdAt)
	if err != nil {
		t.Fatal(err)
	}
}

// Accounts that are older than the rule stay, and their owners sign in as they always did.
func TestOldAccountsOfOneMailboxStay(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		m, _ := setup(t, db)
		old := []string{"ana.ruiz@gmail.com", "Anaruiz@gmail.com", "anaruiz+1@gmail.com", "ｂeto@example.com"}
		for i, email := range old {
			insertOld(t, db, email, 10-i) // so the oldest of Ana's is the last one
		}
		signIn := func(email, password string) {
			t.Helper()
			if _, err := m.SignIn(t.Context(), credentials(email, password)); err != nil {
				t.Errorf("signing in as %s: %v", email, err)
			}
		}
		for _, email := range old {
			signIn(email, email) // also before they are filled
		}
		for range 2 {
			var group sync.WaitGroup
			for range 3 {
				group.Go(func() {
					if err := db.Fill(t.Context(), owners...); err != nil {
						t.Error(err)
					}
				})
			}
			group.Wait()
			status, err := db.FillStatus(t.Context(), owners...)
			if err != nil || len(status) != 1 || status[0].Behind != 0 {
				t.Errorf("the status is %v (%v)", status, err)
			}
			for _, email := range old {
				signIn(email, email)
			}
			signIn("an.aruiz@gmail.com", "anaruiz+1@gmail.com")
			signIn("beto@example.com", "ｂeto@example.com")
		}
		for _, email := range []string{"anaruiz+3@gmail.com", "beto@example.com"} {
			if _, err := m.SignUp(t.Context(), client, registration(email)); fault.From(err).Code != "email_taken" {
				t.Errorf("a sign-up as %s gives %v", email, err)
			}
		}
	})
}

// While old accounts are filled, people sign up with the same e-mails.
func TestSignUpsDuringTheFill(t *testing.T) {
	t.Parallel()
	const mailboxes, old = 8, 2_100 // more than two batches
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		m, _ := setup(t, db)
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			for i := range old {
				email := fmt.Sprintf("a%d+old@gmail.com", i)
				if _, err := db.Exec(ctx, `
					INSERT INTO identity_users
						(id, email, email_folded, password_hash, first_name, last_name, city, country, created_at)
					VALUES (?, ?, ?, '', 'Ana', 'Ruiz', 'Cali', 'Colombia', ?)`, email, email, email, i); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		var created atomic.Int64
		var group sync.WaitGroup
		for i := range mailboxes {
			group.Go(func() {
				_, err := m.SignUp(t.Context(), client, registration(fmt.Sprintf("A%d@gmail.com", i*250)))
				if err == nil {
					created.Add(1)
				} else if fault.From(err).Code != "email_taken" {
					t.Error(err)
				}
			})
		}
		group.Go(func() {
			if err := db.Fill(t.Context(), owners...); err != nil {
				t.Error(err)
			}
		})
		group.Wait()
		var rows struct{ Canonical, Empty, Unfilled int64 }
		err = db.Query(t.Context(), &rows, `
			SELECT COUNT(DISTINCT CASE WHEN email_canonical <> '' THEN email_canonical END) AS canonical,
				COUNT(CASE WHEN email_canonical = '' THEN 1 END) AS empty,
				COUNT(*) - COUNT(email_canonical) AS unfilled
			FROM identity_users`)
		if err != nil || rows.Canonical != old || rows.Empty != created.Load() || rows.Unfilled != 0 {
			t.Errorf("%+v (%v), want %d mailboxes, and %d accounts without", rows, err, old, created.Load())
		}
	})
}
