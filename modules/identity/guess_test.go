package identity_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

// guessUntilRefused guesses until the budget is used up, and returns the number of guesses that were answered.
func guessUntilRefused(t *testing.T, m *identity.Module, c identity.Credentials) int {
	t.Helper()
	for n := range 100 {
		_, err := m.SignIn(t.Context(), c)
		if errors.Is(err, limit.ErrTooMany) {
			if fault.From(err).RetryAfter == 0 {
				t.Error("the refusal does not say when to try again")
			}
			return n
		}
		if fault.From(err).Code != "bad_credentials" {
			t.Fatalf("guess %d: %v", n+1, err)
		}
	}
	t.Fatal("a hundred guesses are answered")
	return 0
}

// Few guesses from one network are answered, in whatever spelling of the e-mail, whether or not the account exists.
// Other networks and devices that signed in before are served.
func TestGuessesAreLimitedByAccountAndNetwork(t *testing.T) {
	t.Parallel()
	m, passwords := setup(t, databasetest.Open(t, identity.Migrations()))
	if _, err := m.SignUp(t.Context(), client, registration("ana@example.com")); err != nil {
		t.Fatal(err)
	}
	owner, err := m.SignIn(t.Context(), credentials("ana@example.com", password))
	if err != nil || owner.Device == "" {
		t.Fatalf("%+v (%v)", owner, err)
	}
	before := passwords.checks.Load()
	for _, email := range []string{"ana@example.com", "nobody@example.com"} {
		if n := guessUntilRefused(t, m, credentials(email, "guess")); n < 5 || n > 8 { // a slow machine refills some
			t.Errorf("%d guesses for %s are answered, want 5", n, email)
		}
	}
	answered := passwords.checks.Load() - before
	right := credentials(" ANA@Example.com", password)
	if _, err := m.SignIn(t.Context(), right); !errors.Is(err, limit.ErrTooMany) {
		t.Errorf("the right password after all guesses, from the same network: %v", err)
	}
	if n := passwords.checks.Load() - before; n != answered {
		t.Error("a refused guess is checked")
	}
	elsewhere := right
	elsewhere.Client = "198.51.100.7"
	if _, err := m.SignIn(t.Context(), elsewhere); err != nil {
		t.Errorf("from another network: %v", err)
	}
	right.Device = owner.Device
	if again, err := m.SignIn(t.Context(), right); err != nil || again.Device != "" {
		t.Errorf("from the owner's device: %+v (%v)", again, err)
	}
	for name, device := range map[string]string{"forged": owner.Device + "x", "somebody else's": otherDevice(t, m)} {
		right.Device = device
		if _, err := m.SignIn(t.Context(), right); !errors.Is(err, limit.ErrTooMany) {
			t.Errorf("from a device with a proof that is %s: %v", name, err)
		}
	}
	stolen := credentials("ana@example.com", "guess")
	stolen.Device = owner.Device
	if n := guessUntilRefused(t, m, stolen); n < 10 || n > 14 {
		t.Errorf("%d guesses from a known device are answered, want 10", n)
	}
}

// otherDevice returns the proof of a device that signed in to another account.
func otherDevice(t *testing.T, m *identity.Module) string {
	t.Helper()
	if _, err := m.SignUp(t.Context(), client, registration("eve@example.com")); err != nil {
		t.Fatal(err)
	}
	session, err := m.SignIn(t.Context(), credentials("eve@example.com", password))
	if err != nil {
		t.Fatal(err)
	}
	return session.Device
}

// Two processes with PostgreSQL alone count the guesses of both.
func TestTwoProcessesCountGuessesTogether(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, identity.Migrations(), limit.Migrations())
	var processes []*identity.Module
	for range 2 {
		limits := limit.New(limit.Options{Shared: limit.NewPostgres(db), Timeout: time.Minute})
		t.Cleanup(func() {
			if err := limits.Close(); err != nil {
				t.Error(err)
			}
		})
		m, _ := setupWith(t, db, limits)
		processes = append(processes, m)
	}
	answered := 0
	for n := range 20 {
		_, err := processes[n%2].SignIn(t.Context(), credentials("ana@example.com", "guess"))
		if !errors.Is(err, limit.ErrTooMany) {
			answered++
		}
	}
	if answered < 5 || answered > 8 {
		t.Errorf("%d of 20 guesses are answered, want 5", answered)
	}
}

// plainPasswords hashes nothing, so that a test can check many passwords.
type plainPasswords struct{}

func (plainPasswords) Enter(context.Context, string) (func(), error) { return func() {}, nil }

func (plainPasswords) Hash(password string) (string, error) { return password, nil }

func (plainPasswords) Check(password, hash string) (bool, error) { return password == hash, nil }

