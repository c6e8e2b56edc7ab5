package identity_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

// codeAt is what an authenticator shows whose clock is ahead by d.
func codeAt(t *testing.T, secret string, d time.Duration) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, time.Now().Add(d))
	mustEnd(t, err)
	return code
}

// withFactor sets up a second factor for Ana, and forgets which code was used for that.
func (p people) withFactor(t *testing.T) (secret string, recovery []string) {
	t.Helper()
	offer, err := p.OfferFactor(t.Context(), p.ana.ID, password, client)
	mustEnd(t, err)
	recovery, err = p.ConfirmFactor(t.Context(), p.ana.ID, codeAt(t, offer.Secret, 0), "")
	mustEnd(t, err)
	p.forgetStep(t)
	return offer.Secret, recovery
}

func (p people) forgetStep(t *testing.T) {
	t.Helper()
	_, err := p.db.Exec(t.Context(), `UPDATE identity_factors SET last_step = 0`)
	mustEnd(t, err)
}

// Each kind of code is accepted once or not at all.
func TestACodeOfTheSecondFactorIsGoodForOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		secret, recovery := p.withFactor(t)
		other, err := totp.Generate(totp.GenerateOpts{Issuer: "x", AccountName: "x"})
		mustEnd(t, err)
		const bad = "bad_totp"
		signIn := func(code string) error {
			c := credentials("ana@example.com", password)
			c.Code = code
			_, err := quick(db).SignIn(t.Context(), c) // with budgets of its own
			return err
		}
		ahead := func(steps ...int) (codes []string) {
			for _, n := range steps {
				codes = append(codes, codeAt(t, secret, time.Duration(n)*30*time.Second))
			}
			return codes
		}
		for name, test := range map[string]struct {
			codes func() []string // sent one after the other
			fault string          // of the last one; "": it is accepted
		}{
			"none":                      {func() []string { return []string{""} }, "totp_required"},
			"the present one":           {func() []string { return ahead(0) }, ""},
			"the present one again":     {func() []string { return ahead(0, 0) }, bad},
			"the one before a used one": {func() []string { return ahead(0, -1) }, bad},
			"the one before":            {func() []string { return ahead(-1) }, ""},
			"the next one":              {func() []string { return ahead(1) }, ""},
			"the present and the next":  {func() []string { return ahead(0, 1) }, ""},
			"the last but two":          {func() []string { return ahead(-3) }, bad},
			"the next but two":          {func() []string { return ahead(3) }, bad},
			"in two groups": {func() []string {
				code := ahead(0)[0]
				return []string{code[:3] + " " + code[3:]}
			}, ""},
			"of another secret":          {func() []string { return []string{codeAt(t, other.Secret(), 0)} }, bad},
			"cut off":                    {func() []string { return []string{ahead(0)[0][:5]} }, bad},
			"large":                      {func() []string { return []string{strings.Repeat("1", 1<<12)} }, bad},
			"a recovery code twice":      {func() []string { return []string{recovery[0], recovery[0]} }, bad},
			"a recovery code as is read": {func() []string { return []string{strings.ToLower(recovery[1])} }, ""},
			"a recovery code as is told": {func() []string {
				return []string{strings.ReplaceAll(recovery[2], "-", " ")}
			}, ""},
		} {
			for {
				step := time.Now().Unix() / 30
				p.forgetStep(t)
				var err error
				for _, code := range test.codes() {
					err = signIn(code)
				}
				if time.Now().Unix()/30 != step && !strings.Contains(name, "recovery") {
					continue // the codes have become others meanwhile
				}
				if err == nil && test.fault != "" || err != nil &&
					(fault.From(err).Code != test.fault || fault.From(err).Kind != fault.Unauthenticated) {
					t.Errorf("%s: %v, want %q", name, err, test.fault)
				}
				break
			}
		}
		if f, err := p.FactorOf(t.Context(), p.ana.ID); err != nil || !f.Enabled || f.RecoveryCodes != len(recovery)-3 {
			t.Errorf("%+v, %v", f, err)
		}
		// The wrong password tells nothing about it, and others sign in as before.
		_, err = p.SignIn(t.Context(), credentials("ana@example.com", "wrong"))
		if fault.From(err).Code != "bad_credentials" {
			t.Error(err)
		}
		p.signIn(t, "eve@example.com")
		var rows []struct{ Secret string }
		mustEnd(t, db.Query(t.Context(), &rows, `SELECT secret FROM identity_factors
			UNION ALL SELECT code_hash FROM identity_recovery_codes`))
		for _, row := range rows {
			for _, known := range append(recovery, secret) {
				if strings.Contains(row.Secret, strings.ReplaceAll(known, "-", "")) {
					t.Error("the tables have the secret or a recovery code")
				}
			}
		}
	})
}

