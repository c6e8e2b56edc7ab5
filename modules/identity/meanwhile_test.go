package identity_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

// slowPasswords lets something happen right after a password was checked.
type slowPasswords struct {
	plainPasswords

	meanwhile func()
}

func (p slowPasswords) Check(password, hash string) (bool, error) {
	right, err := p.plainPasswords.Check(password, hash)
	p.meanwhile()
	return right, err
}

// A password that is another by the time of the act, because its owner has reset it, does nothing.
func TestAPasswordOfBeforeDoesNothing(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		ctx := t.Context()
		_, recovery := p.withFactor(t)
		_, err := db.Exec(ctx, `UPDATE identity_users SET password_at = 1`)
		mustEnd(t, err)
		var row struct{ PasswordHash string }
		mustEnd(t, db.Query(ctx, &row, `SELECT password_hash FROM identity_users WHERE id = ?`, p.ana.ID))
		set := func(id, hash string) {
			_, err := db.Exec(ctx, `UPDATE identity_users SET password_hash = ? WHERE id = ?`, hash, id)
			mustEnd(t, err)
		}
		late := func(id string) *identity.Module {
			return identity.New(identity.Deps{
				DB: db, Passwords: slowPasswords{meanwhile: func() { set(id, "another") }},
				Tokens: auth.NewTokens(keys, time.Hour), Devices: auth.NewDevices(keys),
				Refreshes: auth.NewSeals(keys, "refresh tokens"), Secrets: auth.NewVault(keys, "second factors"),
				Limits: limit.New(limit.Options{}), Logger: slog.New(slog.DiscardHandler),
			})
		}
		ana, eve := identity.Caller{UserID: p.ana.ID, Client: client}, p.eve.ID
		for name, act := range map[string]func() error{
			"change the password": func() error {
				return late(ana.UserID).ChangePassword(ctx, ana, "", password, otherPassword)
			},
			"change the e-mail": func() error {
				return late(ana.UserID).ChangeEmail(ctx, ana, "thief@example.com", password)
			},
			"remove the factor": func() error {
				return late(ana.UserID).RemoveFactor(ctx, ana.UserID, password, recovery[0], client)
			},
			"delete the account": func() error {
				return errOf(late(ana.UserID).DeleteAccount(ctx, ana, password, recovery[1]))
			},
			"set a factor": func() error { return errOf(late(eve).OfferFactor(ctx, eve, password, client)) },
		} {
			set(ana.UserID, row.PasswordHash)
			if err := act(); err == nil || fault.From(err).Code != "wrong_password" {
				t.Errorf("%s: %v", name, err)
			}
		}
		if f, err := p.FactorOf(ctx, ana.UserID); err != nil || !f.Enabled {
			t.Errorf("the factor is %+v, %v", f, err)
		}
	})
}

// Between the password and the session, a suspension or a second factor may come.
func TestASignInIsLookedAtAgain(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		ctx := t.Context()
		ana, _, err := p.Prove(ctx, credentials("ana@example.com", password))
		mustEnd(t, err)
		eve, _, err := p.Prove(ctx, credentials("eve@example.com", password))
		mustEnd(t, err)
		p.withFactor(t)
		if _, err := p.SignInBrowser(ctx, ana); fault.From(err).Code != "totp_required" {
			t.Errorf("with a new factor: %v", err)
		}
		_, err = p.Grant(ctx, console, "ana@example.com", identity.Admin)
		mustEnd(t, err)
		_, err = p.Suspend(ctx, identity.Actor{ID: p.ana.ID, Reason: "Bought votes."}, p.eve.ID, time.Time{})
		mustEnd(t, err)
		if _, err := p.SignInBrowser(ctx, eve); fault.From(err).Code != "suspended" {
			t.Errorf("suspended: %v", err)
		}
	})
}

