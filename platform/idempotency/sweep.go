package idempotency

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

const (
	sweepEvery = 10 * time.Minute
	sweepBatch = 500 // rows that one statement deletes
)

// Watch deletes expired keys every ten minutes until ctx ends. All processes may do it.
func (s *Store) Watch(ctx context.Context, log *slog.Logger) {
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "expired idempotency keys were not deleted; the next round will do it", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepEvery):
		}
	}
}

// Sweep deletes the keys that have expired.
func (s *Store) Sweep(ctx context.Context) error {
	now := s.db.Clock()
	for {
		deleted, err := s.db.Exec(ctx, `DELETE FROM idempotency_keys WHERE id IN (
			SELECT id FROM idempotency_keys WHERE expires_at <= `+now+` AND lease_until <= `+now+`
			ORDER BY expires_at LIMIT ?)`, sweepBatch)
		if err != nil {
			return fmt.Errorf("delete expired idempotency keys: %w", err)
		}
		if deleted < sweepBatch {
			return nil
		}
	}
}