// Of many requests at once with one code, one is let in.
func TestACodeAtOnceIsGoodForOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		secret, recovery := p.withFactor(t)
		for _, code := range []string{codeAt(t, secret, 0), recovery[0]} {
			_, _, err := p.Prove(t.Context(), credentials("ana@example.com", password))
			if fault.From(err).Code != "totp_required" {
				t.Fatal(err)
			}
			var in atomic.Int64
			var group sync.WaitGroup
			for range 4 {
				group.Go(func() {
					c := credentials("ana@example.com", password)
					c.Code = code
					if _, err := p.SignIn(t.Context(), c); err == nil {
						in.Add(1)
					}
				})
			}
			group.Wait()
			if in.Load() != 1 {
				t.Errorf("%d are let in", in.Load())
			}
		}
	})
}

// Whoever has the password and guesses codes has few guesses, and those of the owner's device are others.
func TestGuessesOfCodesAreLimited(t *testing.T) {
	t.Parallel()
	p := newPeople(t, databasetest.Open(t, identity.Migrations()))
	early := p.signIn(t, "ana@example.com")
	secret, recovery := p.withFactor(t)
	time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second))) // proofs of devices tell whole seconds
	c := credentials("ana@example.com", password)
	c.Code = recovery[0]
	owner, err := p.SignIn(t.Context(), c)
	mustEnd(t, err)
	refused := 0
	for n := range 12 {
		c.Client, c.Code = fmt.Sprint("network ", n), "000000"
		switch _, err := p.SignIn(t.Context(), c); fault.From(err).Code {
		case "bad_totp":
		case limit.ErrTooMany.Code:
			refused++
		default:
			t.Fatal(err)
		}
	}
	if refused < 5 {
		t.Errorf("%d of 12 guesses are refused", refused)
	}
	// A device that signed in before there was a factor has proved no code.
	c.Device = early.Device
	if _, err := p.SignIn(t.Context(), c); !errors.Is(err, limit.ErrTooMany) {
		t.Errorf("from a device of before the factor: %v", err)
	}
	c.Device, c.Code = owner.Device, codeAt(t, secret, 0)
	if _, err := p.SignIn(t.Context(), c); err != nil {
		t.Errorf("from the owner's device: %v", err)
	}
}

// A ticket stands for the right password for five minutes, until the password is another.
func TestATicketStandsForThePassword(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		_, recovery := p.withFactor(t)
		who, _, err := p.Prove(t.Context(), credentials("ana@example.com", password))
		if fault.From(err).Code != "totp_required" || who.Ticket == "" || who.UserID != "" {
			t.Fatalf("%+v, %v", who, err)
		}
		vault := auth.NewVault(keys, "second factors")
		text, err := vault.Open(who.Ticket, "ticket")
		mustEnd(t, err)
		var inside map[string]any
		mustEnd(t, json.Unmarshal([]byte(text), &inside))
		inside["e"] = time.Now().Add(-time.Second)
		old, err := json.Marshal(inside)
		mustEnd(t, err)
		prove := func(ticket string) (identity.Visitor, error) {
			who, _, err := p.Prove(t.Context(), identity.Credentials{Ticket: ticket, Code: recovery[0], Client: client})
			return who, err
		}
		for name, bad := range map[string]string{
			"old": vault.Close(string(old), "ticket"), "cut off": who.Ticket[:40], "none": "x",
			"open": base64.RawURLEncoding.EncodeToString([]byte(text)), "a secret": vault.Close(text, p.ana.ID),
		} {
			if _, err := prove(bad); fault.From(err).Code != "bad_credentials" {
				t.Errorf("%s: %v", name, err)
			}
		}
		proved, err := prove(who.Ticket)
		if err != nil || proved.UserID != p.ana.ID {
			t.Fatalf("%+v, %v", proved, err)
		}
		_, err = db.Exec(t.Context(), `UPDATE identity_users SET password_hash = 'another' WHERE id = ?`, p.ana.ID)
		mustEnd(t, err)
		if _, err := prove(who.Ticket); fault.From(err).Code != "bad_credentials" {
			t.Errorf("after a change of the password: %v", err)
		}
	})
}

