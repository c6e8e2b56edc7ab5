package identity_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"risingstars/modules/identity"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

// lookOnce ends suspensions as a worker does when it starts.
func lookOnce(t *testing.T, m *identity.Module) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second) // of the bubble's time, which goes on in a pause alone
	defer cancel()
	m.WatchSuspensions(ctx)
}

// A process whose clock is apart keeps people out until the database's clock says otherwise, and no longer.
func TestAProcessWhoseClockIsWrongLiftsNothingEarly(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, identity.Migrations())
	m, ahead, behind := quick(db), quick(db), quick(db)
	admin, other := twoAccounts(t, m)
	by := identity.Actor{ID: admin.ID, Reason: "Bought votes."}
	suspend := func(m *identity.Module, until time.Time) string {
		if _, err := m.Suspend(t.Context(), by, other.ID, until); err != nil {
			return fault.From(err).Code
		}
		return ""
	}
	act := func(m *identity.Module) string {
		if err := m.MayAct(t.Context(), other.ID); err != nil {
			return fault.From(err).Code
		}
		return ""
	}
	suspended := func() bool {
		t.Helper()
		p, err := m.PersonOf(t.Context(), admin.ID, other.ID)
		mustEnd(t, err)
		return p.Suspension != nil
	}
	began := time.Now()
	if got := suspend(m, began.Add(time.Hour)); got != "" {
		t.Fatal(got)
	}
	bubble := func(year int, do func(t *testing.T)) {
		synctest.Test(t, func(t *testing.T) {
			time.Sleep(time.Until(time.Date(year, 2, 1, 0, 0, 0, 0, time.UTC)))
			do(t)
		})
	}
	bubble(2100, func(t *testing.T) {
		lookOnce(t, ahead)
		if got := act(ahead); got != "suspended" {
			t.Errorf("where it is 2100: %q", got)
		}
		if got := suspend(ahead, began.Add(2*time.Hour)); got != "" {
			t.Errorf("another end: %q", got)
		}
	})
	if !suspended() || act(m) != "suspended" {
		t.Error("it is lifted early")
	}
	bubble(2000, func(*testing.T) {
		if got := suspend(behind, time.Now().Add(time.Hour)); got != "invalid" {
			t.Errorf("an end that is past: %q", got)
		}
	})
	_, err := db.Exec(t.Context(), `UPDATE identity_suspensions SET until = ?`, database.Micros(began.Add(-time.Hour)))
	mustEnd(t, err)
	bubble(2000, func(t *testing.T) {
		if got := act(behind); got != "" {
			t.Errorf("where it is 2000: %q", got)
		}
		lookOnce(t, behind)
	})
	if suspended() {
		t.Error("it is not lifted")
	}
}
