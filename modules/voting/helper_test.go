package voting_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/voting"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/limit"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

var owners = []database.Migrations{voting.Migrations()}

// bench is the module on a database of its own.
type bench struct {
	*voting.Module
	db *database.DB
}

func setup(t testing.TB, db *database.DB) *bench {
	t.Helper()
	return &bench{Module: build(t, db, voting.Options{SelfVotes: true, URLExpiry: time.Hour}), db: db}
}

func build(t testing.TB, db *database.DB, options voting.Options) *voting.Module {
	t.Helper()
	files, err := diskstore.Open(diskstore.Options{
		Root: t.TempDir(), Secret: []byte("a secret of thirty-two bytes ...."), PublicPrefixes: []string{"processed/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	bucket := storage.New(files, storage.Options{})
	cursors := auth.NewSeals(auth.NewKeys([]byte("a secret of thirty-two bytes ...."), nil), "cursors")
	return voting.New(voting.Deps{
		DB: db, Limits: limit.New(limit.Options{}), Files: bucket, Cursors: cursors, Options: options,
	})
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

// newEntry returns a complete entry of the contestant.
func newEntry(userID, title, city string) voting.Entry {
	id := newID()
	return voting.Entry{
		VideoID: id, UserID: userID, PlayerName: "Player " + userID[len(userID)-4:],
		City: city, Country: "Colombia", Title: title,
		Output:   voting.Output{ProcessedKey: "processed/" + id + "-1.mp4", PosterKey: "processed/" + id + "-1.jpg"},
		Duration: 35 * time.Second, UploadedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
}

// publish adds an entry of a contestant, who may be new, and returns the video's id.
func (b *bench) publish(t testing.TB, userID, title, city string) string {
	t.Helper()
	entry := newEntry(userID, title, city)
	if err := b.Publish(t.Context(), entry); err != nil {
		t.Fatal(err)
	}
	return entry.VideoID
}

// vote casts the votes of n people who have not voted before.
func (b *bench) vote(t testing.TB, videoID string, n int) {
	t.Helper()
	for range n {
		if _, err := b.Vote(t.Context(), videoID, newID()); err != nil {
			t.Fatal(err)
		}
	}
}

// gallery returns a page of the gallery, and how many entries there are on all.
func (b *bench) gallery(
	ctx context.Context, filter voting.Filter, order voting.Order, offset, limit int,
) ([]voting.Entry, int, error) {
	page, err := b.Gallery(ctx, filter, order, voting.Window{Offset: offset, Limit: limit})
	return page.Entries, page.Total, err
}

func (b *bench) rankings(ctx context.Context, filter voting.Filter, offset, limit int) (voting.Ranking, error) {
	return b.Rankings(ctx, filter, voting.Window{Offset: offset, Limit: limit})
}

// checkCounters returns an error if a counter differs from the rows of votes. It uses one statement, which sees one
// moment.
func (b *bench) checkCounters(ctx context.Context) error {
	var rows []struct {
		What, ID        string
		Counted, Stored int64
	}
	err := b.db.Query(ctx, &rows, `
		WITH checks AS (
			SELECT 'votes of entry' AS what, e.video_id AS id, COALESCE(t.votes, -1) AS counted,
				(SELECT COUNT(*) FROM voting_votes v WHERE v.video_id = e.video_id) AS stored
			FROM voting_entries e LEFT JOIN voting_tallies t ON t.video_id = e.video_id
			UNION ALL
			SELECT 'listed votes of entry', video_id, listed_votes, votes FROM voting_tallies WHERE NOT behind
			UNION ALL
			SELECT 'listed votes of contestant', user_id, listed_votes, votes FROM voting_contestants WHERE NOT behind
			UNION ALL
			SELECT 'listed time of contestant', user_id, listed_at, reached_at FROM voting_contestants WHERE NOT behind
			UNION ALL
			SELECT 'tally without an entry', t.video_id, 0, 1
			FROM voting_tallies t WHERE NOT EXISTS (SELECT 1 FROM voting_entries e WHERE e.video_id = t.video_id)
			UNION ALL
			SELECT 'entries of place', p.city_folded || '/' || p.country_folded, p.entries,
				(SELECT COUNT(*) FROM voting_entries e WHERE p.city_folded IN ('*', e.city_folded)
					AND p.country_folded IN ('*', e.country_folded))
			FROM voting_places p
			UNION ALL
			SELECT 'contestants of place', p.city_folded || '/' || p.country_folded, p.contestants,
				(SELECT COUNT(*) FROM voting_contestants c WHERE p.city_folded IN ('*', c.city_folded)
					AND p.country_folded IN ('*', c.country_folded))
			FROM voting_places p
			UNION ALL
			SELECT 'entry without a place', e.video_id, 0, 1
			FROM voting_entries e WHERE NOT EXISTS (SELECT 1 FROM voting_places p
				WHERE p.city_folded = e.city_folded AND p.country_folded = e.country_folded)
			UNION ALL
			SELECT 'votes of contestant', c.user_id, c.votes,
				(SELECT COUNT(*) FROM voting_votes v WHERE v.contestant_id = c.user_id)
			FROM voting_contestants c
			UNION ALL
			SELECT 'entries of contestant', c.user_id, c.entries,
				(SELECT COUNT(*) FROM voting_entries e WHERE e.user_id = c.user_id)
			FROM voting_contestants c
			UNION ALL
			SELECT 'latest vote of contestant', c.user_id, c.reached_at,
				COALESCE((SELECT MAX(v.created_at) FROM voting_votes v WHERE v.contestant_id = c.user_id), c.joined_at)
			FROM voting_contestants c
			UNION ALL
			SELECT 'votes without an entry', v.video_id, 0, 1
			FROM voting_votes v WHERE NOT EXISTS (SELECT 1 FROM voting_entries e WHERE e.video_id = v.video_id)
			UNION ALL
			SELECT 'withdrawn votes without an entry', v.video_id, 0, 1
			FROM voting_withdrawn_votes v
			WHERE NOT EXISTS (SELECT 1 FROM voting_entries e WHERE e.video_id = v.video_id)
				AND NOT EXISTS (SELECT 1 FROM voting_hidden_entries h WHERE h.video_id = v.video_id)
			UNION ALL
			SELECT 'votes of hidden entry', h.video_id, h.votes,
				(SELECT COUNT(*) FROM voting_hidden_votes v WHERE v.video_id = h.video_id)
			FROM voting_hidden_entries h
			UNION ALL
			SELECT 'entry both hidden and shown', h.video_id, 0, 1
			FROM voting_hidden_entries h JOIN voting_entries e ON e.video_id = h.video_id
			UNION ALL
			SELECT 'entry without a contestant', e.video_id, 0, 1
			FROM voting_entries e WHERE NOT EXISTS (SELECT 1 FROM voting_contestants c WHERE c.user_id = e.user_id)
		)
		SELECT * FROM checks WHERE counted <> stored LIMIT 5`)
	if err != nil {
		return err
	}
	if len(rows) > 0 {
		return fmt.Errorf("counters differ from the rows: %+v", rows)
	}
	return nil
}
