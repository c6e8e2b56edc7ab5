package identity_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

var console = identity.Actor{ID: identity.Console, Reason: "A test."}

// admin returns an account that is one, and another that is none.
func twoAccounts(t *testing.T, m *identity.Module) (admin, other identity.User) {
	t.Helper()
	for _, u := range []struct {
		email string
		into  *identity.User
	}{{"root@example.com", &admin}, {"other@example.com", &other}} {
		user, err := m.SignUp(t.Context(), client, registration(u.email))
		if err != nil {
			t.Fatal(err)
		}
		*u.into = user
	}
	if granted, err := m.Grant(t.Context(), console, "ROOT@example.com", identity.Admin); err != nil || !granted {
		t.Fatalf("granted %v, %v", granted, err)
	}
	return admin, other
}

// What was done by a role stands in the log for good: nobody changes or deletes it.
func TestTheLogOnlyGrows(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		m, _ := setup(t, db)
		ctx := t.Context()
		admin, other := twoAccounts(t, m)
		by := identity.Actor{ID: admin.ID, Reason: "They help."}
		if err := m.SetRoles(ctx, by, other.ID, []identity.Role{identity.Juror, identity.Moderator}, nil); err != nil {
			t.Fatal(err)
		}
		if changed, err := m.Grant(ctx, console, other.Email, identity.Juror); err != nil || changed {
			t.Errorf("a role that is there is granted: %v, %v", changed, err)
		}
		for _, statement := range []string{
			`UPDATE identity_log SET reason = 'another'`, `DELETE FROM identity_log`,
		} {
			if _, err := db.Exec(ctx, statement); err == nil || !strings.Contains(err.Error(), "only grows") {
				t.Errorf("%s: %v", statement, err)
			}
		}
		records, total, err := m.Log(ctx, admin.ID, identity.LogFilter{}, 0, 10)
		if err != nil || total != 2 || len(records) != 2 {
			t.Fatalf("the log has %d acts, %v: %+v", total, err, records)
		}
		last := records[0]
		if last.Actor != admin.ID || last.Act != "roles.set" || last.Subject != "user:"+other.ID || last.Before != "" ||
			last.After != "moderator, juror" || last.Reason != "They help." || time.Since(last.At) > time.Minute {
			t.Errorf("the latest act is %+v", last)
		}
		if records[1].Actor != identity.Console {
			t.Errorf("the first act is %+v", records[1])
		}
		for name, f := range map[string]identity.LogFilter{
			"who": {Actor: "Root@example.com"}, "what": {Act: "roles", Subject: "user:" + other.ID},
			"when": {From: last.At, Until: last.At.Add(time.Microsecond)},
		} {
			if _, n, err := m.Log(ctx, admin.ID, f, 0, 10); err != nil || n != 1 {
				t.Errorf("filtered by %s: %d, %v", name, n, err)
			}
		}
		if _, _, err := m.Log(ctx, other.ID, identity.LogFilter{}, 0, 10); fault.From(err).Code != "forbidden_role" {
			t.Errorf("a moderator reads the log: %v", err)
		}
	})
}

// A suspension holds in another process within ten seconds, ends by itself, and takes away what roles allow.
func TestASuspensionHoldsEverywhereAndEnds(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{identity.Migrations()}, func(t *testing.T, db *database.DB) {
		m, _ := setup(t, db)
		elsewhere, _ := setup(t, db)
		ctx := t.Context()
		admin, other := twoAccounts(t, m)
		if err := m.SetRoles(ctx, identity.Actor{ID: admin.ID, Reason: "Helps."}, other.ID,
			[]identity.Role{identity.Organiser}, nil); err != nil {
			t.Fatal(err)
		}
		if err := elsewhere.MayAct(ctx, other.ID); err != nil {
			t.Fatal(err)
		}
		token, err := m.SignInBrowser(ctx, identity.Visitor{UserID: other.ID})
		if err != nil {
			t.Fatal(err)
		}
		until := time.Now().Add(8 * time.Second)
		by := identity.Actor{ID: admin.ID, Reason: "Bought votes."}
		if _, err := m.Suspend(ctx, by, other.ID, until); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for name, err := range map[string]error{
			"act here": m.MayAct(ctx, other.ID), "use a role": m.Allow(ctx, other.ID, identity.ReadUsers),
			"sign in": errOf(m.SignIn(ctx, credentials(other.Email, password))),
		} {
			f := fault.From(err)
			if f.Code != "suspended" || !strings.Contains(f.Text.EN, "Bought votes.") || len(f.Fields) != 2 {
				t.Errorf("they %s: %v", name, err)
				continue
			}
			for _, written := range []string{f.Fields[1].Message.ES, f.Fields[1].Message.EN} { // for programs
				if at, err := time.Parse(time.RFC3339, written); err != nil || !at.Equal(until.Truncate(time.Second)) {
					t.Errorf("the end is %q, want %s", written, until)
				}
			}
		}
		_, err = m.SignIn(ctx, credentials(other.Email, "another password"))
		if fault.From(err).Code != "bad_credentials" {
			t.Errorf("a wrong password tells of the suspension: %v", err)
		}
		if _, _, err := m.BrowserCaller(ctx, token, ""); fault.From(err).Kind != fault.Unauthenticated {
			t.Errorf("a browser goes on: %v", err)
		}
		wait(t, 10*time.Second-time.Since(began), "another process knows", func() bool {
			return fault.From(elsewhere.MayAct(ctx, other.ID)).Code == "suspended"
		})
		loop, stop := context.WithCancel(ctx)
		defer stop()
		go elsewhere.WatchSuspensions(loop)
		wait(t, 30*time.Second, "it ends", func() bool {
			p, err := m.PersonOf(ctx, admin.ID, other.ID)
			return err == nil && p.Suspension == nil
		})
		if _, err := m.SignIn(ctx, credentials(other.Email, password)); err != nil {
			t.Errorf("they cannot sign in again: %v", err)
		}
		records, _, err := m.Log(ctx, admin.ID, identity.LogFilter{Act: "user"}, 0, 10)
		if err != nil || len(records) != 2 || records[0].Actor != identity.Clock || records[0].Act != "user.unsuspend" {
			t.Errorf("the log has %+v, %v", records, err)
		}
	})
}

func errOf[T any](_ T, err error) error { return err }

// wait fails the test unless the condition comes true in time.
func wait(t *testing.T, most time.Duration, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(most); !condition(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}
