package identity

import (
	"context"
	"fmt"
	"time"
)

// endingRow is a session or an account with the time of the database's clock at which it ended.
type endingRow struct {
	ID      string
	EndedAt int64
}

// noteEndings notes that the sessions or accounts with the ids have ended, for keep.
func (s *store) noteEndings(ctx context.Context, ids []string, keep time.Duration) error {
	now := s.db.Clock()
	for _, id := range ids {
		_, err := s.db.Exec(ctx, `
			INSERT INTO identity_endings (id, ended_at, expires_at) VALUES (?, `+now+`, `+now+` + ?)
			ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, expires_at = excluded.expires_at`,
			id, keep.Microseconds())
		if err != nil {
			return fmt.Errorf("note what has ended: %w", err)
		}
	}
	return nil
}

// endingsSince returns at most most of what has ended since a time of the database's clock.
func (s *store) endingsSince(ctx context.Context, since int64, most int) (rows []endingRow, err error) {
	err = s.db.Query(ctx, &rows, `SELECT id, ended_at FROM identity_endings WHERE ended_at >= ? LIMIT ?`, since, most)
	if err != nil {
		return nil, fmt.Errorf("read what has ended: %w", err)
	}
	return rows, nil
}

// endingsOf returns which of the sessions or accounts with the ids have ended.
func (s *store) endingsOf(ctx context.Context, ids ...string) (rows []endingRow, err error) {
	err = s.db.Query(ctx, &rows, `SELECT id, ended_at FROM identity_endings WHERE id IN ?`, ids)
	if err != nil {
		return nil, fmt.Errorf("read whether a session has ended: %w", err)
	}
	return rows, nil
}
