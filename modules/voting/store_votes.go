package voting

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// addVote stores a vote and counts it for the contestant; it reports whether the vote is new. A trigger counts it for
// the entry. Here and everywhere, rows are locked in the order vote, tally, entry, contestant, so voters wait for each
// other but never deadlock.
func (s *store) addVote(ctx context.Context, videoID, contestantID, voterID string) (bool, error) {
	at := database.Micros(time.Now())
	rows, err := s.db.Exec(ctx, `
		INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (video_id, user_id) DO NOTHING`, videoID, voterID, contestantID, at)
	if err != nil || rows == 0 {
		return false, wrapVote(err)
	}
	at, err = s.restoreTime(ctx, videoID, voterID, at)
	if err != nil {
		return false, wrapVote(err)
	}
	_, err = s.db.Exec(ctx, `
		UPDATE voting_contestants SET behind = TRUE, votes = votes + 1,
			reached_at = CASE WHEN reached_at < ? THEN ? ELSE reached_at END
		WHERE user_id = ?`, at, at, contestantID)
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

// removeVote deletes a vote, notes when it was cast, and no longer counts it for the contestant, as a trigger does for
// the entry; it reports whether there was a vote.
func (s *store) removeVote(ctx context.Context, videoID, contestantID, voterID string) (bool, error) {
	var votes []struct{ CreatedAt int64 }
	err := s.db.Query(ctx, &votes, `
		DELETE FROM voting_votes WHERE video_id = ? AND user_id = ? RETURNING created_at`, videoID, voterID)
	if err != nil || len(votes) == 0 {
		return false, wrapVote(err)
	}
	_, err = s.db.Exec(ctx, `
		INSERT INTO voting_withdrawn_votes (video_id, user_id, cast_at) VALUES (?, ?, ?)
		ON CONFLICT (video_id, user_id) DO NOTHING`, videoID, voterID, votes[0].CreatedAt)
	if err != nil {
		return false, wrapVote(err)
	}
	if err := s.lockContestant(ctx, contestantID); err != nil {
		return false, wrapVote(err)
	}
	// A statement of its own, after the contestant's row is locked: only now are all votes committed before ours
	// visible. A vote counts as no older than the contestant, whose row another clock may have dated.
	_, err = s.db.Exec(ctx, `
		UPDATE voting_contestants SET behind = TRUE, votes = votes - 1, reached_at = COALESCE(
			(SELECT created_at FROM voting_votes
			WHERE contestant_id = ? AND created_at > voting_contestants.joined_at
			ORDER BY created_at DESC LIMIT 1), joined_at)
		WHERE user_id = ?`, contestantID, contestantID)
	return true, wrapVote(err)
}

// lockContestant keeps other transactions from counting votes for a contestant until this one ends. SQLite has one
// writer anyway.
func (s *store) lockContestant(ctx context.Context, id string) error {
	if s.db.Dialect() == database.SQLite {
		return nil
	}
	_, err := s.db.Exec(ctx, `SELECT 1 FROM voting_contestants WHERE user_id = ? FOR UPDATE`, id)
	return err
}

func wrapVote(err error) error {
	if err != nil {
		return fmt.Errorf("store vote: %w", err)
	}
	return nil
}
