package identity_test

import (
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

const (
	client   = "198.51.100.1"
	password = "correct horse battery"
)

var keys = auth.NewKeys([]byte(strings.Repeat("0123456789abcdef", 2)), nil)

// countingPasswords is the real hasher; it counts its checks.
type countingPasswords struct {
	*auth.Passwords
	checks atomic.Int64
}

func (c *countingPasswords) Check(password, hash string) (bool, error) {
	c.checks.Add(1)
	return c.Passwords.Check(password, hash)
}

func setup(t *testing.T, db *database.DB) (*identity.Module, *countingPasswords) {
	t.Helper()
	return setupWith(t, db, limit.New(limit.Options{}))
}

func setupWith(t *testing.T, db *database.DB, limits *limit.Limits) (*identity.Module, *countingPasswords) {
	t.Helper()
	hasher, err := auth.NewPasswords()
	if err != nil {
		t.Fatal(err)
	}
	passwords := &countingPasswords{Passwords: hasher}
	return identity.New(identity.Deps{
		DB: db, Passwords: passwords, Tokens: auth.NewTokens(keys, time.Hour), Devices: auth.NewDevices(keys),
		Refreshes: auth.NewSeals(keys, "refresh tokens"), Secrets: auth.NewVault(keys, "second factors"),
		Limits: limits, Logger: slog.New(slog.DiscardHandler),
	}), passwords
}

func credentials(email, password string) identity.Credentials {
	return identity.Credentials{Email: email, Password: password, Client: client}
}

func registration(email string) identity.Registration {
	return identity.Registration{
		Email: email, Password1: password, Password2: password,
		FirstName: "Ana", LastName: "Ruiz", City: "Bogotá", Country: "Colombia",
	}
}

func TestOneAccountPerEmailIgnoringCase(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		m, _ := setup(t, db)
		var created, taken atomic.Int64
		var group sync.WaitGroup
		for i := range 12 {
			email := "ana@example.com"
			if i%2 == 1 {
				email = strings.ToUpper(email)
			}
			group.Go(func() {
				_, err := m.SignUp(t.Context(), client, registration(email))
				for errors.Is(err, limit.ErrBusy) { // a busy machine
					_, err = m.SignUp(t.Context(), client, registration(email))
				}
				switch {
				case err == nil:
					created.Add(1)
				case fault.From(err).Code == "email_taken":
					taken.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if created.Load() != 1 || taken.Load() != 11 {
			t.Fatalf("%d created, %d taken", created.Load(), taken.Load())
		}
		session, err := m.SignIn(t.Context(), credentials(" aNa@Example.com ", password))
		if err != nil || session.Token == "" || session.TTL != time.Hour {
			t.Fatalf("the session is %+v (%v)", session, err)
		}
	})
}

// Every failed sign-in costs one hash, whatever is wrong with it, and gives the same fault.
func TestEveryFailedSignInCostsTheSameWork(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, failedSignIns)
}

func failedSignIns(t *testing.T, db *database.DB) {
	m, passwords := setup(t, db)
	if _, err := m.SignUp(t.Context(), client, registration("ana@example.com")); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ email, password string }{
		{"ana@example.com", "wrong"},
		{"ana@example.com", ""},
		{"ana@example.com", strings.Repeat("x", 1<<20)},
		{"nobody@example.com", password},
		{"", password},
		{"no address", password},
		{"a\x00@example.com", password},
		{strings.Repeat("x", 1<<20) + "@example.com", password},
	} {
		before := passwords.checks.Load()
		_, err := m.SignIn(t.Context(), credentials(test.email, test.password))
		done := passwords.checks.Load() - before
		if fault.From(err).Code != "bad_credentials" || done != 1 {
			t.Errorf("%.20q, %.20q: %v after %d checks", test.email, test.password, err, done)
		}
	}
}

func TestFieldsAreTrimmedAndValidated(t *testing.T) {
	t.Parallel()
	m, _ := setup(t, databasetest.Open(t, identity.Migrations()))
	untidy := registration("  Ana@example.com ")
	untidy.FirstName, untidy.City = "  Ana\t Mari\u0301a\u200b ", " Ｂｏｇｏｔá\u202e\x00 "
	user, err := m.SignUp(t.Context(), client, untidy)
	if err != nil || user.Email != "Ana@example.com" || user.FirstName != "Ana María" || user.City != "Bogotá" {
		t.Fatalf("the account is %+v (%v)", user, err)
	}
	profile, err := m.ProfileOf(t.Context(), user.ID)
	if err != nil || profile.PlayerName != "Ana María Ruiz" || profile.City != "Bogotá" {
		t.Fatalf("the profile is %+v (%v)", profile, err)
	}
	for field, bad := range map[string][]func(r *identity.Registration){
		"body.email": {
			func(r *identity.Registration) { r.Email = "" },
			func(r *identity.Registration) { r.Email = "a@b" },
			func(r *identity.Registration) { r.Email = "Ana <a@b.co>" },
			func(r *identity.Registration) { r.Email = "a@b.co,c@d.co" },
			func(r *identity.Registration) { r.Email = "a\r\nBcc: x@b.co" },
			func(r *identity.Registration) { r.Email = "a@[127.0.0.1]" },
			func(r *identity.Registration) { r.Email = strings.Repeat("a", 250) + "@b.co" },
		},
		"body.first_name": {
			func(r *identity.Registration) { r.FirstName = " " },
			func(r *identity.Registration) { r.FirstName = strings.Repeat("á", 101) },
		},
		"body.last_name": {
			func(r *identity.Registration) { r.LastName = "\u200b" },
			func(r *identity.Registration) { r.LastName = "\u3164" }, // a letter that shows nothing
		},
		"body.city": {
			func(r *identity.Registration) { r.City = "" },
			func(r *identity.Registration) { r.City = "..." },
			func(r *identity.Registration) { r.City = "🎸" },
		},
		"body.country": {func(r *identity.Registration) { r.Country = "\u200e\x1b[31" }},
		"body.password1": {
			func(r *identity.Registration) { r.Password1, r.Password2 = "ñañañañ", "ñañañañ" },
			func(r *identity.Registration) { r.Password1 = strings.Repeat("x", 129); r.Password2 = r.Password1 },
		},
	} {
		for i, spoil := range bad {
			r := registration("other@example.com")
			spoil(&r)
			_, err := m.SignUp(t.Context(), client, r)
			f := fault.From(err)
			if !errors.Is(err, fault.ErrInvalid) || len(f.Fields) != 1 || f.Fields[0].Location != field {
				t.Errorf("%s, case %d: %v", field, i, err)
			}
		}
	}
	differing := registration("other@example.com")
	differing.Password2 += "!"
	if _, err := m.SignUp(t.Context(), client, differing); fault.From(err).Code != "passwords_differ" {
		t.Errorf("differing passwords give %v", err)
	}
}
