package voting

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"risingstars/platform/database"
)

// addVotes stores the votes of several people for one entry and counts them for the contestant; it returns those whose
// vote is new. A trigger counts them for the entry. Here and everywhere, rows are locked in the order votes (by voter),
// tally, entry, contestant, so voters wait for each other but never deadlock.
func (s *store) addVotes(
	ctx context.Context, videoID, contestantID string, voterIDs []string,
) (added map[string]bool, err error) {
	voters := slices.Compact(slices.Sorted(slices.Values(voterIDs)))
	at := database.Micros(time.Now())
	values := make([]any, 0, 4*len(voters))
	for _, voter := range voters {
		values = append(values, videoID, voter, contestantID, at)
	}
	var rows []struct{ UserID string }
	err = s.db.Query(ctx, &rows, `
		INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at) VALUES `+placeholders(len(values), 4)+`
		ON CONFLICT (video_id, user_id) DO NOTHING RETURNING user_id`, values...)
	if err != nil || len(rows) == 0 {
		return nil, wrapVote(err)
	}
	added = make(map[string]bool, len(rows))
	for _, row := range rows {
		added[row.UserID] = true
	}
	if at, err = s.restoreTimes(ctx, videoID, slices.Sorted(maps.Keys(added)), at); err != nil {
		return nil, wrapVote(err)
	}
	_, err = s.db.Exec(ctx, `
		UPDATE voting_contestants SET behind = TRUE, votes = votes + ?,
			reached_at = CASE WHEN reached_at < ? THEN ? ELSE reached_at END
		WHERE user_id = ?`, len(added), at, at, contestantID)
	return added, wrapVote(err)
}

// restoreTimes gives new votes, which have the time at, the time of the same vote before it was taken back, if it was;
// it returns the latest time of them all. It is a statement of its own after the votes' rows are locked: only now is a
// withdrawal that ran at the same time visible.
func (s *store) restoreTimes(ctx context.Context, videoID string, voterIDs []string, at int64) (int64, error) {
	var withdrawn []struct {
		UserID string
		CastAt int64
	}
	err := s.db.Query(ctx, &withdrawn, `
		SELECT user_id, cast_at FROM voting_withdrawn_votes WHERE video_id = ? AND user_id IN ?`, videoID, voterIDs)
	if err != nil {
		return 0, err
	}
	if len(withdrawn) == len(voterIDs) {
		at = 0
	}
	for _, vote := range withdrawn {
		_, err := s.db.Exec(ctx, `
			UPDATE voting_votes SET created_at = ? WHERE video_id = ? AND user_id = ?`,
			vote.CastAt, videoID, vote.UserID)
		if err != nil {
			return 0, err
		}
		at = max(at, vote.CastAt)
	}
	return at, nil
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
