package voting

import (
	"context"
	"fmt"
)

func (s *store) voted(ctx context.Context, voterID string, videoIDs []string) (map[string]bool, error) {
	var rows []struct{ VideoID string }
	err := s.db.Query(ctx, &rows,
		`SELECT video_id FROM voting_votes WHERE user_id = ? AND video_id IN ?`, voterID, videoIDs)
	if err != nil {
		return nil, fmt.Errorf("read a person's votes: %w", err)
	}
	voted := make(map[string]bool, len(rows))
	for _, row := range rows {
		voted[row.VideoID] = true
	}
	return voted, nil
}

func (s *store) votedFor(ctx context.Context, voterID string, offset, limit int) ([]Entry, int, error) {
	fail := func(err error) ([]Entry, int, error) { return nil, 0, fmt.Errorf("list a person's votes: %w", err) }
	var count []struct{ N int }
	err := s.db.Query(ctx, &count, `SELECT COUNT(*) AS n FROM voting_votes WHERE user_id = ?`, voterID)
	if err != nil {
		return fail(err)
	}
	var ids []struct{ VideoID string }
	err = s.db.Query(ctx, &ids, `
		SELECT video_id FROM voting_votes WHERE user_id = ?
		ORDER BY created_at DESC, video_id DESC LIMIT ? OFFSET ?`, voterID, limit, offset)
	if err != nil {
		return fail(err)
	}
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.VideoID
	}
	entries, err := s.entriesByID(ctx, names)
	if err != nil {
		return fail(err)
	}
	return entries, count[0].N, nil
}

// votedIDs returns the numbers of the latest entries that a person has voted for.
func (s *store) votedIDs(ctx context.Context, voterID string, most int) ([]Short, error) {
	var ids []struct{ VideoID string }
	err := s.db.Query(ctx, &ids, `
		SELECT video_id FROM voting_votes WHERE user_id = ? ORDER BY created_at DESC, video_id DESC LIMIT ?`,
		voterID, most)
	if err != nil {
		return nil, fmt.Errorf("list a person's votes: %w", err)
	}
	numbers := make([]Short, 0, len(ids))
	for _, id := range ids {
		if n, ok := ShortOf(id.VideoID); ok {
			numbers = append(numbers, n)
		}
	}
	return numbers, nil
}
