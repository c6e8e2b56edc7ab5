package media

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/queue"
)

const keepFailed = 7 * 24 * time.Hour

// failed uploads a clip that is rejected, with keepFailed.
func (s *studio) failed(t *testing.T) Video {
	t.Helper()
	s.o.KeepFailed = keepFailed
	v := s.upload(t, notReallyAVideo())
	if err := s.deliver(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	s.set(t, v.ID, "failure_code = ?", codeProcessingError) // so that its owner may retry
	if v = s.read(t, v.ID).video(); v.Status != Failed || time.Since(v.FailedAt) > time.Minute {
		t.Fatalf("%+v", v)
	}
	return v
}

func TestTheOriginalOfAFailedVideoIsDeletedInTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.failed(t)
		bodies, err := api{s.Module}.bodies(t.Context(), []Video{v})
		if err != nil || !bodies[0].Failure.RetryUntil.Equal(v.FailedAt.Add(keepFailed)) {
			t.Fatalf("%+v (%v)", bodies, err)
		}
		s.pass(t, keepFailed-time.Minute)
		s.sweep(t)
		s.wantFiles(t, v.OriginalKey)
		s.pass(t, time.Minute)
		s.sweep(t)
		s.wantFiles(t)
		s.wantOrphans(t, 0)
		if _, err := s.Retry(t.Context(), "ana", v.ID); !errors.Is(err, errOriginalExpired) {
			t.Errorf("a retry afterwards: %v", err)
		}
		row := s.read(t, v.ID)
		if row.Status != string(Failed) || row.FailureCode != v.FailureCode || row.OriginalKey != "" {
			t.Errorf("%+v", row)
		}
		bodies, err = api{s.Module}.bodies(t.Context(), []Video{row.video()})
		if err != nil || bodies[0].OriginalURL != nil || bodies[0].Failure == nil {
			t.Errorf("%+v (%v)", bodies, err)
		}
		if err := s.Delete(t.Context(), "ana", v.ID); err != nil {
			t.Errorf("delete: %v", err)
		}
		s.wantOrphans(t, 0)
	})
}

func TestARetriedVideoKeepsItsOriginal(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.failed(t)
	if _, err := s.Retry(t.Context(), "ana", v.ID); err != nil {
		t.Fatal(err)
	}
	s.pass(t, 2*keepFailed)
	s.sweep(t)
	s.wantFiles(t, v.OriginalKey)
	if row := s.read(t, v.ID); row.FailedAt != 0 {
		t.Errorf("%+v", row)
	}
	// The next failure counts anew, also for a sweeper that still has the first one.
	if err := s.deliver(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if files, err := s.store.dropOriginal(t.Context(), v); err != nil || len(files) > 0 {
		t.Errorf("dropped: %v (%v)", files, err)
	}
	s.wantFiles(t, v.OriginalKey)
}

func TestFailedVideosAreKeptForEverIfConfigured(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.failed(t)
	s.o.KeepFailed = 0
	s.pass(t, 100*keepFailed)
	s.sweep(t)
	s.wantFiles(t, v.OriginalKey)
	bodies, err := api{s.Module}.bodies(t.Context(), []Video{v})
	if err != nil || bodies[0].Failure.RetryUntil != nil {
		t.Errorf("%+v (%v)", bodies, err)
	}
}

// A video that failed before its time was recorded is kept as long as one that fails now.
func TestAFailureWithoutATimeBeginsNow(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.failed(t)
		s.set(t, v.ID, "failed_at = 0")
		s.sweep(t)
		s.wantFiles(t, v.OriginalKey)
		if row := s.read(t, v.ID); row.FailedAt < database.Micros(v.FailedAt) {
			t.Errorf("%+v", row)
		}
		s.pass(t, keepFailed)
		s.sweep(t)
		s.wantFiles(t)
	})
}

// A file that cannot be deleted at once, or whose process dies before it is, is still listed as an orphan.
func TestAnExpiredOriginalThatStaysIsAnOrphan(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.failed(t)
	files, err := s.store.dropOriginal(t.Context(), v)
	if err != nil || len(files) != 1 { // and then the process dies
		t.Fatalf("dropped: %v (%v)", files, err)
	}
	s.wantFiles(t, v.OriginalKey)
	s.wantOrphans(t, 1)
	s.sweep(t)
	s.wantFiles(t, v.OriginalKey) // for a moment, whoever condemned it may still be at it
	s.pass(t, firstPause)
	s.sweep(t)
	s.wantFiles(t)
	s.wantOrphans(t, 0)
}

func TestARedrivenTaskWithoutItsOriginalIsDiscarded(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.upload(t, clip(t, "1"))
	if err := os.Remove(filepath.Join(s.root, filepath.FromSlash(v.OriginalKey))); err != nil {
		t.Fatal(err)
	}
	task := queue.Task{Kind: processKind, ID: v.ID}
	delivery := queue.Delivery{Task: task, Attempt: 1, MaxAttempts: 3, Redriven: true}
	s.set(t, v.ID, "status = 'failed', failure_code = 'processing_error', original_key = ''")
	if err := s.process(t.Context(), delivery); err == nil || err.Error() != "the video is failed" {
		t.Fatalf("the delivery returns %v", err)
	}
}
