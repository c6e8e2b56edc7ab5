package media

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/database"
	"risingstars/platform/fault"
	"risingstars/platform/queue"
)

// offer uploads content as the owner's video, as a request does.
func (s *studio) offer(t *testing.T, owner string, content []byte) (Video, error) {
	t.Helper()
	if err := s.checkQuota(t.Context(), owner, int64(len(content))); err != nil {
		return Video{}, err
	}
	o, err := s.receive(t.Context(), newReader(content), largest)
	if err != nil {
		t.Fatal(err)
	}
	return s.accept(t.Context(), owner, o, details{Title: "Song"})
}

// beginDirect begins an upload of size bytes straight to storage.
func (s *studio) beginDirect(t *testing.T, owner string, size int64) (directUpload, error) {
	t.Helper()
	return s.direct.begin(t.Context(), owner, "", details{Title: "Song"}, ffmpeg.Containers()[0], size)
}

// mustOffer is offer for what no quota forbids.
func (s *studio) mustOffer(t *testing.T, owner string) Video {
	t.Helper()
	v, err := s.offer(t, owner, notReallyAVideo())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// breakDown lets the processing of a video fail for a reason on our side.
func (s *studio) breakDown(t *testing.T, id string) {
	t.Helper()
	s.set(t, id, "status = 'failed', failure_code = ?, lease_until = 0", codeProcessingError)
}

func TestUnpublishedVideosHaveAQuota(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		s.o.Quotas.Unpublished = 3
		waiting, failing := s.mustOffer(t, "ana"), s.mustOffer(t, "ana")
		unfinished, err := s.beginDirect(t, "ana", 10)
		if err != nil {
			t.Fatal(err)
		}
		full := func(when string) {
			t.Helper()
			if _, err := s.offer(t, "ana", notReallyAVideo()); !errors.Is(err, errTooManyUnpublished) {
				t.Errorf("%s: an upload ends with %v, want errTooManyUnpublished", when, err)
			}
			if _, err := s.beginDirect(t, "ana", 10); !errors.Is(err, errTooManyUnpublished) {
				t.Errorf("%s: a direct upload begins with %v, want errTooManyUnpublished", when, err)
			}
		}
		full("with two that wait and one that is unfinished")
		s.mustOffer(t, "beto") // has quotas of his own

		s.breakDown(t, failing.ID)
		s.mustOffer(t, "ana") // a failed one does not count
		full("with three on their way and one that failed")
		if _, err := s.Retry(t.Context(), "ana", failing.ID); !errors.Is(err, errTooManyUnpublished) {
			t.Errorf("a retry beyond the quota: %v, want errTooManyUnpublished", err)
		}
		if row := s.read(t, failing.ID); row.Status != string(Failed) || row.Retries != 0 {
			t.Errorf("after the refusal the video is %+v, want it as before", row)
		}
		if err := s.direct.cancel(t.Context(), unfinished); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Retry(t.Context(), "ana", failing.ID); err != nil {
			t.Errorf("a retry within the quota: %v", err)
		}
		full("with a retried one in the place of a cancelled one")
		if err := s.Delete(t.Context(), "ana", waiting.ID); err != nil {
			t.Fatal(err)
		}
		s.mustOffer(t, "ana")
	})
}

func TestUploadsOfADayHaveAQuotaThatDeletingDoesNotGiveBack(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		s.o.Quotas.PerDay = 3
		for range 2 {
			if err := s.Delete(t.Context(), "ana", s.mustOffer(t, "ana").ID); err != nil {
				t.Fatal(err)
			}
		}
		u, err := s.beginDirect(t, "ana", 10)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.direct.cancel(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		_, err = s.offer(t, "ana", notReallyAVideo())
		f := fault.From(err)
		if !errors.Is(err, errDailyLimit) || f.RetryAfter < 23*3600 || f.RetryAfter > 24*3600 {
			t.Errorf("the fourth upload: %v, retry after %d s, want errDailyLimit and about a day", err, f.RetryAfter)
		}
		s.mustOffer(t, "beto")

		yesterday := database.Micros(s.now(t).Add(-quotaDay))
		if _, err := s.db.Exec(t.Context(), `UPDATE media_owners SET day_began = ?`, yesterday); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			s.mustOffer(t, "ana")
		}
		if _, err := s.beginDirect(t, "ana", 10); !errors.Is(err, errDailyLimit) {
			t.Errorf("the fourth upload of the next day: %v, want errDailyLimit", err)
		}
	})
}

