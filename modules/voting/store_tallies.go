package voting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/disk"
)

const (
	// relistBatch is the number of rows of a list by votes that one statement brings up to date.
	relistBatch = 200
	// relistFor bounds how long whoever asks for a list waits for it to be brought up to date.
	relistFor = time.Second
)

// tallyRow is the votes for one entry. Triggers insert, count and delete it; see the migration that creates the table.
type tallyRow struct {
	VideoID     string `gorm:"primaryKey"`
	Votes       int
	ListedVotes int // what the lists by votes are sorted by
	PublishedAt int64
}

func (tallyRow) TableName() string { return "voting_tallies" }

// tally returns the votes for one entry, and errNoEntry if there is no such entry.
func (s *store) tally(ctx context.Context, videoID string) (int, error) {
	tallies, err := s.tallies(ctx, []string{videoID})
	if err != nil {
		return 0, err
	}
	votes, ok := tallies[videoID]
	if !ok {
		return 0, errNoEntry
	}
	return votes, nil
}

func (s *store) tallies(ctx context.Context, videoIDs []string) (map[string]int, error) {
	tallies := make(map[string]int, len(videoIDs))
	if len(videoIDs) == 0 {
		return tallies, nil
	}
	among, ids := s.among(videoIDs)
	var rows []tallyRow
	err := s.db.Query(ctx, &rows, `SELECT video_id, votes FROM voting_tallies WHERE video_id `+among, ids)
	if err != nil {
		return nil, fmt.Errorf("read tallies: %w", err)
	}
	for _, row := range rows {
		tallies[row.VideoID] = row.Votes
	}
	return tallies, nil
}

// standing says how the numbers that a list is sorted by are brought up to date. They are copies: so a vote, which
// changes the numbers themselves, changes no index.
type standing struct {
	table, key, set string
}

func entriesByVotes() standing {
	return standing{"voting_tallies", "video_id", "listed_votes = votes"}
}

func contestantsByVotes() standing {
	return standing{"voting_contestants", "user_id", "listed_votes = votes, listed_at = reached_at"}
}

// relist brings a list up to date with all votes that were committed before. Whoever asks for the list does it. If that
// takes longer than relistFor, the rest is left to the next one; a full disk leaves the list as it was.
func (s *store) relist(ctx context.Context, list standing) error {
	for began := time.Now(); time.Since(began) < relistFor; {
		// In order, because whatever statistics say about how many there are, an index has them first.
		var behind []struct{ Found int }
		err := s.db.Query(ctx, &behind, fmt.Sprintf(
			`SELECT 1 AS found FROM %s WHERE behind ORDER BY %s LIMIT 1`, list.table, list.key))
		if err != nil {
			return fmt.Errorf("look for votes to list: %w", err)
		}
		if len(behind) == 0 {
			return nil
		}
		more, err := s.relistSome(ctx, list)
		if errors.Is(err, disk.ErrFull) {
			return nil
		}
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// relistSome reports whether there may be more. Two processes that do it at once wait for each other.
func (s *store) relistSome(ctx context.Context, list standing) (more bool, err error) {
	if err := s.listing.Acquire(ctx, 1); err != nil {
		return false, fmt.Errorf("wait to list votes: %w", err)
	}
	defer s.listing.Release(1)
	lock := ""
	if s.db.Dialect() == database.PostgreSQL {
		lock = " FOR UPDATE"
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		rows, err := s.db.Exec(ctx, fmt.Sprintf(`
			UPDATE %s SET %s, behind = FALSE
			WHERE %s IN (SELECT %[3]s FROM %[1]s WHERE behind ORDER BY %[3]s LIMIT ?%s)`,
			list.table, list.set, list.key, lock), relistBatch)
		more = rows == relistBatch
		return err
	})
	if err != nil {
		return false, fmt.Errorf("list votes: %w", err)
	}
	return more, nil
}
