package site_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/identity"
	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// Whoever changes their profile again and again while videos of theirs are published is shown by the last one alone.
func TestWhoMovesWhilePublishingIsShownByTheLastProfile(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		const videos, moves = 12, 40
		h := startHouseOn(t, db, 1<<20)
		ana := h.account(t, "Ana", "Bogotá")
		var all sync.WaitGroup
		all.Go(func() {
			for n := range moves {
				name, city := fmt.Sprint("Zoé ", n), fmt.Sprint("Villa ", n)
				_, err := h.identity.ChangeProfile(t.Context(), ana.ID, identity.ProfileChange{
					FirstName: &name, City: &city,
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
		for n := range videos {
			all.Go(func() {
				if err := h.publishAsItIs(t.Context(), ana.ID, fmt.Sprint("Tango ", n)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		want, err := h.identity.ProfileOf(t.Context(), ana.ID)
		if err != nil {
			t.Fatal(err)
		}
		var shown []struct{ PlayerName, City string }
		if err := db.Query(t.Context(), &shown, `
			SELECT player_name, city FROM voting_entries UNION ALL SELECT username, city FROM voting_contestants`,
		); err != nil || len(shown) != videos+1 {
			t.Fatalf("%+v, %v", shown, err)
		}
		for _, s := range shown {
			if s.PlayerName != want.PlayerName || s.City != want.City {
				t.Errorf("shown is %+v, and the profile is %+v", s, want)
			}
		}
	})
}

// publishAsItIs publishes a video with its owner's profile, as a worker does.
func (h *house) publishAsItIs(ctx context.Context, userID, title string) error {
	return h.db.InTx(ctx, func(ctx context.Context) error {
		p, err := h.identity.ProfileOf(ctx, userID)
		if err != nil {
			return err
		}
		id := uuid.Must(uuid.NewV7()).String()
		return h.voting.Publish(ctx, voting.Entry{
			VideoID: id, UserID: userID, PlayerName: p.PlayerName, City: p.City, Country: p.Country, Title: title,
			Output:   voting.Output{ProcessedKey: "processed/" + id + "-1.mp4", PosterKey: "processed/" + id + "-1.jpg"},
			Duration: 35 * time.Second, UploadedAt: time.Now(),
		})
	})
}
