package identity_test

import (
	"context"
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
	"risingstars/platform/ratelimit"
)

const (
	client   = "198.51.100.1"
	password = "correct horse battery"
)

// counted is the real hasher, with its work counted.
type counted struct {
	*auth.Passwords
	checks atomic.Int64
}

func (c *counted) Check(ctx context.Context, password, hash string) (bool, error) {
	c.checks.Add(1)
	return c.Passwords.Check(ctx, password, hash)
}

func setup(t *testing.T, db *database.DB, limits identity.Limits) (*identity.Module, *counted) {
	t.Helper()
	hasher, err := auth.NewPasswords()
	if err != nil {
		t.Fatal(err)
	}
	var off *ratelimit.Limiter
	for _, limiter := range []*identity.Limiter{&limits.SignupByClient, &limits.LoginByClient, &limits.LoginByAccount} {
		if *limiter == nil {
			*limiter = off
		}
	}
	passwords := &counted{Passwords: hasher}
	return identity.New(identity.Deps{
		DB: db, Passwords: passwords, Limits: limits, Logger: slog.New(slog.DiscardHandler),
		Tokens: auth.NewTokens([]byte(strings.Repeat("0123456789abcdef", 2)), time.Hour),
	}), passwords
}

func wish(email string) identity.Signup {
	return identity.Signup{
		Email: email, Password1: password, Password2: password, FirstName: "Ana", LastName: "Ruiz", City: "Bogotá", Country: "Colombia",
	}
}

func TestOneAccountPerAddressWithoutRegardToCase(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		m, _ := setup(t, db, identity.Limits{})
		var made, taken atomic.Int64
		var group sync.WaitGroup
		for i := range 12 {
			email := "ana@example.com"
			if i%2 == 1 {
				email = strings.ToUpper(email)
			}
			group.Go(func() {
				_, err := m.Signup(t.Context(), client, wish(email))
				switch {
				case err == nil:
					made.Add(1)
				case fault.From(err).Code == "email_taken":
					taken.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if made.Load() != 1 || taken.Load() != 11 {
			t.Fatalf("%d made, %d taken", made.Load(), taken.Load())
		}
		if session, err := m.Login(t.Context(), client, " aNa@Example.com ", password); err != nil || session.Token == "" || session.TTL != time.Hour {
			t.Fatalf("the session is %+v (%v)", session, err)
		}
	})
}

// Each wrong sign-in costs one hash, whatever is wrong with it, and is answered by the same fault.
func TestEveryWrongSignInCostsTheSameWork(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, wrongSignIns)
}

func wrongSignIns(t *testing.T, db *database.DB) {
	m, passwords := setup(t, db, identity.Limits{})
	if _, err := m.Signup(t.Context(), client, wish("ana@example.com")); err != nil {
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
		_, err := m.Login(t.Context(), client, test.email, test.password)
		if fault.From(err).Code != "bad_credentials" || passwords.checks.Load() != before+1 {
			t.Errorf("%.20q, %.20q: %v after %d checks", test.email, test.password, err, passwords.checks.Load()-before)
		}
	}
}

func TestFieldsAreTrimmedAndHeldToTheirRules(t *testing.T) {
	t.Parallel()
	m, _ := setup(t, databasetest.Open(t, identity.Migrations()), identity.Limits{})
	untidy := wish("  Ana@example.com ")
	untidy.FirstName, untidy.City = "  Ana\t María ", " Bogotá "
	user, err := m.Signup(t.Context(), client, untidy)
	if err != nil || user.Email != "Ana@example.com" || user.FirstName != "Ana María" || user.City != "Bogotá" {
		t.Fatalf("the account is %+v (%v)", user, err)
	}
	if profile, err := m.Profile(t.Context(), user.ID); err != nil || profile.Name != "Ana María Ruiz" || profile.City != "Bogotá" {
		t.Fatalf("the profile is %+v (%v)", profile, err)
	}
	for field, bad := range map[string][]func(*identity.Signup){
		"body.email": {
			func(s *identity.Signup) { s.Email = "" }, func(s *identity.Signup) { s.Email = "a@b" },
			func(s *identity.Signup) { s.Email = "Ana <a@b.co>" }, func(s *identity.Signup) { s.Email = "a@b.co,c@d.co" },
			func(s *identity.Signup) { s.Email = "a\r\nBcc: x@b.co" }, func(s *identity.Signup) { s.Email = "a@[127.0.0.1]" },
			func(s *identity.Signup) { s.Email = strings.Repeat("a", 250) + "@b.co" },
		},
		"body.first_name": {func(s *identity.Signup) { s.FirstName = " " }, func(s *identity.Signup) { s.FirstName = strings.Repeat("á", 101) }},
		"body.last_name":  {func(s *identity.Signup) { s.LastName = "a\x00b" }},
		"body.city":       {func(s *identity.Signup) { s.City = "" }},
		"body.country":    {func(s *identity.Signup) { s.Country = "\u200e\x1b[31m" }},
		"body.password1": {
			func(s *identity.Signup) { s.Password1, s.Password2 = "ñañañañ", "ñañañañ" },
			func(s *identity.Signup) { s.Password1 = strings.Repeat("x", 129); s.Password2 = s.Password1 },
		},
	} {
		for i, spoil := range bad {
			s := wish("other@example.com")
			spoil(&s)
			_, err := m.Signup(t.Context(), client, s)
			if f := fault.From(err); !errors.Is(err, fault.ErrInvalid) || len(f.Fields) != 1 || f.Fields[0].Location != field {
				t.Errorf("%s, case %d: %v", field, i, err)
			}
		}
	}
	differing := wish("other@example.com")
	differing.Password2 += "!"
	if _, err := m.Signup(t.Context(), client, differing); fault.From(err).Code != "passwords_differ" {
		t.Errorf("differing passwords give %v", err)
	}
}

// A limit holds before any work is done, and an account's limit is one for all spellings of its address.
func TestLimitsComeBeforeTheWork(t *testing.T) {
	t.Parallel()
	limiter, err := ratelimit.New(ratelimit.Quota{PerMinute: 1, Burst: 2})
	if err != nil {
		t.Fatal(err)
	}
	m, passwords := setup(t, databasetest.Open(t, identity.Migrations()), identity.Limits{LoginByAccount: limiter})
	for i, email := range []string{"ana@example.com", "ANA@example.com", " Ana@Example.com", "ana@example.com"} {
		_, err := m.Login(t.Context(), client, email, "guess")
		if limited := errors.Is(err, ratelimit.ErrTooMany); limited != (i >= 2) {
			t.Errorf("guess %d gives %v", i+1, err)
		}
	}
	if n := passwords.checks.Load(); n != 2 {
		t.Errorf("%d passwords were checked", n)
	}
}
