package media

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"risingstars/assets"
	"risingstars/infra/cliptest"
	"risingstars/platform/database"
	"risingstars/platform/queue"
)

func TestATaskDeliveredTwiceHasOneEffect(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.o.Rules.NoSmall = false
	v := s.upload(t, clip(t, "1"))
	errs := make(chan error, 2)
	for range cap(errs) {
		go func() { errs <- s.deliver(t.Context(), v) }()
	}
	var done, refused int
	for range cap(errs) {
		err := <-errs
		switch {
		case err == nil:
			done++
		case strings.HasPrefix(err.Error(), "again in "):
			refused++
		case strings.Contains(err.Error(), "the video is processed"): // the second delivery came late
			refused++
		default:
			t.Fatal(err)
		}
	}
	if done != 1 || refused != 1 {
		t.Fatalf("%d done, %d refused", done, refused)
	}
	row := s.read(t, v.ID)
	if entries := s.board.entries(); len(entries) != 1 || row.Status != string(Processed) || row.Attempt != 1 ||
		entries[0].ProcessedKey != row.ProcessedKey || entries[0].Title != "Mi canción" || entries[0].City != "Bogotá" {
		t.Fatalf("%+v, published %+v", row, entries)
	}
	s.wantFiles(t, append(row.output().keys(), row.OriginalKey)...)
	s.wantOrphans(t, 0)

	// A third delivery, afterwards, has nothing to do.
	if err := s.deliver(t.Context(), v); err == nil || !strings.Contains(err.Error(), "the video is processed") {
		t.Fatal(err)
	}
	if len(s.board.entries()) != 1 {
		t.Fatal("published twice")
	}
}

