package identity_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

const firefox = "Mozilla/5.0 (Android 14; Mobile; rv:133.0) Gecko/133.0 Firefox/133.0"

func (p people) browse(t *testing.T, userID string) (token string) {
	t.Helper()
	v := identity.Visitor{UserID: userID, Agent: firefox, Network: "203.0.113.0/24"}
	token, err := p.SignInBrowser(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// The list has browsers and programs, and ends any of them; nobody ends another's.
func TestAnAccountListsAndEndsItsSessions(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		program, cookie := p.signIn(t, "ana@example.com"), p.browse(t, p.ana.ID)
		_, browser, err := p.BrowserCaller(t.Context(), cookie, "")
		mustEnd(t, err)
		sessions, err := p.Sessions(t.Context(), p.ana.ID)
		if err != nil || len(sessions) != 2 || sessions[0].ID != browser || sessions[1].ID != program.ID {
			t.Fatalf("%+v, %v", sessions, err)
		}
		device := fault.Text{ES: "Firefox en Android", EN: "Firefox on Android"}
		if s := sessions[0]; !s.Browser || s.Device() != device ||
			s.Network != "203.0.113.0/24" || time.Since(s.UsedAt).Abs() > time.Minute {
			t.Errorf("the browser is %+v, %v", s, s.Device())
		}
		for _, id := range []string{program.ID, browser, "", "x"} {
			if err := p.EndSession(t.Context(), p.eve.ID, id); fault.From(err).Code != "session_not_found" {
				t.Errorf("Eve ends %q: %v", id, err)
			}
		}
		if !goesOn(t, p.Module, program.Token) {
			t.Error("the program was signed out")
		}
		for _, s := range sessions {
			mustEnd(t, p.EndSession(t.Context(), p.ana.ID, s.ID))
			if err := p.EndSession(t.Context(), p.ana.ID, s.ID); fault.From(err).Code != "session_not_found" {
				t.Errorf("ended twice: %v", err)
			}
		}
		if _, _, err := p.BrowserCaller(t.Context(), cookie, ""); err == nil || goesOn(t, p.Module, program.Token) {
			t.Error("what was ended goes on")
		}
	})
}

// Ending all keeps the one that asks, and ends tokens that older versions issued. What is issued later is valid.
func TestAllSessionsEndButOne(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		kept, program, cookie := p.signIn(t, "ana@example.com"), p.signIn(t, "ana@example.com"), p.browse(t, p.ana.ID)
		old, _, err := auth.NewTokens(keys, time.Hour).Issue(p.ana.ID, "")
		mustEnd(t, err)
		eves := p.signIn(t, "eve@example.com")
		undone := errors.New("undone")
		err = db.InTx(t.Context(), func(ctx context.Context) error {
			return errors.Join(p.EndAll(ctx, p.ana.ID, kept.ID), undone)
		})
		if !errors.Is(err, undone) || !goesOn(t, p.Module, program.Token) || !goesOn(t, p.Module, old) {
			t.Fatalf("a transaction that was undone has ended sessions, %v", err)
		}
		mustEnd(t, p.EndAll(t.Context(), p.ana.ID, kept.ID))
		for _, m := range []*identity.Module{p.Module, p.other} {
			for name, ended := range map[string]string{"program": program.Token, "old token": old} {
				if goesOn(t, m, ended) {
					t.Errorf("the %s goes on", name)
				}
			}
			if !goesOn(t, m, kept.Token) || !goesOn(t, m, eves.Token) {
				t.Error("another session was ended")
			}
		}
		if _, _, err := p.BrowserCaller(t.Context(), cookie, ""); err == nil {
			t.Error("the browser is signed in")
		}
		if s := p.signIn(t, "ana@example.com"); !goesOn(t, p.other, s.Token) {
			t.Error("a session of afterwards has ended")
		}
		p.refresh(t, kept.Refresh)
	})
}

