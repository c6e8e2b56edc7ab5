package media

import (
	"context"
	"errors"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/storage"
)

// A deletion waits for a publication in progress, and then undoes all of it.
func TestDeleteWaitsForAPublication(t *testing.T) {
	t.Parallel()
	each(t, deleteWaitsForAPublication)
}

func deleteWaitsForAPublication(t *testing.T, s *studio) {
	v := s.insert(t, Processing)
	v.ProcessedKey, v.PosterKey, v.ProcessedAt = "processed/late.mp4", "processed/late.jpg", time.Now()
	for _, key := range []string{v.ProcessedKey, v.PosterKey} {
		if _, err := s.bucket.Put(t.Context(), key, newReader([]byte("content")), storage.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	deleted := make(chan error, 1)
	err := s.db.InTx(t.Context(), func(ctx context.Context) error {
		if published, err := s.store.publish(ctx, v); err != nil || !published {
			t.Errorf("published %v (%v)", published, err)
		}
		go func() { deleted <- s.Delete(t.Context(), v.OwnerID, v.ID) }()
		if s.db.Dialect() == database.PostgreSQL {
			s.eventually(t, "the deletion waits", func() bool {
				var waiting struct{ N int }
				err := s.db.Query(t.Context(), &waiting, `
					SELECT COUNT(*) AS n FROM pg_stat_activity
					WHERE datname = current_database() AND wait_event_type = 'Lock'`)
				return err == nil && waiting.N == 1
			})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-deleted; err != nil {
		t.Fatal(err)
	}
	if _, err := s.store.row(t.Context(), v.ID); !errors.Is(err, errNotFound) {
		t.Errorf("the row: %v", err)
	}
	s.wantFiles(t)
}
