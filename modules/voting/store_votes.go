package voting

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// addVote stores a vote and raises both counters; it reports whether the vote is new. Here and everywhere, rows are
// locked in the order vote, entry, contestant, so voters wait for each other but never deadlock.
func (s *store) addVote(ctx context.Context, entry Entry, voterID string) (bool, error) {
	at := database.Micros(time.Now())
	rows, err := s.db.Exec(ctx, `
		INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (video_id, user_id) DO NOTHING`, entry.VideoID, voterID, entry.UserID, at)
	if err != nil || rows == 0 {
		return false, wrapVote(err)
	}
	at, err = s.restoreTime(ctx, entry.VideoID, voterID, at)
	if err != nil {
		return false, wrapVote(err)
	}
	if err := s.count(ctx, entry, +1); err != nil {
		return false, err
	}
	_, err = s.db.Exec(ctx, `
		UPDATE voting_contestants SET reached_at = ? WHERE user_id = ? AND reached_at < ?`, at, entry.UserID, at)
	return true, wrapVote(err)
}

// restoreTime gives a new vote the time of the same vote before it was taken back, if it was, and returns the vote's
// time. It is a statement of its own after the vote's row is locked: only now is a withdrawal that ran at the same time
// visible.
func (s *store) restoreTime(ctx context.Context, videoID, voterID string, at int64) (int64, error) {
	var withdrawn []struct{ CastAt int64 }
	err := s.db.Query(ctx, &withdrawn, `
		SELECT cast_at FROM voting_withdrawn_votes WHERE video_id = ? AND user_id = ?`, videoID, voterID)
	if err != nil || len(withdrawn) == 0 {
		return at, err
	}
	at = withdrawn[0].CastAt
	_, err = s.db.Exec(ctx, `
		UPDATE voting_votes SET created_at = ? WHERE video_id = ? AND user_id = ?`, at, videoID, voterID)
	return at, err
}

// removeVote deletes a vote, notes when it was cast, and lowers both counters; it reports whether there was a vote.
func (s *store) removeVote(ctx context.Context, entry Entry, voterID string) (bool, error) {
	var votes []struct{ CreatedAt int64 }
	err := s.db.Query(ctx, &votes, `
		DELETE FROM voting_votes WHERE video_id = ? AND user_id = ? RETURNING created_at`, entry.VideoID, voterID)
	if err != nil || len(votes) == 0 {
		return false, wrapVote(err)
	}
	_, err = s.db.Exec(ctx, `
		INSERT INTO voting_withdrawn_votes (video_id, user_id, cast_at) VALUES (?, ?, ?)
		ON CONFLICT (video_id, user_id) DO NOTHING`, entry.VideoID, voterID, votes[0].CreatedAt)
	if err != nil {
		return false, wrapVote(err)
	}
	if err := s.count(ctx, entry, -1); err != nil {
		return false, err
	}
	// A statement of its own, after the contestant's row is locked: only now are all votes committed before ours
	// visible. A vote counts as no older than the contestant, whose row another clock may have dated.
	_, err = s.db.Exec(ctx, `
		UPDATE voting_contestants SET reached_at = COALESCE(
			(SELECT created_at FROM voting_votes
			WHERE contestant_id = ? AND created_at > voting_contestants.joined_at
			ORDER BY created_at DESC LIMIT 1), joined_at)
		WHERE user_id = ?`, entry.UserID, entry.UserID)
	return true, wrapVote(err)
}

// count adds by to the counters of an entry and its contestant. It returns errNoEntry if the entry was withdrawn
// meanwhile.
func (s *store) count(ctx context.Context, entry Entry, by int) error {
	rows, err := s.db.Exec(ctx, `UPDATE voting_entries SET votes = votes + ? WHERE video_id = ?`, by, entry.VideoID)
	if err != nil {
		return wrapVote(err)
	}
	if rows == 0 {
		return errNoEntry
	}
	_, err = s.db.Exec(ctx, `UPDATE voting_contestants SET votes = votes + ? WHERE user_id = ?`, by, entry.UserID)
	return wrapVote(err)
}

func wrapVote(err error) error {
	if err != nil {
		return fmt.Errorf("store vote: %w", err)
	}
	return nil
}

func (s *store) tallies(ctx context.Context, videoIDs []string) (map[string]int, error) {
	tallies := make(map[string]int, len(videoIDs))
	if len(videoIDs) == 0 {
		return tallies, nil
	}
	var rows []entryRow
	err := s.db.Gorm(ctx).Select("video_id", "votes").Where("video_id IN ?", videoIDs).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read tallies: %w", err)
	}
	for _, row := range rows {
		tallies[row.VideoID] = row.Votes
	}
	return tallies, nil
}