// An account that is guessed from everywhere is slow, and its owner still gets in.
func TestGuessesFromManyNetworksBecomeSlow(t *testing.T) {
	t.Parallel()
	m := identity.New(identity.Deps{
		DB: databasetest.Open(t, identity.Migrations()), Passwords: plainPasswords{},
		Tokens: auth.NewTokens(keys, time.Hour), Devices: auth.NewDevices(keys),
		Refreshes: auth.NewSeals(keys, "refresh tokens"), Secrets: auth.NewVault(keys, "second factors"),
		Limits: limit.New(limit.Options{}),
		Logger: slog.New(slog.DiscardHandler),
	})
	if _, err := m.SignUp(t.Context(), client, registration("ana@example.com")); err != nil {
		t.Fatal(err)
	}
	for n := range 110 {
		c := credentials("ana@example.com", "guess")
		c.Client = fmt.Sprint("network ", n)
		began := time.Now()
		if _, err := m.SignIn(t.Context(), c); fault.From(err).Code != "bad_credentials" {
			t.Fatalf("guess %d: %v", n+1, err)
		}
		if time.Since(began) >= 3*time.Second && n >= 100 {
			c.Password = password
			if _, err := m.SignIn(t.Context(), c); err != nil {
				t.Errorf("the owner, after %d guesses: %v", n+1, err)
			}
			return
		}
	}
	t.Error("110 guesses are answered at once")
}

func TestTheRightPasswordForgetsTheFailures(t *testing.T) {
	t.Parallel()
	m, _ := setup(t, databasetest.Open(t, identity.Migrations()))
	if _, err := m.SignUp(t.Context(), client, registration("ana@example.com")); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		for range 4 {
			_, err := m.SignIn(t.Context(), credentials("ana@example.com", "oops"))
			if errors.Is(err, limit.ErrTooMany) {
				t.Fatal(err)
			}
		}
		if _, err := m.SignIn(t.Context(), credentials("ana@example.com", password)); err != nil {
			t.Fatal(err)
		}
	}
}

// Guesses that are made at once are no more than those that are made in turn.
func TestManyGuessesAtOnceAreNoMore(t *testing.T) {
	t.Parallel()
	m, passwords := setup(t, databasetest.Open(t, identity.Migrations()))
	var (
		group  sync.WaitGroup
		others atomic.Int64
	)
	for range 60 {
		group.Go(func() {
			_, err := m.SignIn(t.Context(), credentials("ana@example.com", "guess"))
			if f := fault.From(err); f.Code == "busy" || errors.Is(err, limit.ErrTooMany) {
				others.Add(1)
			}
		})
	}
	group.Wait()
	if n := passwords.checks.Load(); n < 1 || n > 8 || n+others.Load() != 60 {
		t.Errorf("%d of 60 guesses are checked, %d refused", n, others.Load())
	}
}

func TestPasswordsThatAreGuessedFirstAreRefused(t *testing.T) {
	t.Parallel()
	m, _ := setup(t, databasetest.Open(t, identity.Migrations()))
	for _, bad := range []string{
		"password1", "PASSWORD1", "ｐａｓｓｗｏｒｄ１", "12345678", "qwertyuiop", "iloveyou1",
		"aaaaaaaaaaaa", "abababababab", "ñañañañaña", "xyz7xyz7xyz", "ana.maria@EXAMPLE.com",
		"ana.maria@example.com", "Ana.Maria2024", "RuizAna99!", "ana-ruiz-1990",
	} {
		r := registration("ana.maria@example.com")
		r.Password1, r.Password2 = bad, bad
		_, err := m.SignUp(t.Context(), client, r)
		f := fault.From(err)
		if !errors.Is(err, fault.ErrInvalid) || len(f.Fields) != 1 || f.Fields[0].Location != "body.password1" {
			t.Errorf("%q: %v", bad, err)
		}
	}
	number := registration("3104567890@example.com")
	number.Password1, number.Password2 = "3104567890", "3104567890"
	if _, err := m.SignUp(t.Context(), client, number); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("the number before the @: %v", err)
	}
	for i, good := range []string{"correct horse", "Ana ama la salsa", "tres tristes tigres", "7394-li-2847"} {
		r := registration(strings.Repeat("x", i+1) + "@example.com")
		r.LastName = "Li"
		r.Password1, r.Password2 = good, good
		if _, err := m.SignUp(t.Context(), client, r); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}

// A password is the same in whatever form a keyboard composes its accents.
func TestAPasswordIsComparedInItsNormalForm(t *testing.T) {
	t.Parallel()
	m, _ := setup(t, databasetest.Open(t, identity.Migrations()))
	r := registration("ana@example.com")
	r.Password1, r.Password2 = "la can\u0303a dulce", "la can\u0303a dulce" // n and a combining tilde
	if _, err := m.SignUp(t.Context(), client, r); err != nil {
		t.Fatal(err)
	}
	for _, typed := range []string{"la ca\u00f1a dulce", "la can\u0303a dulce", "ｌａ ca\u00f1a dulce"} {
		if _, err := m.SignIn(t.Context(), credentials("ana@example.com", typed)); err != nil {
			t.Errorf("%q: %v", typed, err)
		}
	}
}
