package media

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
)

// jumps are how far a clock may be set.
var jumps = []time.Duration{45 * time.Second, time.Hour, 24 * time.Hour, 10_000 * time.Hour}

// eachJump runs the test on every database, for every jump.
func eachJump(t *testing.T, test func(t *testing.T, s *studio, jump time.Duration)) {
	t.Helper()
	for _, jump := range jumps {
		t.Run(fmt.Sprint(jump), func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *studio) { test(t, s, jump) })
		})
	}
}

// The worker is gone, and the clock is set back before its lease has lapsed.
func TestALeaseThatIsLongerThanALeaseHasLapsed(t *testing.T) {
	t.Parallel()
	eachJump(t, func(t *testing.T, s *studio, jump time.Duration) {
		v := s.upload(t, notReallyAVideo())
		s.claimed(t, v)
		if _, claimed, err := s.store.claim(t.Context(), v.ID); err != nil || claimed {
			t.Fatalf("before: claimed %t (%v)", claimed, err)
		}
		s.pass(t, -jump)
		if _, left, err := s.store.leaseOf(t.Context(), v.ID); err != nil || left != 0 {
			t.Errorf("%s of the lease are left (%v)", left, err)
		}
		if again := s.claimed(t, v); again.Attempt != 2 {
			t.Errorf("%+v", again)
		}
	})
}

// The worker lives: once it has renewed its lease, nobody else can claim the video.
func TestALeaseIsRightAgainOnceItIsRenewed(t *testing.T) {
	t.Parallel()
	eachJump(t, func(t *testing.T, s *studio, jump time.Duration) {
		v := s.upload(t, notReallyAVideo())
		held := s.claimed(t, v)
		for _, d := range []time.Duration{jump, -2 * jump} {
			s.pass(t, d)
			if renewed, err := s.store.renew(t.Context(), held, stepProcessing, 1); err != nil || !renewed {
				t.Fatal(renewed, err)
			}
			if _, claimed, err := s.store.claim(t.Context(), v.ID); err != nil || claimed {
				t.Errorf("claimed %t (%v)", claimed, err)
			}
		}
	})
}

// A lost task waits no longer because it was sent while the clock was ahead.
func TestALostTaskIsSentAgainAlthoughTheClockWasAhead(t *testing.T) {
	t.Parallel()
	eachJump(t, func(t *testing.T, s *studio, jump time.Duration) {
		v := s.insert(t, Uploaded)
		s.exec(t, `UPDATE media_videos SET sent_at = `+s.store.clock())
		s.pass(t, -jump)
		s.sweep(t) // which corrects the time
		s.pass(t, s.o.ResendAfter+time.Second)
		s.sweep(t)
		if jump <= s.o.ResendAfter { // it is not worth a correction
			s.pass(t, jump)
			s.sweep(t)
		}
		if got := s.queued(t); got != 1 {
			t.Errorf("%d tasks, want 1: %+v", got, s.read(t, v.ID))
		}
	})
}

func TestOrphansAreDeletedInTimeAlthoughTheClockWasAhead(t *testing.T) {
	t.Parallel()
	eachJump(t, func(t *testing.T, s *studio, jump time.Duration) {
		o, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
		if err != nil {
			t.Fatal(err)
		}
		s.pass(t, -jump)
		s.sweep(t)
		s.wantFiles(t, o.key)
		s.pass(t, longestGrace+2*clockSlack)
		s.sweep(t)
		s.wantFiles(t)
		s.wantOrphans(t, 0)

		// What is being deleted is tried again soon.
		v := s.insert(t, Failed)
		if files, err := s.store.dropOriginal(t.Context(), s.read(t, v.ID).video()); err != nil || len(files) != 1 {
			t.Fatal(files, err)
		}
		s.pass(t, -jump)
		s.sweep(t)
		s.pass(t, longestPause+2*clockSlack)
		s.sweep(t)
		s.wantOrphans(t, 0)
	})
}

func TestADirectUploadLastsNoLongerAlthoughTheClockWasAhead(t *testing.T) {
	t.Parallel()
	eachJump(t, func(t *testing.T, s *studio, jump time.Duration) {
		done, stays := s.begin(t, len(mp4Head)), s.begin(t, len(mp4Head))
		s.pass(t, -jump)
		s.sweep(t)
		u, err := s.direct.owned(t.Context(), "ana", done.ID)
		if err != nil || u.left > directLifetime+clockSlack {
			t.Fatalf("%s are left (%v)", u.left, err)
		}
		s.put(t, done, mp4Head)
		if _, err := s.direct.complete(t.Context(), "ana", done.ID, nil); err != nil {
			t.Fatal(err)
		}
		s.pass(t, longestGrace+2*clockSlack)
		s.sweep(t)
		if _, err := s.direct.owned(t.Context(), "ana", stays.ID); !errors.Is(err, errNoUpload) {
			t.Errorf("after its time: %v, want errNoUpload", err)
		}
		s.wantDirect(t, 0)
		s.wantSound(t)
	})
}

