package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/queue"
)

// waits adds a waiting video of the owner, and records its task as sent.
func (s *studio) waits(t *testing.T, owner string) Video {
	t.Helper()
	v := Video{
		ID: newID(), OwnerID: owner, Title: "t", OriginalKey: "uploads/" + newID() + ".mp4", UploadedAt: time.Now(),
	}
	s.add(t, v)
	s.set(t, v.ID, "sent_at = ?", database.Micros(time.Now()))
	return v
}

// next claims the next video, under the task of a video that does not exist.
func (s *studio) next(t *testing.T) Video {
	t.Helper()
	v, claimed, err := s.store.claimNext(t.Context(), "another")
	if err != nil || !claimed {
		t.Fatal(claimed, err)
	}
	return v
}

func (s *studio) publishes(t *testing.T, v Video) {
	t.Helper()
	if published, err := s.store.publish(t.Context(), v); err != nil || !published {
		t.Fatal(published, err)
	}
}

func TestTheOwnerWithTheFewestJobsIsNext(t *testing.T) {
	t.Parallel()
	each(t, theOwnerWithTheFewestJobsIsNext)
}

func theOwnerWithTheFewestJobsIsNext(t *testing.T, s *studio) {
	var anas []Video
	for range 40 {
		anas = append(anas, s.waits(t, "ana"))
	}
	first, second := s.next(t), s.next(t)
	if first.ID != anas[0].ID || second.ID != anas[1].ID {
		t.Fatal("the oldest videos of the only owner are not the first")
	}
	beto := s.waits(t, "beto")
	eva, eva2 := s.waits(t, "eva"), s.waits(t, "eva")
	s.publishes(t, first)
	// Ana still has one job under way, the others none.
	for i, want := range []Video{beto, eva, anas[2], eva2, anas[3]} {
		if got := s.next(t); got.ID != want.ID {
			t.Fatalf("video %d is %s's", i, got.OwnerID)
		}
	}

	// A lapsed lease is no job under way.
	s.set(t, eva2.ID, "lease_until = 1")
	s.set(t, eva.ID, "lease_until = 1")
	s.waits(t, "beto") // who has one job under way
	eva3 := s.waits(t, "eva")
	if got := s.next(t); got.ID != eva3.ID {
		t.Fatalf("%s's video is next", got.OwnerID)
	}
}

// With one worker nobody has a job under way when the next one is chosen.
func TestASingleVideoIsNextButOneBehindForty(t *testing.T) {
	t.Parallel()
	each(t, aSingleVideoIsNextButOneBehindForty)
}

func aSingleVideoIsNextButOneBehindForty(t *testing.T, s *studio) {
	for range 40 {
		s.waits(t, "ana")
	}
	running := s.next(t)
	s.waits(t, "beto")
	var order []string
	for range 5 {
		s.publishes(t, running)
		running = s.next(t)
		order = append(order, running.OwnerID)
	}
	if want := []string{"ana", "beto", "ana", "ana", "ana"}; !slices.Equal(order, want) {
		t.Fatalf("the order is %q", order)
	}
	// Deleting what is published gains nothing.
	eva := s.waits(t, "eva")
	for range 2 {
		s.publishes(t, running)
		if _, deleted, err := s.store.delete(t.Context(), running.ID); err != nil || !deleted {
			t.Fatal(deleted, err)
		}
		running = s.next(t)
	}
	if running.ID != eva.ID {
		t.Fatalf("the next but one is %s's", running.OwnerID)
	}
}

func TestEveryWaitingVideoIsClaimedOnce(t *testing.T) {
	t.Parallel()
	each(t, everyWaitingVideoIsClaimedOnce)
}