// Who takes an account back by the letter gets it whole, whatever the thief has done in between.
func TestARestoreUndoesWhatAThiefHasDone(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h := openHouse(t, db)
		ctx := t.Context()
		ana, _ := h.member("ana@example.com")
		h.code("change", h.ChangeEmail(ctx, h.caller(ana), "thief@example.com", password), "")
		_, err := h.ConfirmEmail(ctx, ana.ID, h.smtp.Await(t, "thief@example.com", 1).Token())
		h.code("confirm", err, "")
		undo := h.smtp.Await(t, "ana@example.com", 2).Token()
		setFactor(t, h.Module, ana.ID)
		squatter, err := h.SignUp(ctx, client, registration("Ana@example.com"))
		h.code("sign up with the e-mail of before", err, "")
		_, err = h.ConfirmEmail(ctx, "", undo)
		h.code("undo", err, "")
		if u, _ := h.Account(ctx, ana.ID); u.Email != "ana@example.com" || !u.EmailVerified {
			t.Errorf("the account is %+v", u)
		}
		if u, _ := h.Account(ctx, squatter.ID); !strings.HasSuffix(u.Email, "@invalid") || u.EmailVerified {
			t.Errorf("the other account is %+v", u)
		}
		if f, err := h.FactorOf(ctx, ana.ID); err != nil || f.Enabled {
			t.Errorf("the factor is %+v, %v", f, err)
		}
	})
}

// A reset proves the e-mail: a factor of before that may be a stranger's, and one of afterwards is the owner's.
func TestAResetRemovesAFactorOfBeforeTheProof(t *testing.T) {
	t.Parallel()
	h := openHouse(t, databasetest.Open(t, houseTables()...))
	ana, _ := h.member("ana@example.com")
	for i, want := range []bool{false, true} {
		setFactor(t, h.Module, ana.ID)
		h.code("forgot", h.ForgotPassword(t.Context(), "ana@example.com"), "")
		// A notice follows each reset.
		token := h.smtp.Await(t, "ana@example.com", 2+2*i).Token()
		h.code("reset", h.ResetPassword(t.Context(), "", client, token,
			identity.NewPassword{Password1: password, Password2: password}), "")
		h.smtp.Await(t, "ana@example.com", 3+2*i)
		if f, err := h.FactorOf(t.Context(), ana.ID); err != nil || f.Enabled != want {
			t.Errorf("after reset %d the factor is %+v, %v", i+1, f, err)
		}
	}
	// Who has lost it and the codes asks who runs the site.
	if _, err := h.TakeFactor(t.Context(), identity.Actor{ID: identity.Console}, ana.Email); err == nil {
		t.Error("no reason is needed")
	}
	if taken, err := h.TakeFactor(t.Context(), console, ana.Email); err != nil || !taken {
		t.Errorf("taken %v, %v", taken, err)
	}
	if f, err := h.FactorOf(t.Context(), ana.ID); err != nil || f.Enabled {
		t.Errorf("the factor is %+v, %v", f, err)
	}
	var row struct{ Act, Subject string }
	if err := h.db.Query(t.Context(), &row, `SELECT act, subject FROM identity_log`); err != nil ||
		row.Act != "totp.remove" || row.Subject != "user:"+ana.ID {
		t.Errorf("the log has %+v, %v", row, err)
	}
}

func setFactor(t *testing.T, m *identity.Module, userID string) {
	t.Helper()
	offer, err := m.OfferFactor(t.Context(), userID, password, client)
	mustEnd(t, err)
	_, err = m.ConfirmFactor(t.Context(), userID, codeAt(t, offer.Secret, 0), "")
	mustEnd(t, err)
}

// People are found as their names are written, also with capital letters beyond ASCII.
func TestPeopleAreFoundByTheirNames(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		m := quick(db)
		admin, _ := twoAccounts(t, m)
		r := registration("alvaro@example.com")
		r.FirstName = "Álvaro"
		_, err := m.SignUp(t.Context(), client, r)
		mustEnd(t, err)
		for _, word := range []string{"Álvaro", "ALVARO@", "lvaro r"} {
			_, n, err := m.People(t.Context(), admin.ID, identity.PeopleFilter{Search: word}, 0, 10)
			if err != nil || n != 1 {
				t.Errorf("%q finds %d, %v", word, n, err)
			}
		}
	})
}
