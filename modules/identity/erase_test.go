package identity_test

import (
	"testing"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// Whoever comes back while their votes are still taken back gets them again.
func TestAReturnDuringADeletionIsSettled(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, houseTables(), func(t *testing.T, db *database.DB) {
		h, ctx := openHouse(t, db), t.Context()
		ana := h.leaver("ana@example.com")
		h.owned.meanwhile = func() {
			if back, err := h.Readmit(ctx, console, ana.ID); err != nil || !back {
				t.Errorf("it is back: %v, %v", back, err)
			}
		}
		mustEnd(t, h.delete(ana, password))
		h.work(`SELECT COUNT(*) AS n FROM identity_departures`)
		if got := h.owned.all(); got != "leave, settle, return, settle back" {
			t.Errorf("it did %s", got)
		}
	})
}

// A command has an account that is deleted already erased sooner, once; and an erasure that fails keeps no other
// waiting.
func TestADeletedAccountIsErasedSooner(t *testing.T) {
	t.Parallel()
	h := openHouse(t, databasetest.Open(t, houseTables()...))
	ctx := t.Context()
	ana, ben := h.leaver("ana@example.com"), h.leaver("ben@example.com")
	h.owned.stuck = ana.ID
	for _, u := range []string{ana.ID, ben.ID} {
		if removed, err := h.Remove(ctx, console, u, false); err != nil || !removed {
			t.Fatal(removed, err)
		}
		for i, want := range []bool{true, false} {
			if removed, err := h.Remove(ctx, console, u, true); err != nil || removed != want {
				t.Errorf("sooner, for time %d: %v, %v", i+1, removed, err)
			}
		}
		if back, err := h.Readmit(ctx, console, u); err != nil || back {
			t.Errorf("what is about to be erased is back: %v, %v", back, err)
		}
	}
	_, err := h.db.Exec(ctx, `UPDATE identity_departures SET due_at = 1, left_at = left_at - 60000000`)
	mustEnd(t, err)
	h.work(`SELECT COUNT(*) - 1 AS n FROM identity_departures`)
	if _, err := h.ProfileOf(ctx, ben.ID); err == nil {
		t.Error("it waits for the other one")
	}
	if _, err := h.ProfileOf(ctx, ana.ID); err != nil {
		t.Errorf("the account went before its belongings: %v", err)
	}
}