func everyWaitingVideoIsClaimedOnce(t *testing.T, s *studio) {
	const videos = 60
	for i := range videos {
		s.waits(t, fmt.Sprint("owner ", i%7))
	}
	var (
		workers sync.WaitGroup
		mu      sync.Mutex
		claims  = map[string]int{}
	)
	for range 12 {
		workers.Go(func() {
			for {
				v, claimed, err := s.store.claimNext(t.Context(), "another")
				if err != nil {
					t.Error(err)
				}
				if !claimed {
					return
				}
				mu.Lock()
				claims[v.ID]++
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	if len(claims) != videos {
		t.Errorf("%d of %d videos were claimed", len(claims), videos)
	}
	for id, n := range claims {
		if n != 1 {
			t.Errorf("%s was claimed %d times", id, n)
		}
	}
}

// uploadAs is upload for any owner.
func (s *studio) uploadAs(t *testing.T, owner string, content []byte) Video {
	t.Helper()
	o, err := s.receive(t.Context(), newReader(content), largest)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.accept(t.Context(), owner, o, details{Title: "Mi canción"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// work serves the queue with a worker until the test ends.
func (s *studio) work(t *testing.T) {
	t.Helper()
	worker := queue.NewWorker(s.driver, s.Handlers(), queue.WorkerOptions{Concurrency: 3, Logger: s.log})
	if err := worker.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := worker.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// Tasks arrive in the order of the uploads, so most of them are spent on another video than their own.
func TestTasksAreSpentOnOtherVideosAndNoneIsLeftOver(t *testing.T) {
	t.Parallel()
	each(t, tasksAreSpentOnOtherVideosAndNoneIsLeftOver)
}

func tasksAreSpentOnOtherVideosAndNoneIsLeftOver(t *testing.T, s *studio) {
	var ids []string
	for i := range 30 {
		ids = append(ids, s.uploadAs(t, fmt.Sprint("owner ", i/10), notReallyAVideo()).ID)
	}
	if err := s.Delete(t.Context(), "owner 1", ids[15]); err != nil {
		t.Fatal(err)
	}
	s.work(t)
	s.eventually(t, "the queue is empty", func() bool {
		stats, err := s.queue.Stats(t.Context())
		return err == nil && stats.Ready+stats.InFlight+stats.Delayed+stats.Dead == 0
	})
	for i, id := range ids {
		if i == 15 {
			continue
		}
		if row := s.read(t, id); row.Status != string(Failed) || row.FailureCode == codeProcessingError {
			t.Errorf("video %d: %+v", i, row)
		}
	}
}

// lend returns a video that the next claim under its own task passes over, because another, which is returned too, is
// next. That one has the given content.
func (s *studio) lend(t *testing.T, content []byte) (own, other Video) {
	t.Helper()
	other = s.uploadAs(t, "beto", content)
	return s.uploadAs(t, "ana", notReallyAVideo()), other
}

func wantLater(t *testing.T, err error) {
	t.Helper()
	if err == nil || !strings.HasPrefix(err.Error(), "again in ") {
		t.Fatalf("the delivery returns %v", err)
	}
}

// What is our fault costs the task of another video nothing, and is counted by the video's own.
func TestTroubleWithALentTaskIsCountedByTheVideosOwn(t *testing.T) {
	t.Parallel()
	s := setup(t)
	own, other := s.lend(t, notReallyAVideo())
	if err := os.Remove(filepath.Join(s.root, filepath.FromSlash(other.OriginalKey))); err != nil {
		t.Fatal(err)
	}
	wantLater(t, s.deliver(t.Context(), own))
	row := s.read(t, other.ID)
	if row.Status != string(Processing) || row.LeaseUntil != 0 || row.Attempt != 1 || row.SentAt == 0 {
		t.Fatalf("%+v", row)
	}
	if row := s.read(t, own.ID); row.Status != string(Uploaded) {
		t.Fatalf("%+v", row)
	}
	// From now on no other task touches it.
	if err := s.deliver(t.Context(), own); err != nil {
		t.Fatal(err)
	}
	if row := s.read(t, own.ID); row.Status != string(Failed) {
		t.Fatalf("%+v", row)
	}
	delivery := queue.Delivery{Task: queue.Task{Kind: processKind, ID: other.ID}, Attempt: 3, MaxAttempts: 3}
	for range 3 {
		if err := s.process(t.Context(), delivery); err == nil || strings.HasPrefix(err.Error(), "again in ") {
			t.Fatalf("its own task returns %v", err)
		}
	}
	if err := s.fail(t.Context(), delivery, ""); err != nil {
		t.Fatal(err)
	}
	if row := s.read(t, other.ID); row.Status != string(Failed) || row.FailureCode != codeProcessingError {
		t.Fatalf("%+v", row)
	}
}

func TestALentTaskReturnsIfItsOwnVideoNeedsIt(t *testing.T) {
	t.Parallel()
	s := setup(t)
	own, _ := s.lend(t, notReallyAVideo())
	v, claimed, err := s.store.claimNext(t.Context(), own.ID)
	if err != nil || !claimed || v.ID == own.ID {
		t.Fatal(v, claimed, err)
	}
	delivery := queue.Delivery{Task: queue.Task{Kind: processKind, ID: own.ID}}
	if err := s.endLent(t.Context(), delivery, v, nil); err != nil {
		t.Fatalf("while its own video waits for any task: %v", err)
	}
	s.set(t, own.ID, "status = 'processing'") // and released
	wantLater(t, s.endLent(t.Context(), delivery, v, nil))
}

func TestAStoppedJobOfALentTaskWaitsAsBefore(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.slow(t)
	own, other := s.lend(t, clip(t, "40"))
	ctx, stop := context.WithCancelCause(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.deliver(ctx, own) }()
	s.eventually(t, "ffmpeg is running", func() bool { return s.read(t, other.ID).Step == stepProcessing })
	if row := s.read(t, own.ID); row.Status != string(Uploaded) {
		t.Fatalf("%+v", row)
	}
	stop(queue.ErrStopping)
	wantLater(t, <-ended)
	row := s.read(t, other.ID)
	if row.Status != string(Uploaded) || row.LeaseUntil != 0 || row.SentAt == 0 {
		t.Fatalf("%+v", row)
	}
	if again := s.next(t); again.OwnerID != "ana" { // beto was served before
		t.Fatalf("%+v", again)
	}
	if again := s.next(t); again.ID != other.ID || again.Attempt != 2 {
		t.Fatalf("%+v", again)
	}
}

// The worker is killed: nobody gives the video back, and its own task may have been spent before.
func TestAVideoOfAKilledLentTaskIsSentAgainWhenItsLeaseLapses(t *testing.T) {
	t.Parallel()
	each(t, aVideoOfAKilledLentTaskIsSentAgainWhenItsLeaseLapses)
}

func aVideoOfAKilledLentTaskIsSentAgainWhenItsLeaseLapses(t *testing.T, s *studio) {
	v := s.waits(t, "ana")
	s.set(t, v.ID, "sent_at = 0")
	taken, err := s.store.takeUnsent(t.Context(), v.ID, time.Hour)
	if err != nil || len(taken) != 1 {
		t.Fatal(taken, err)
	}
	if claimed := s.next(t); claimed.ID != v.ID {
		t.Fatalf("%+v", claimed)
	}
	if err := s.store.sent(t.Context(), taken[0]); err != nil { // by who uploaded it, late
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		tasks int
	}{{leaseTime - 5*time.Second, 0}, {10 * time.Second, 1}} {
		s.pass(t, step.after)
		s.sweep(t)
		if got := s.queued(t); got != step.tasks {
			t.Fatalf("%d tasks, want %d", got, step.tasks)
		}
	}
}

// The task of a video that is in work under another task is spent on the next video, if there is one.
func TestATaskDoesNotWaitForItsVideoUnderAnotherTask(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.upload(t, notReallyAVideo())
	if claimed := s.next(t); claimed.ID != v.ID {
		t.Fatalf("%+v", claimed)
	}
	if err := s.deliver(t.Context(), v); err == nil || err.Error() != "the video is processing" {
		t.Fatalf("nothing waits: %v", err)
	}
	other := s.upload(t, notReallyAVideo())
	if err := s.deliver(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if row := s.read(t, other.ID); row.Status != string(Failed) {
		t.Fatalf("%+v", row)
	}
}

// A task may die although its video has not failed as often: other videos killed its workers.
func TestAVideoOutlivesATaskThatOthersUsedUp(t *testing.T) {
	t.Parallel()
	each(t, aVideoOutlivesATaskThatOthersUsedUp)
}

func aVideoOutlivesATaskThatOthersUsedUp(t *testing.T, s *studio) {
	now := time.Now()
	waiting, lent, tried := s.waits(t, "ana"), s.waits(t, "beto"), s.waits(t, "eva")
	s.set(t, lent.ID, "status = 'processing', attempt = 9, sent_at = 0, lease_until = ?",
		database.Micros(now.Add(leaseTime-time.Second)))
	s.set(t, tried.ID, "status = 'processing', attempt = 2")
	for _, v := range []Video{waiting, lent, tried} {
		delivery := queue.Delivery{Task: queue.Task{Kind: processKind, ID: v.ID}, Attempt: 3, MaxAttempts: 3}
		if err := s.fail(t.Context(), delivery, "visibility lapsed 3 times"); err != nil {
			t.Fatal(err)
		}
		if row := s.read(t, v.ID); row.Status == string(Failed) || row.SentAt != 0 {
			t.Errorf("%s: %+v", v.OwnerID, row)
		}
	}
	if s.sweep(t); s.queued(t) != 2 {
		t.Fatalf("%d tasks are sent again, want those of ana and eva", s.queued(t))
	}
}

func TestADeletedVideosTaskIsSpentOnAnother(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v, other := s.upload(t, notReallyAVideo()), s.upload(t, notReallyAVideo())
	if err := s.Delete(t.Context(), "ana", v.ID); err != nil {
		t.Fatal(err)
	}
	if err := s.deliver(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if row := s.read(t, other.ID); row.Status != string(Failed) {
		t.Fatalf("%+v", row)
	}
	if err := s.deliver(t.Context(), other); err == nil || errors.Is(err, errClaimLost) {
		t.Fatal(err)
	}
}
