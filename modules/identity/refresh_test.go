package identity_test

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

// people are two accounts on one database, with the service in two processes.
type people struct {
	*identity.Module

	other    *identity.Module
	db       *database.DB
	ana, eve identity.User
}

// quick is the service in one process, with passwords that cost no time.
func quick(db *database.DB) *identity.Module {
	return identity.New(identity.Deps{
		DB: db, Passwords: plainPasswords{}, Tokens: auth.NewTokens(keys, time.Hour), Devices: auth.NewDevices(keys),
		Refreshes: auth.NewSeals(keys, "refresh tokens"), Secrets: auth.NewVault(keys, "second factors"),
		Limits: limit.New(limit.Options{}), Logger: slog.New(slog.DiscardHandler),
	})
}

func newPeople(t *testing.T, db *database.DB) people {
	t.Helper()
	p := people{db: db}
	p.Module, p.other = quick(db), quick(db)
	var err error
	if p.ana, err = p.SignUp(t.Context(), client, registration("ana@example.com")); err != nil {
		t.Fatal(err)
	}
	if p.eve, err = p.SignUp(t.Context(), client, registration("eve@example.com")); err != nil {
		t.Fatal(err)
	}
	return p
}

func (p people) signIn(t *testing.T, email string) identity.Session {
	t.Helper()
	s, err := p.SignIn(t.Context(), credentials(email, password))
	if err != nil || s.Refresh == "" || s.ID == "" {
		t.Fatalf("%+v, %v", s, err)
	}
	return s
}

func (p people) refresh(t *testing.T, token string) identity.Session {
	t.Helper()
	s, err := p.Refresh(t.Context(), token, "203.0.113.0/24")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// goesOn reports whether the session of the access token goes on, as a process sees it.
func goesOn(t *testing.T, m *identity.Module, accessToken string) bool {
	t.Helper()
	caller, err := auth.NewTokens(keys, time.Hour).Verify(accessToken)
	if err != nil {
		t.Fatal(err)
	}
	switch err := m.Ended(t.Context(), caller); {
	case err == nil:
		return true
	case fault.From(err).Kind != fault.Unauthenticated:
		t.Fatal(err)
	}
	return false
}

// later moves the time of all rotations into the past.
func (p people) later(t *testing.T, d time.Duration) {
	t.Helper()
	_, err := p.db.Exec(t.Context(), `UPDATE identity_browsers SET rotated_at = rotated_at - ?`, d.Microseconds())
	if err != nil {
		t.Fatal(err)
	}
}

// Each state of a refresh token has one answer, and either ends its session or leaves it as it is.
func TestARefreshTokenIsValidOnce(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		const bad, reused = "bad_refresh_token", "refresh_token_reused"
		for name, test := range map[string]struct {
			token func(s identity.Session) string // what is sent after a sign-in
			code  string                          // "": it is accepted
			ends  bool
		}{
			"new":          {func(s identity.Session) string { return s.Refresh }, "", false},
			"sent twice":   {func(s identity.Session) string { p.refresh(t, s.Refresh); return s.Refresh }, "", false},
			"the next one": {func(s identity.Session) string { return p.refresh(t, s.Refresh).Refresh }, "", false},
			"used two before": {func(s identity.Session) string {
				p.refresh(t, p.refresh(t, s.Refresh).Refresh)
				return s.Refresh
			}, reused, true},
			"used a while ago": {func(s identity.Session) string {
				p.refresh(t, s.Refresh)
				p.later(t, 2*time.Minute)
				return s.Refresh
			}, reused, true},
			"cut off":        {func(s identity.Session) string { return s.Refresh[:len(s.Refresh)-1] }, bad, false},
			"without a seal": {func(s identity.Session) string { return s.Refresh[:26] }, bad, false},
			"forged": {func(s identity.Session) string {
				return strings.Repeat("A", 26) + s.Refresh[26:]
			}, bad, false},
			"an access token": {func(s identity.Session) string { return s.Token }, bad, false},
			"the session id":  {func(s identity.Session) string { return s.ID }, bad, false},
			"nothing":         {func(identity.Session) string { return "" }, bad, false},
			"large":           {func(identity.Session) string { return strings.Repeat("A.", 1<<16) }, bad, false},
			"after a logout": {func(s identity.Session) string {
				mustEnd(t, p.EndSession(t.Context(), p.ana.ID, s.ID))
				return s.Refresh
			}, bad, true},
			"after all are ended": {func(s identity.Session) string {
				mustEnd(t, p.EndAll(t.Context(), p.ana.ID, ""))
				return s.Refresh
			}, bad, true},
			"after a reuse": {func(s identity.Session) string {
				next := p.refresh(t, p.refresh(t, s.Refresh).Refresh)
				if _, err := p.Refresh(t.Context(), s.Refresh, ""); fault.From(err).Code != reused {
					t.Errorf("the reuse: %v", err)
				}
				return next.Refresh
			}, bad, true},
			"expired": {func(s identity.Session) string {
				_, err := p.db.Exec(t.Context(), `UPDATE identity_browsers SET expires_at = 0 WHERE id = ?`, s.ID)
				mustEnd(t, err)
				return s.Refresh
			}, bad, false},
		} {
			mine, eves := p.signIn(t, "ana@example.com"), p.signIn(t, "eve@example.com")
			token := test.token(mine)
			s, err := p.Refresh(t.Context(), token, "")
			if err != nil {
				if f := fault.From(err); f.Code != test.code || f.Kind != fault.Unauthenticated {
					t.Errorf("%s: %v, want %q", name, err, test.code)
				}
			} else if test.code != "" || s.ID != mine.ID || s.UserID != p.ana.ID || !goesOn(t, p.Module, s.Token) {
				t.Errorf("%s: %+v, want %q", name, s, test.code)
			}
			if ends := !goesOn(t, p.other, mine.Token); ends != test.ends { // the other process asks the database
				t.Errorf("%s: the session ended: %v", name, ends)
			}
			p.refresh(t, eves.Refresh) // nobody else's ends
		}
	})
}

func mustEnd(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Clicks at once, and whoever has lost an answer, get the same next token, so that nobody is thrown out.
func TestRefreshingAtOnceGivesOneNextToken(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		first := p.signIn(t, "ana@example.com")
		next := make([]string, 16)
		var group sync.WaitGroup
		for i := range next {
			m := []*identity.Module{p.Module, p.other}[i%2]
			group.Go(func() {
				s, err := m.Refresh(t.Context(), first.Refresh, "")
				if err != nil {
					t.Error(err)
				}
				next[i] = s.Refresh
			})
		}
		group.Wait()
		for _, token := range next {
			if token != next[0] || token == first.Refresh {
				t.Fatalf("the next tokens are %q", next)
			}
		}
		p.refresh(t, next[0])
		// Each use, and the sign-in, left nothing that signs anybody in.
		var rows []struct{ TokenHash, PreviousHash string }
		mustEnd(t, db.Query(t.Context(), &rows, `SELECT token_hash, previous_hash FROM identity_browsers`))
		for _, row := range rows {
			for _, kept := range []string{row.TokenHash, row.PreviousHash, row.TokenHash[:26] + next[0][26:]} {
				if _, err := p.Refresh(t.Context(), kept, ""); err == nil {
					t.Error("what the table has is a refresh token")
				}
				if _, _, err := p.BrowserCaller(t.Context(), kept, ""); err == nil {
					t.Error("what the table has is a browser's token")
				}
			}
		}
		if _, _, err := p.BrowserCaller(t.Context(), next[0][:26], ""); err == nil {
			t.Error("a refresh token signs a browser in")
		}
	})
}