// Setting up needs the password and a code; it ends the other sessions. Removing needs both, too.
func TestTheSecondFactorIsSetUpAndRemovedByItsOwner(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		ctx := t.Context()
		fails := func(name, code string, err error) {
			t.Helper()
			if fault.From(err).Code != code {
				t.Errorf("%s: %v, want %s", name, err, code)
			}
		}
		kept, other := p.signIn(t, "ana@example.com"), p.signIn(t, "ana@example.com")
		_, err := p.ConfirmFactor(ctx, p.ana.ID, "000000", "")
		fails("confirming none", "totp_off", err)
		fails("removing none", "totp_off", p.RemoveFactor(ctx, p.ana.ID, password, "000000", client))
		_, err = p.OfferFactor(ctx, p.ana.ID, "wrong", client)
		fails("without the password", "wrong_password", err)
		first, err := p.OfferFactor(ctx, p.ana.ID, password, client)
		mustEnd(t, err)
		p.signIn(t, "ana@example.com") // it does not hold yet
		offer, err := p.OfferFactor(ctx, p.ana.ID, password, client)
		mustEnd(t, err)
		_, err = p.ConfirmFactor(ctx, p.ana.ID, codeAt(t, first.Secret, 0), "")
		fails("a code of the first offer", "wrong_totp", err)
		recovery, err := p.ConfirmFactor(ctx, p.ana.ID, codeAt(t, offer.Secret, 0), kept.ID)
		if err != nil || len(recovery) != 10 {
			t.Fatalf("%q, %v", recovery, err)
		}
		if goesOn(t, p.other, other.Token) || !goesOn(t, p.other, kept.Token) {
			t.Error("a session that began without the factor goes on, or the one that set it up does not")
		}
		_, err = p.OfferFactor(ctx, p.ana.ID, password, client)
		fails("another one", "totp_on", err)
		_, err = p.ConfirmFactor(ctx, p.ana.ID, codeAt(t, offer.Secret, 30*time.Second), "")
		fails("confirming it again", "totp_on", err)
		fails("removing without a code", "wrong_totp", p.RemoveFactor(ctx, p.ana.ID, password, "", client))
		err = p.RemoveFactor(ctx, p.ana.ID, "wrong", recovery[0], client)
		fails("removing without the password", "wrong_password", err)
		svg, err := offer.QR()
		if err != nil || !strings.HasPrefix(svg, "<svg ") || strings.Contains(svg, offer.Secret) {
			t.Errorf("the QR code is %q, %v", svg, err)
		}
		mustEnd(t, p.RemoveFactor(ctx, p.ana.ID, password, recovery[0], client))
		p.signIn(t, "ana@example.com")
	})
}

// Where admins need a second factor, an admin without one is told so at an act, and nobody else is.
func TestAdminsNeedASecondFactorWhereItIsRequired(t *testing.T) {
	t.Parallel()
	p := newPeople(t, databasetest.Open(t, identity.Migrations()))
	_, err := p.Grant(t.Context(), identity.Actor{ID: identity.Console, Reason: "test"}, p.ana.Email, identity.Admin)
	mustEnd(t, err)
	for _, required := range []bool{false, true} {
		hasher, err := auth.NewPasswords()
		mustEnd(t, err)
		m := identity.New(identity.Deps{
			DB: p.db, Passwords: hasher, Limits: limit.New(limit.Options{}),
			Options: identity.Options{AdminFactor: required},
		})
		for _, user := range []identity.User{p.ana, p.eve} {
			refused := required && user.ID == p.ana.ID
			err := m.RequireFactor(t.Context(), user.ID)
			if refused && fault.From(err).Code != "totp_setup_required" || !refused && err != nil {
				t.Errorf("required: %v, %s: %v", required, user.FirstName, err)
			}
		}
	}
	p.withFactor(t)
	m := identity.New(identity.Deps{
		DB: p.db, Options: identity.Options{AdminFactor: true},
	})
	if err := m.RequireFactor(t.Context(), p.ana.ID); err != nil {
		t.Errorf("with one: %v", err)
	}
	if f, err := m.FactorOf(t.Context(), p.ana.ID); err != nil || !f.Required || !f.Enabled {
		t.Errorf("%+v, %v", f, err)
	}
}
