package site_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/identity"
	"risingstars/modules/voting"
	"risingstars/platform/database/databasetest"
)

// Whoever changes their profile while a video of theirs is published is shown by the new one: the change waits for the
// publication. SQLite has one writer anyway.
func TestWhoMovesWhilePublishingIsShownByTheLastProfile(t *testing.T) {
	t.Parallel()
	h := startHouseOn(t, databasetest.OpenPostgreSQL(t, owners...), 1<<20)
	ana := h.account(t, "Ana", "Bogotá")
	moved := make(chan error, 1)
	err := h.db.InTx(t.Context(), func(ctx context.Context) error { // as a worker does
		p, err := h.identity.ProfileOf(ctx, ana.ID)
		if err != nil {
			return err
		}
		go func() {
			name, city := "Zoé", "Cali"
			change := identity.ProfileChange{FirstName: &name, City: &city}
			_, err := h.identity.ChangeProfile(t.Context(), ana.ID, change)
			moved <- err
		}()
		h.untilItWaits(t, moved)
		id := uuid.Must(uuid.NewV7()).String()
		return h.voting.Publish(ctx, voting.Entry{
			VideoID: id, UserID: ana.ID, PlayerName: p.PlayerName, City: p.City, Country: p.Country, Title: "Tango",
			Output:   voting.Output{ProcessedKey: "processed/" + id + ".mp4", PosterKey: "processed/" + id + ".jpg"},
			Duration: 35 * time.Second, UploadedAt: time.Now(),
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-moved; err != nil {
		t.Fatal(err)
	}
	var shown []struct{ PlayerName, City string }
	if err := h.db.Query(t.Context(), &shown, `
		SELECT player_name, city FROM voting_entries UNION ALL SELECT username, city FROM voting_contestants`,
	); err != nil || len(shown) != 2 {
		t.Fatalf("%+v, %v", shown, err)
	}
	for _, s := range shown {
		if s.PlayerName != "Zoé Ruiz" || s.City != "Cali" {
			t.Errorf("shown is %+v", s)
		}
	}
}

// untilItWaits returns once a statement waits for a lock, or what it is part of has ended.
func (h *house) untilItWaits(t *testing.T, ended chan error) {
	t.Helper()
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(10 * time.Millisecond) {
		var row struct{ N int }
		err := h.db.Query(t.Context(), &row, `
			SELECT COUNT(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`)
		if err != nil {
			t.Fatal(err)
		}
		if row.N > 0 || len(ended) > 0 {
			return
		}
	}
	t.Fatal("the change neither waits nor ends")
}
