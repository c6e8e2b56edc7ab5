package voting

import (
	"context"
	"fmt"
	"time"
)

// rollAfter brings a roll up to date: it reads what was published since. If the number of changes or of entries says
// that others have come, gone or moved, it reads all of them, 2 MB at 100,000 entries.
func (s *store) rollAfter(ctx context.Context, known *roll) (*roll, error) {
	if known == nil {
		return s.wholeRoll(ctx)
	}
	now, err := s.rollState(ctx)
	if err != nil {
		return nil, err
	}
	if now.Changes != known.changes && time.Now().After(known.reload) {
		return s.wholeRoll(ctx)
	}
	var rows []rollRow
	err = s.db.Query(ctx, &rows, `
		SELECT video_id, published_at, city_folded, country_folded FROM voting_entries
		WHERE (published_at, video_id) > (?, ?) ORDER BY published_at, video_id LIMIT ?`,
		known.last.At, known.last.ID, rollBatch)
	if err != nil {
		return nil, err
	}
	grown, err := known.with(rows)
	if err != nil {
		return nil, err
	}
	if now, err = s.rollState(ctx); err != nil {
		return nil, err
	}
	if len(grown.ids) != now.Entries && time.Now().After(known.reload) {
		return s.wholeRoll(ctx)
	}
	return grown, nil
}

// rollState is what tells whether a roll lacks something.
type rollState struct{ Entries, Changes int }

func (s *store) rollState(ctx context.Context) (state rollState, err error) {
	err = s.db.Query(ctx, &state, `
		SELECT entries, changes FROM voting_places WHERE city_folded = '*' AND country_folded = '*'`)
	return state, err
}

// noteChange has all processes read their rolls anew once the transaction in ctx ends. Call it after entries were
// changed, when their triggers have locked the row.
func (s *store) noteChange(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `
		UPDATE voting_places SET changes = changes + 1 WHERE city_folded = '*' AND country_folded = '*'`)
	if err != nil {
		return fmt.Errorf("note that entries have changed: %w", err)
	}
	return nil
}

func (s *store) wholeRoll(ctx context.Context) (*roll, error) {
	began := time.Now()
	before, err := s.rollState(ctx) // what changes from here on is read again
	if err != nil {
		return nil, err
	}
	var rows []rollRow
	err = s.db.Query(ctx, &rows, `
		SELECT video_id, published_at, city_folded, country_folded FROM voting_entries
		ORDER BY published_at, video_id`)
	if err != nil {
		return nil, err
	}
	whole, err := new(roll).with(rows)
	if err != nil {
		return nil, err
	}
	whole.changes = before.Changes
	whole.reload = time.Now().Add(reloadShare * time.Since(began))
	return whole, nil
}

// entriesByID returns entries in the order of the ids. Those that are gone are missing.
func (s *store) entriesByID(ctx context.Context, ids []string) ([]Entry, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	var rows []entryRow
	if err := s.db.Gorm(ctx).Where("video_id IN ?", ids).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read %d entries: %w", len(ids), err)
	}
	tallies, err := s.tallies(ctx, ids)
	if err != nil {
		return nil, err
	}
	found := make(map[string]entryRow, len(rows))
	for _, row := range rows {
		found[row.VideoID] = row
	}
	entries := make([]Entry, 0, len(rows))
	for _, id := range ids {
		if row, ok := found[id]; ok {
			entries = append(entries, row.entry(tallies[id]))
		}
	}
	return entries, nil
}
