package voting

import (
	"context"
	"errors"
	"fmt"

	"risingstars/platform/database"
)

func (s *store) setGone(ctx context.Context, userID string, gone bool) error {
	if _, err := s.db.Exec(ctx, `UPDATE voting_owners SET gone = ? WHERE user_id = ?`, gone, userID); err != nil {
		return fmt.Errorf("note whether %s is gone: %w", userID, err)
	}
	return nil
}

// moveVote moves one vote of a person as setGone has said last, and reports whether there may be more. It locks the row
// of the person first: nobody moves votes the other way meanwhile.
func (s *store) moveVote(ctx context.Context, userID string) (more bool, err error) {
	if _, err := s.lockOwner(ctx, userID); err != nil {
		return false, err
	}
	var owner struct{ Gone bool }
	if err := s.db.Query(ctx, &owner, `SELECT gone FROM voting_owners WHERE user_id = ?`, userID); err != nil {
		return false, err
	}
	if !owner.Gone {
		return s.giveAgain(ctx, userID)
	}
	var vote struct{ VideoID, ContestantID string }
	err = s.db.Query(ctx, &vote, `
		SELECT video_id, contestant_id FROM voting_votes WHERE user_id = ? ORDER BY video_id LIMIT 1`, userID)
	if err != nil {
		return false, err
	}
	if vote.VideoID != "" {
		removed, err := s.removeVote(ctx, vote.VideoID, vote.ContestantID, userID)
		if err != nil || !removed { // it was hidden meanwhile, or taken back
			return true, err
		}
		return true, s.noteDeparted(ctx, userID, vote.VideoID)
	}
	return s.takeHidden(ctx, userID)
}

// takeHidden takes one vote for a hidden entry back.
func (s *store) takeHidden(ctx context.Context, userID string) (more bool, err error) {
	var vote struct{ VideoID, ContestantID string }
	err = s.db.Query(ctx, &vote, `
		SELECT video_id, contestant_id FROM voting_hidden_votes WHERE user_id = ? ORDER BY video_id LIMIT 1`, userID)
	if err != nil || vote.VideoID == "" {
		return false, err
	}
	if _, err := s.lockOwner(ctx, vote.ContestantID); err != nil { // so that it is not shown meanwhile
		return false, err
	}
	var votes []struct{ CreatedAt int64 }
	err = s.db.Query(ctx, &votes, `
		DELETE FROM voting_hidden_votes WHERE video_id = ? AND user_id = ? RETURNING created_at`, vote.VideoID, userID)
	if err != nil || len(votes) == 0 {
		return true, err
	}
	err = s.execAll(ctx, []statement{
		{`UPDATE voting_hidden_entries SET votes = votes - 1 WHERE video_id = ?`, []any{vote.VideoID}},
		{`INSERT INTO voting_withdrawn_votes (video_id, user_id, cast_at) VALUES (?, ?, ?)
			ON CONFLICT (video_id, user_id) DO NOTHING`, []any{vote.VideoID, userID, votes[0].CreatedAt}},
	})
	if err != nil {
		return false, err
	}
	return true, s.noteDeparted(ctx, userID, vote.VideoID)
}

func (s *store) noteDeparted(ctx context.Context, userID, videoID string) error {
	_, err := s.db.Exec(ctx, `
		INSERT INTO voting_departed_votes (user_id, video_id) VALUES (?, ?)
		ON CONFLICT (user_id, video_id) DO NOTHING`, userID, videoID)
	return err
}

// giveAgain gives one vote again that was taken back because its voter was gone, with its first time. It is forgotten
// if the entry is gone.
func (s *store) giveAgain(ctx context.Context, userID string) (more bool, err error) {
	var vote struct{ VideoID string }
	err = s.db.Query(ctx, &vote, `
		SELECT video_id FROM voting_departed_votes WHERE user_id = ? ORDER BY video_id LIMIT 1`, userID)
	if err != nil || vote.VideoID == "" {
		return false, err
	}
	owner, err := s.ownerOf(ctx, vote.VideoID)
	if err == nil {
		_, err = s.lockOwner(ctx, owner) // so that it is neither hidden nor shown meanwhile
	}
	if err == nil {
		_, err = s.contestant(ctx, vote.VideoID)
		if errors.Is(err, errNoEntry) {
			err = s.giveHidden(ctx, userID, vote.VideoID)
		} else if err == nil {
			_, err = s.addVotes(ctx, []newVote{{vote.VideoID, userID, owner}})
		}
	}
	if errors.Is(err, errNoEntry) {
		err = nil
	}
	if err != nil {
		return false, err
	}
	_, err = s.db.Exec(ctx, `DELETE FROM voting_departed_votes WHERE user_id = ? AND video_id = ?`,
		userID, vote.VideoID)
	return true, err
}