func TestAFailureInTheFutureBeginsNow(t *testing.T) {
	t.Parallel()
	eachJump(t, func(t *testing.T, s *studio, jump time.Duration) {
		v := s.failed(t)
		s.pass(t, -jump)
		s.sweep(t)
		s.wantFiles(t, v.OriginalKey)
		s.pass(t, keepFailed+clockSlack)
		s.sweep(t)
		s.wantFiles(t)
	})
}

// Who was served, or has uploaded, while the clock was ahead does not wait until the clock is there again.
func TestTheQueueIsFairAlthoughTheClockWasAhead(t *testing.T) {
	t.Parallel()
	eachJump(t, func(t *testing.T, s *studio, jump time.Duration) {
		s.waits(t, "ana")
		s.publishes(t, s.next(t))
		mine := s.waits(t, "ana")
		s.pass(t, -jump-time.Minute)
		s.waits(t, "beto")
		if got := s.next(t); got.ID != mine.ID {
			t.Errorf("%s's video is next", got.OwnerID)
		}
	})
}

func TestADayThatBeginsInTheFutureIsOver(t *testing.T) {
	t.Parallel()
	eachJump(t, func(t *testing.T, s *studio, jump time.Duration) {
		s.o.Quotas.PerDay = 1
		s.mustOffer(t, "ana")
		if _, err := s.offer(t, "ana", notReallyAVideo()); !errors.Is(err, errDailyLimit) {
			t.Fatalf("the second upload: %v, want errDailyLimit", err)
		}
		s.pass(t, -jump)
		s.mustOffer(t, "ana")
		if _, err := s.offer(t, "ana", notReallyAVideo()); !errors.Is(err, errDailyLimit) {
			t.Errorf("another one: %v, want errDailyLimit", err)
		}
	})
}

// The clock jumps ahead, everything is swept, and it jumps back. No file that a row names is lost, what cannot become a
// video is refused, and every waiting video can be claimed once.
func TestAClockThatJumpsForthAndBackLosesNothing(t *testing.T) {
	t.Parallel()
	eachJump(t, func(t *testing.T, s *studio, jump time.Duration) {
		waiting, held := s.upload(t, notReallyAVideo()), s.upload(t, notReallyAVideo())
		old := s.claimed(t, held)
		arriving, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
		if err != nil {
			t.Fatal(err)
		}
		u := s.assembled(t)
		mp4 := ffmpeg.Containers()[0]
		if _, err := s.direct.begin(t.Context(), "beto", "", details{Title: "S"}, mp4, 9); err != nil {
			t.Fatal(err)
		}

		s.pass(t, jump)
		s.sweep(t)
		s.pass(t, firstPause)
		s.sweep(t)
		s.pass(t, -jump-firstPause)
		s.sweep(t)

		_, err = s.accept(t.Context(), "ana", arriving, details{Title: "Late"})
		if wanted := jump < uploadGrace; (err == nil) != wanted || err != nil && !errors.Is(err, errDiscarded) {
			t.Errorf("the upload that was arriving: %v", err)
		}
		_, err = s.direct.complete(t.Context(), "ana", u.ID, nil)
		if wanted := jump < longestGrace; (err == nil) != wanted || err != nil && !errors.Is(err, errNoUpload) {
			t.Errorf("the direct upload: %v", err)
		}
		s.claimed(t, waiting)
		s.set(t, held.ID, "lease_until = 0")
		if again := s.claimed(t, held); again.Attempt != old.Attempt+1 {
			t.Errorf("%+v", again)
		}
		if _, claimed, err := s.store.claim(t.Context(), waiting.ID); err != nil || claimed {
			t.Errorf("claimed twice: %t (%v)", claimed, err)
		}
		s.pass(t, 2*longestGrace)
		s.sweep(t)
		s.pass(t, 2*longestGrace)
		s.sweep(t)
		s.wantSound(t)
		s.wantOrphans(t, 0)
		s.wantDirect(t, 0)
	})
}