func TestAnOriginalIsDeletedAfterPublicationIfConfigured(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.o.DeleteOriginal = true
	good, bad := s.upload(t, clip(t, "1")), s.upload(t, notReallyAVideo())
	for _, v := range []Video{good, bad} {
		if err := s.deliver(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	row := s.read(t, good.ID)
	s.wantFiles(t, append(row.output().keys(), bad.OriginalKey)...)
	s.wantOrphans(t, 0)
	for id, wanted := range map[string]bool{good.ID: false, bad.ID: true} {
		v, err := s.Owned(t.Context(), "ana", id)
		if err != nil {
			t.Fatal(err)
		}
		bodies, err := api{s.Module}.bodies(t.Context(), []Video{v})
		if err != nil || (bodies[0].OriginalURL != nil) != wanted || (bodies[0].ProcessedURL != nil) == wanted {
			t.Errorf("%s: %+v (%v), want a link to the original: %t", v.Status, bodies, err, wanted)
		}
	}
}

func TestATaskOfAClaimedVideoIsPostponed(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.claimed(t, s.upload(t, notReallyAVideo()))
	s.set(t, v.ID, "lease_until = ?", database.Micros(time.Now().Add(leaseTime-time.Second)))
	before := s.read(t, v.ID)
	if err := s.deliver(t.Context(), v); err == nil || !strings.HasPrefix(err.Error(), "again in ") {
		t.Errorf("the delivery returns %v", err)
	}
	if row := s.read(t, v.ID); row != before {
		t.Errorf("the delivery changed %+v to %+v", before, row)
	}
}

// slow gives the studio an ffmpeg that takes minutes for a clip, so that it cannot finish before the test is ready.
func (s *studio) slow(t *testing.T) {
	t.Helper()
	p, err := NewProcessor(ProcessorOptions{
		FFmpeg: "../../infra/e2e/testdata/slow/ffmpeg", Branding: assets.Branding(),
		CacheDir: cliptest.Bumpers(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.processor = p
}

// The job ends while ffmpeg is running.
func TestAJobEndsWhenItsClaimIsLost(t *testing.T) {
	t.Parallel()
	content := clip(t, "40")
	for name, lose := range map[string]func(t *testing.T, s *studio, v Video){
		"deleted": func(t *testing.T, s *studio, v Video) {
			if err := s.Delete(t.Context(), "ana", v.ID); err != nil {
				t.Error(err)
			}
		},
		"claimed by another": func(t *testing.T, s *studio, v Video) { s.set(t, v.ID, "attempt = attempt + 1") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.slow(t)
			v := s.upload(t, content)
			ended := make(chan error, 1)
			go func() { ended <- s.deliver(t.Context(), v) }()
			s.eventually(t, "ffmpeg is running", func() bool { return s.read(t, v.ID).Step == stepProcessing })
			lose(t, s, v)
			select {
			case err := <-ended:
				if !errors.Is(err, errClaimLost) {
					t.Fatalf("the job returns %v", err)
				}
			case <-time.After(2 * time.Minute): // usually 1 s; undisturbed, the job would take five minutes
				t.Fatal("the job is still running")
			}
			if len(s.board.entries()) != 0 {
				t.Fatal("published")
			}
			if name == "deleted" {
				s.wantFiles(t)
			} else {
				s.wantFiles(t, v.OriginalKey)
			}
			s.wantOrphans(t, 0)
		})
	}
}

func TestAStoppedJobIsClaimedAgainAtOnce(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.slow(t)
	v := s.upload(t, clip(t, "40"))
	ctx, stop := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.deliver(ctx, v) }()
	s.eventually(t, "ffmpeg is running", func() bool { return s.read(t, v.ID).Step == stepProcessing })
	stop(queue.ErrStopping)
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	if row := s.read(t, v.ID); row.Status != string(Uploaded) || row.LeaseUntil != 0 || row.Step != stepQueued {
		t.Fatalf("%+v", row)
	}
	if again := s.claimed(t, v); again.Attempt != 2 {
		t.Fatalf("attempt %d", again.Attempt)
	}
	s.wantFiles(t, v.OriginalKey)
}

func TestFailureTextsAreOneSentence(t *testing.T) {
	t.Parallel()
	for code, text := range failureTexts {
		for _, sentence := range []string{text.ES, text.EN} {
			if strings.Contains(sentence, ". ") || !strings.HasSuffix(sentence, ".") {
				t.Errorf("%s: %q", code, sentence)
			}
		}
	}
}

func TestARejectedClipIsNotRetried(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.upload(t, notReallyAVideo())
	if err := s.deliver(t.Context(), v); err != nil {
		t.Fatalf("the queue would retry: %v", err)
	}
	row := s.read(t, v.ID)
	if row.Status != string(Failed) || row.FailureCode == "" || row.FailureCode == codeProcessingError {
		t.Fatalf("%+v", row)
	}
	if _, ok := failureTexts[row.FailureCode]; !ok {
		t.Fatalf("%s has no text", row.FailureCode)
	}
	s.wantFiles(t, v.OriginalKey)
	if err := s.deliver(t.Context(), v); err == nil || !strings.Contains(err.Error(), "the video is failed") {
		t.Fatalf("delivered again: %v", err)
	}
}

func TestAnErrorOfOursIsRetriedAndThenFails(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.upload(t, clip(t, "1"))
	path := filepath.Join(s.root, filepath.FromSlash(v.OriginalKey))
	if err := os.Rename(path, path+".away"); err != nil {
		t.Fatal(err)
	}
	delivery := queue.Delivery{Task: queue.Task{Kind: processKind, ID: v.ID}, Attempt: 3, MaxAttempts: 3}
	for attempt := 1; attempt <= 3; attempt++ {
		if err := s.deliver(t.Context(), v); err == nil || errors.Is(err, errClaimLost) {
			t.Fatalf("attempt %d returns %v", attempt, err)
		}
		if row := s.read(t, v.ID); row.Status != string(Processing) || row.Attempt != attempt || row.LeaseUntil != 0 {
			t.Fatalf("after attempt %d: %+v", attempt, row)
		}
	}
	if err := s.fail(t.Context(), delivery, "no such file"); err != nil {
		t.Fatal(err)
	}
	if row := s.read(t, v.ID); row.Status != string(Failed) || row.FailureCode != codeProcessingError {
		t.Fatalf("%+v", row)
	}

	if err := os.Rename(path+".away", path); err != nil {
		t.Fatal(err)
	}
	// SQS may still have a duplicate of the task. It does not revive a failed video.
	failed := s.read(t, v.ID)
	if err := s.deliver(t.Context(), v); err == nil || err.Error() != "the video is failed" {
		t.Fatalf("delivered again: %v", err)
	}
	if row := s.read(t, v.ID); row != failed {
		t.Fatalf("the duplicate changed %+v to %+v", failed, row)
	}

	// A redriven task runs once more, and now the original is back.
	delivery.Attempt, delivery.Redriven = 1, true
	if err := s.process(t.Context(), delivery); err != nil {
		t.Fatal(err)
	}
	if row := s.read(t, v.ID); row.Status != string(Processed) || row.FailureCode != "" || len(s.board.entries()) != 1 {
		t.Fatalf("%+v", row)
	}
}

func TestTheTaskOfADeletedVideoIsDiscarded(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.upload(t, notReallyAVideo())
	s.board.votes = true
	if err := s.Delete(t.Context(), "ana", v.ID); !errors.Is(err, errHasVotes) {
		t.Fatal(err)
	}
	s.wantFiles(t, v.OriginalKey)
	s.board.votes = false
	if err := s.Delete(t.Context(), "eva", v.ID); !errors.Is(err, errNotOwner) {
		t.Fatal(err)
	}
	if err := s.Delete(t.Context(), "ana", v.ID); err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t)
	if err := s.deliver(t.Context(), v); err == nil || !strings.Contains(err.Error(), "deleted") {
		t.Fatal(err)
	}
}
