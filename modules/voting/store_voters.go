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
	var rows []entryRow
	if err := s.db.Gorm(ctx).Where("video_id IN ?", names).Find(&rows).Error; err != nil {
		return fail(err)
	}
	tallies, err := s.tallies(ctx, names)
	if err != nil {
		return fail(err)
	}
	found := make(map[string]entryRow, len(rows))
	for _, row := range rows {
		found[row.VideoID] = row
	}
	entries := make([]Entry, 0, len(rows))
	for _, name := range names {
		if row, ok := found[name]; ok {
			entries = append(entries, row.entry(tallies[name]))
		}
	}
	return entries, count[0].N, nil
}