// giveHidden does nothing if there is no such hidden entry.
func (s *store) giveHidden(ctx context.Context, userID, videoID string) error {
	added, err := s.db.Exec(ctx, `
		INSERT INTO voting_hidden_votes (video_id, user_id, contestant_id, created_at)
		SELECT h.video_id, w.user_id, h.user_id, w.cast_at FROM voting_hidden_entries h
		JOIN voting_withdrawn_votes w ON w.video_id = h.video_id WHERE h.video_id = ? AND w.user_id = ?
		ON CONFLICT (video_id, user_id) DO NOTHING`, videoID, userID)
	if err != nil || added == 0 {
		return err
	}
	_, err = s.db.Exec(ctx, `UPDATE voting_hidden_entries SET votes = votes + 1 WHERE video_id = ?`, videoID)
	return err
}

// eraseEntry erases one hidden entry of a person, and reports whether there may be more.
func (s *store) eraseEntry(ctx context.Context, userID string) (more bool, err error) {
	if _, err := s.lockOwner(ctx, userID); err != nil {
		return false, err
	}
	var entry struct{ VideoID string }
	err = s.db.Query(ctx, &entry, `
		SELECT video_id FROM voting_hidden_entries WHERE user_id = ? ORDER BY video_id LIMIT 1`, userID)
	if err != nil || entry.VideoID == "" {
		return false, err
	}
	return true, s.execAll(ctx, []statement{
		{`DELETE FROM voting_hidden_votes WHERE video_id = ?`, []any{entry.VideoID}},
		{`DELETE FROM voting_withdrawn_votes WHERE video_id = ?`, []any{entry.VideoID}},
		{`DELETE FROM voting_hidden_entries WHERE video_id = ?`, []any{entry.VideoID}},
	})
}

// eraseVoter erases what is known of votes that a person has cast and taken back.
func (s *store) eraseVoter(ctx context.Context, userID string) error {
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		return s.execAll(ctx, []statement{
			{`DELETE FROM voting_departed_votes WHERE user_id = ?`, []any{userID}},
			{`DELETE FROM voting_withdrawn_votes WHERE user_id = ?`, []any{userID}},
		})
	})
	if err != nil {
		return fmt.Errorf("erase the votes of %s: %w", userID, err)
	}
	return nil
}

func (s *store) votesBy(ctx context.Context, userID string) ([]CastVote, error) {
	var rows []struct {
		VideoID, State string
		CastAt         int64
	}
	err := s.db.Query(ctx, &rows, `
		SELECT video_id, 'counted' AS state, created_at AS cast_at FROM voting_votes WHERE user_id = ?
		UNION ALL
		SELECT video_id, 'hidden', created_at FROM voting_hidden_votes WHERE user_id = ?
		UNION ALL
		SELECT w.video_id, 'withdrawn', w.cast_at FROM voting_withdrawn_votes w WHERE w.user_id = ?
			AND NOT EXISTS (SELECT 1 FROM voting_votes v WHERE v.video_id = w.video_id AND v.user_id = w.user_id)
			AND NOT EXISTS (SELECT 1 FROM voting_hidden_votes h WHERE h.video_id = w.video_id AND h.user_id = w.user_id)
		ORDER BY cast_at, video_id`, userID, userID, userID)
	if err != nil {
		return nil, fmt.Errorf("read all votes of %s: %w", userID, err)
	}
	votes := make([]CastVote, len(rows))
	for i, row := range rows {
		votes[i] = CastVote{VideoID: row.VideoID, At: database.FromMicros(row.CastAt), State: row.State}
	}
	return votes, nil
}