// Another process learns of an ending within 10 s without asking for each request, and then answers without a database.
func TestAnEndingHoldsInEveryProcess(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		ctx, cancel := context.WithCancel(t.Context())
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			p.other.WatchSessions(ctx)
		}()
		s := p.signIn(t, "ana@example.com")
		began := time.Now()
		mustEnd(t, p.EndSession(t.Context(), p.ana.ID, s.ID))
		if goesOn(t, p.Module, s.Token) {
			t.Error("it goes on where it was ended")
		}
		for goesOn(t, p.other, s.Token) {
			if time.Since(began) > 10*time.Second {
				t.Fatal("it goes on after 10 s")
			}
			time.Sleep(20 * time.Millisecond)
		}
		cancel()
		<-watched
	})
}

// A password that is changed while somebody signs in with it opens no session.
func TestAPasswordThatWasChangedMeanwhileOpensNothing(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		who, _, err := p.Prove(t.Context(), credentials("ana@example.com", password))
		mustEnd(t, err)
		mustEnd(t, db.InTx(t.Context(), func(ctx context.Context) error {
			_, err := db.Exec(ctx, `UPDATE identity_users SET password_hash = 'another' WHERE id = ?`, p.ana.ID)
			return errors.Join(err, p.EndAll(ctx, p.ana.ID, ""))
		}))
		if _, err := p.SignInBrowser(t.Context(), who); fault.From(err).Code != "bad_credentials" {
			t.Errorf("the session is opened: %v", err)
		}
	})
}

// Only so many of each kind are signed in; programs that sign in for each token keep these until they expire.
func TestTheLeastUsedSessionEndsForOneTooMany(t *testing.T) {
	t.Parallel()
	m := quick(databasetest.Open(t, identity.Migrations()))
	p := people{Module: m}
	var browsers []string
	for range 51 {
		browsers = append(browsers, p.browse(t, "ana"))
	}
	if _, _, err := m.BrowserCaller(t.Context(), browsers[0], ""); err == nil {
		t.Error("51 browsers are signed in")
	}
	if _, _, err := m.BrowserCaller(t.Context(), browsers[1], ""); err != nil {
		t.Error(err)
	}
}

// What an older version has written is listed and ended like any other, and the version can go on.
func TestBrowsersOfAnOlderVersionStaySignedIn(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		cookie := p.browse(t, p.ana.ID)
		p.signIn(t, "ana@example.com")
		_, err := db.Exec(t.Context(), `UPDATE identity_browsers SET id = NULL, network = '' WHERE kind = 'browser'`)
		mustEnd(t, err)
		userID, id, err := p.BrowserCaller(t.Context(), cookie, "")
		if err != nil || userID != p.ana.ID || len(id) != 36 {
			t.Fatalf("%q, %q, %v", userID, id, err)
		}
		mustEnd(t, p.EndSession(t.Context(), p.ana.ID, id))
		if sessions, err := p.Sessions(t.Context(), p.ana.ID); err != nil || len(sessions) != 1 || sessions[0].Browser {
			t.Errorf("%+v, %v", sessions, err)
		}
	})
}

// What is old is deleted, and nothing else.
func TestOldSessionsAreDeleted(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		p := newPeople(t, db)
		kept, ended := p.signIn(t, "ana@example.com"), p.signIn(t, "ana@example.com")
		p.browse(t, p.ana.ID)
		mustEnd(t, p.EndSession(t.Context(), p.ana.ID, ended.ID))
		_, err := db.Exec(t.Context(), `UPDATE identity_browsers SET expires_at = 0 WHERE kind = 'browser'`)
		mustEnd(t, err)
		count := func() (rows []struct{ ID string }) {
			t.Helper()
			mustEnd(t, db.Query(t.Context(), &rows, `SELECT id FROM identity_browsers
				UNION ALL SELECT id FROM identity_endings`))
			return rows
		}
		mustEnd(t, p.SweepSessions(t.Context()))
		if rows := count(); len(rows) != 2 { // the one kept and the ending, whose tokens may be valid
			t.Errorf("%+v", rows)
		}
		_, err = db.Exec(t.Context(), `UPDATE identity_endings SET expires_at = 0`)
		mustEnd(t, err)
		mustEnd(t, p.SweepSessions(t.Context()))
		if rows := count(); len(rows) != 1 || rows[0].ID != kept.ID {
			t.Errorf("%+v", rows)
		}
	})
}
