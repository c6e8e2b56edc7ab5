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

// A job of a video that is deleted may be writing its outputs at that moment. They are deleted once it has ended.
func TestADeletionDuringAPublicationLeavesNoFiles(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(t *testing.T, s *studio) *job{
		"the first": func(t *testing.T, s *studio) *job {
			return s.jobOf(s.claimed(t, s.upload(t, notReallyAVideo())))
		},
		"a rebranding": func(t *testing.T, s *studio) *job {
			id := s.shown(t, "old").ID
			s.startRebrand(t, "new", 1)
			v, c, ok, err := s.store.claimRebrand(t.Context(), id, "new")
			if err != nil || !ok {
				t.Fatal(ok, err)
			}
			return s.newJob(v, c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *studio) {
				j := begin(t, s)
				s.guard(once("put", func(string) {
					if err := s.Delete(t.Context(), "ana", j.video.ID); err != nil {
						t.Error(err)
					}
				}))
				if err := j.publish(t.Context(), rendered(t)); !errors.Is(err, errClaimLost) {
					t.Fatalf("publish returns %v", err)
				}
				s.pass(t, 2*leaseTime+time.Second)
				s.sweep(t)
				s.wantFiles(t)
				s.wantOrphans(t, 0)
			})
		})
	}
}