func TestKeptAndAnnouncedBytesHaveAQuota(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		size := int64(len(notReallyAVideo()))
		s.o.Quotas.Bytes = 3 * size
		kept := s.mustOffer(t, "ana")
		s.breakDown(t, kept.ID)
		if _, err := s.beginDirect(t, "ana", 2*size+1); !errors.Is(err, errStorageQuota) {
			t.Errorf("one byte too many is announced: %v, want errStorageQuota", err)
		}
		if _, err := s.beginDirect(t, "ana", 2*size); err != nil {
			t.Errorf("the last byte: %v", err)
		}
		if _, err := s.offer(t, "ana", notReallyAVideo()); !errors.Is(err, errStorageQuota) {
			t.Errorf("beyond the quota: %v, want errStorageQuota", err)
		}
		if err := s.Delete(t.Context(), "ana", kept.ID); err != nil {
			t.Fatal(err)
		}
		s.mustOffer(t, "ana")
	})
}

// The client did not announce the size, so the quota is only known to be exceeded when the file has arrived.
func TestAnUploadThatExceedsAQuotaInTheEndLeavesNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.o.Quotas.Bytes = int64(len(notReallyAVideo())) - 1
	o, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.accept(t.Context(), "ana", o, details{Title: "Song"}); !errors.Is(err, errStorageQuota) {
		t.Errorf("accept: %v, want errStorageQuota", err)
	}
	s.wantFiles(t)
	s.wantOrphans(t, 0)
	if used, err := s.store.usage(t.Context(), "ana"); err != nil || used.perDay != 0 {
		t.Errorf("the refused upload counts: %+v, %v", used, err)
	}
}

// Two processes insert at once; each alone would stay within the quotas.
func TestQuotasHoldForUploadsThatArriveAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		quotas Quotas
		want   int64
	}{
		"unpublished": {Quotas{Unpublished: 5}, 5},
		"per day":     {Quotas{PerDay: 4}, 4},
		"bytes":       {Quotas{Bytes: 3*int64(len(notReallyAVideo())) + 1}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *studio) {
				var (
					accepted atomic.Int64
					arriving sync.WaitGroup
				)
				for _, process := range []*studio{s, setupOn(t, s.db)} {
					process.o.Quotas = c.quotas
					for range 10 {
						arriving.Go(func() {
							o, err := process.receive(t.Context(), newReader(notReallyAVideo()), largest)
							if err != nil {
								t.Error(err)
								return
							}
							_, err = process.accept(t.Context(), "ana", o, details{Title: "Song"})
							switch kind := fault.From(err).Kind; {
							case err == nil:
								accepted.Add(1)
							case kind != fault.Conflict && kind != fault.TooManyRequests:
								t.Error(err)
							}
						})
					}
				}
				arriving.Wait()
				if got := accepted.Load(); got != c.want {
					t.Errorf("%d of 20 uploads are accepted, want %d", got, c.want)
				}
			})
		})
	}
}

func TestOwnersRetryOnlyFailuresOnOurSideAndThreeTimes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.mustOffer(t, "ana")
		retry := func() error { _, err := s.Retry(t.Context(), "ana", v.ID); return err }
		if err := retry(); !errors.Is(err, errNotFailed) {
			t.Errorf("retrying what waits: %v, want errNotFailed", err)
		}
		for range maxRetries {
			s.breakDown(t, v.ID)
			if err := retry(); err != nil {
				t.Fatal(err)
			}
		}
		s.breakDown(t, v.ID)
		if err := retry(); !errors.Is(err, errRetriesUsedUp) {
			t.Errorf("the fourth retry: %v, want errRetriesUsedUp", err)
		}
		if moved, err := s.store.retry(t.Context(), v.ID); moved || err != nil {
			t.Errorf("two that retry at once: %t, %v, want only one of them", moved, err)
		}

		// An operator's redrive needs no retry and counts as none.
		redrive := queue.Delivery{
			Task: queue.Task{Kind: processKind, ID: v.ID}, Attempt: 1, MaxAttempts: 3, Redriven: true,
		}
		if err := s.process(t.Context(), redrive); err != nil {
			t.Fatal(err)
		}
		row := s.read(t, v.ID)
		if row.Status != string(Failed) || row.FailureCode == codeProcessingError || row.Retries != maxRetries {
			t.Fatalf("after the redrive the video is %+v, want it rejected", row)
		}
		if err := retry(); !errors.Is(err, errNotRetryable) {
			t.Errorf("retrying a rejected clip: %v, want errNotRetryable", err)
		}
	})
}
