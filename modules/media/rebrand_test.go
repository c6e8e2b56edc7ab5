package media

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/platform/queue"
)

// branded uploads and publishes a clip of ana's, with the branding "old".
func (s *studio) branded(t *testing.T) videoRow {
	t.Helper()
	s.o.Branding = "old"
	v := s.upload(t, clip(t, "1"))
	if err := s.deliver(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	return s.read(t, v.ID)
}

// shown adds a published video whose files do not exist.
func (s *studio) shown(t *testing.T, branding string) Video {
	t.Helper()
	v := s.waits(t, "ana")
	s.set(t, v.ID, "status = 'processed', processed_key = 'processed/' || id || '-1-x.mp4', branding = ?", branding)
	return v
}

// deliverRebrand hands over the task of a published video.
func (s *studio) deliverRebrand(t *testing.T, id string) error {
	t.Helper()
	task := queue.Task{Kind: rebrandKind, ID: id}
	return s.makeAgain(t.Context(), queue.Delivery{Task: task, Attempt: 1, MaxAttempts: 3})
}

func (s *studio) startRebrand(t *testing.T, branding string, want int) {
	t.Helper()
	s.o.Branding = branding
	if n, err := s.Rebrand(t.Context()); err != nil || n != want {
		t.Fatalf("%d videos are listed (%v), want %d", n, err, want)
	}
}

func (s *studio) plan(t *testing.T) RebrandPlan {
	t.Helper()
	p, err := s.PlanRebrand(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// filesOf returns the keys of all files of a published video.
func filesOf(row videoRow) []string { return append(row.video().keys(), row.OriginalKey) }

func postponed(err error) bool { return err != nil && strings.HasPrefix(err.Error(), "again in ") }

// Nobody notices more than new files: the video stays processed, with its times and its attempts.
func TestARebrandReplacesTheFilesAlone(t *testing.T) {
	t.Parallel()
	each(t, aRebrandReplacesTheFilesAlone)
}

func aRebrandReplacesTheFilesAlone(t *testing.T, s *studio) {
	s.o.DeleteOriginal = false
	before := s.read(t, s.branded(t).ID)
	s.o.Branding, s.o.DeleteOriginal = "new", true // what is kept stays kept
	if p := s.plan(t); p.Clips != 1 || p.Bytes != before.OriginalSize || !p.Measured || p.PerClip <= 0 ||
		p.Work() != p.PerClip || p.Without != 0 || p.Waiting != 0 {
		t.Errorf("the plan is %+v", p)
	}
	s.startRebrand(t, "new", 1)
	if p := s.plan(t); p.Clips != 1 || p.Waiting != 1 || p.UnderWay != 0 {
		t.Errorf("the plan is %+v", p)
	}
	if now := s.read(t, before.ID); now != before {
		t.Errorf("listing it changed %+v to %+v", before, now)
	}
	s.sweep(t)
	if n := s.queued(t); n != 2 { // with the task of the upload
		t.Errorf("%d tasks are queued", n)
	}
	if err := s.deliverRebrand(t, before.ID); err != nil {
		t.Fatal(err)
	}
	after := s.read(t, before.ID)
	if after.ProcessedKey == before.ProcessedKey || after.PosterKey == before.PosterKey || after.Branding != "new" {
		t.Errorf("it has %s, %s and the branding %s", after.ProcessedKey, after.PosterKey, after.Branding)
	}
	want := before
	want.ProcessedKey, want.PosterKey, want.SmallKey = after.ProcessedKey, after.PosterKey, after.SmallKey
	want.Poster640Key, want.Poster320Key = after.Poster640Key, after.Poster320Key
	want.Branding, want.WorkMs = "new", after.WorkMs
	if after != want {
		t.Errorf("it is %+v, want %+v", after, want)
	}
	if entries := s.board.entries(); len(entries) != 2 || entries[1].ProcessedKey != after.ProcessedKey {
		t.Errorf("published are %+v", entries)
	}
	// Who is watching it can go on for a while.
	s.wantFiles(t, append(filesOf(after), before.video().keys()...)...)
	s.pass(t, keepReplaced+time.Minute)
	s.sweep(t)
	s.wantFiles(t, filesOf(after)...)
	s.wantOrphans(t, 0)

	s.startRebrand(t, "new", 0)
	if err := s.deliverRebrand(t, before.ID); err == nil || !strings.Contains(err.Error(), "nothing to rebrand") {
		t.Errorf("a second delivery returns %v", err)
	}
}

func TestContestantsVideosComeBeforeARebrand(t *testing.T) {
	t.Parallel()
	each(t, contestantsVideosComeBeforeARebrand)
}

func contestantsVideosComeBeforeARebrand(t *testing.T, s *studio) {
	v := s.shown(t, "old")
	s.startRebrand(t, "new", 1)
	waiting := s.waits(t, "beto")
	if ids, err := s.store.takeRebrands(t.Context(), "new", time.Minute); err != nil || len(ids) != 0 {
		t.Errorf("tasks of %v are sent (%v) while a contestant waits", ids, err)
	}
	if err := s.deliverRebrand(t, v.ID); !postponed(err) {
		t.Errorf("the task returns %v while a contestant waits", err)
	}
	if p := s.plan(t); p.Waiting != 1 || p.UnderWay != 0 {
		t.Errorf("the plan is %+v", p)
	}
	s.next(t) // the contestant's video is in work
	ids, err := s.store.takeRebrands(t.Context(), "new", time.Minute)
	if err != nil || len(ids) != 1 || ids[0] != v.ID {
		t.Errorf("tasks of %v are sent (%v)", ids, err)
	}
	if _, _, ok, err := s.store.claimRebrand(t.Context(), v.ID, "new"); err != nil || !ok {
		t.Errorf("claimed: %t (%v)", ok, err)
	}
	if row := s.read(t, waiting.ID); row.Status != string(Processing) {
		t.Errorf("the contestant's video is %s", row.Status)
	}
	// After an error it waits again, for its next attempt.
	other := s.shown(t, "old")
	s.startRebrand(t, "new", 2)
	if err := s.store.release(t.Context(), s.read(t, waiting.ID).video()); err != nil {
		t.Fatal(err)
	}
	if ids, err := s.store.takeRebrands(t.Context(), "new", time.Minute); err != nil || len(ids) != 0 {
		t.Errorf("tasks of %v are sent (%v) before a contestant's next attempt", ids, err)
	}
	if err := s.deliverRebrand(t, other.ID); !postponed(err) {
		t.Errorf("the task returns %v before a contestant's next attempt", err)
	}
}

// A worker of several places keeps one for contestants.
func TestRebrandsLeaveAPlaceToContestants(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.slow(t)
	s.rebranding = New(Deps{DB: s.db, Options: Options{Jobs: 3}}).rebranding
	content := clip(t, "40")
	var ids []string
	for range 3 {
		v := s.shown(t, "old")
		if _, err := s.files.Put(t.Context(), v.OriginalKey, newReader(content), "video/mp4"); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, v.ID)
	}
	s.startRebrand(t, "new", 3)
	ctx, stop := context.WithCancelCause(t.Context())
	var jobs sync.WaitGroup
	task := func(id string) error {
		return s.makeAgain(ctx, queue.Delivery{Task: queue.Task{Kind: rebrandKind, ID: id}, Attempt: 1, MaxAttempts: 3})
	}
	for _, id := range ids[:2] {
		jobs.Go(func() {
			if err := task(id); err == nil || postponed(err) {
				t.Errorf("a job that is stopped returns %v", err)
			}
		})
	}
	s.eventually(t, "two jobs are under way", func() bool { return s.plan(t).UnderWay == 2 })
	if err := task(ids[2]); !postponed(err) {
		t.Errorf("a third task returns %v", err)
	}
	if p := s.plan(t); p.UnderWay != 2 || p.Waiting != 1 {
		t.Errorf("the plan is %+v", p)
	}
	stop(queue.ErrStopping)
	jobs.Wait()
	if err := s.deliverRebrand(t, s.shown(t, "new").ID); err == nil || postponed(err) {
		t.Errorf("the task of nothing returns %v after the others have ended", err)
	}
}

// The queue has few of many tasks, and gets more as they are begun.
func TestFewRebrandTasksAreQueuedAtATime(t *testing.T) {
	t.Parallel()
	each(t, fewRebrandTasksAreQueuedAtATime)
}

func fewRebrandTasksAreQueuedAtATime(t *testing.T, s *studio) {
	const many = rebrandHints + 10
	for range many {
		s.shown(t, "old")
	}
	s.startRebrand(t, "new", many)
	take := func(want int) (ids []string) {
		t.Helper()
		ids, err := s.store.takeRebrands(t.Context(), "new", time.Minute)
		if err != nil || len(ids) != want {
			t.Fatalf("%d tasks are sent (%v), want %d", len(ids), err, want)
		}
		return ids
	}
	first := take(rebrandHints)
	take(0)
	for _, id := range first[:4] {
		if _, _, ok, err := s.store.claimRebrand(t.Context(), id, "new"); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	take(4)
	// What the queue has lost is sent again.
	s.pass(t, 2*time.Minute)
	take(rebrandHints)
	// Of another branding this worker makes nothing.
	if ids, err := s.store.takeRebrands(t.Context(), "old", time.Minute); err != nil || len(ids) != 0 {
		t.Errorf("tasks of %v are sent (%v)", ids, err)
	}
	s.o.Branding = "old"
	if err := s.deliverRebrand(t, first[9]); !postponed(err) {
		t.Errorf("a worker with another branding returns %v", err)
	}
}

func TestARebrandIsStoppedAndResumed(t *testing.T) {
	t.Parallel()
	each(t, aRebrandIsStoppedAndResumed)
}

func aRebrandIsStoppedAndResumed(t *testing.T, s *studio) {
	under, waiting, done := s.shown(t, "old"), s.shown(t, "old"), s.shown(t, "new")
	s.startRebrand(t, "new", 2)
	v, c, ok, err := s.store.claimRebrand(t.Context(), under.ID, "new")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if n, err := s.StopRebrand(t.Context()); err != nil || n != 1 {
		t.Fatalf("%d are stopped (%v)", n, err)
	}
	if err := s.deliverRebrand(t, waiting.ID); err == nil || postponed(err) {
		t.Errorf("a stopped task returns %v", err)
	}
	// The job under way ends as if nothing had happened.
	if held, err := c.holds(t.Context()); err != nil || !held {
		t.Fatalf("the claim holds: %t (%v)", held, err)
	}
	next := v
	next.ProcessedKey, next.Branding = "processed/next.mp4", "new"
	if complete, err := c.complete(t.Context(), next, v); err != nil || !complete {
		t.Fatalf("complete: %t (%v)", complete, err)
	}
	if p := s.plan(t); p.Clips != 1 || p.Waiting != 0 || p.UnderWay != 0 {
		t.Errorf("the plan is %+v", p)
	}
	s.startRebrand(t, "new", 1)
	if row := s.read(t, done.ID); row.Branding != "new" || row.ProcessedKey != done.ProcessedKey &&
		!strings.HasSuffix(row.ProcessedKey, "-1-x.mp4") {
		t.Errorf("what was done already is %+v", row)
	}
	// Another branding in the middle ends the job that makes the first one.
	_, c, ok, err = s.store.claimRebrand(t.Context(), waiting.ID, "new")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	s.startRebrand(t, "newest", 3)
	if held, err := c.holds(t.Context()); err != nil || held {
		t.Errorf("the claim holds: %t (%v)", held, err)
	}
}

// A worker that is killed leaves the old files or the new ones. Whoever comes after it begins anew, and it can no
// longer publish.
func TestAKilledRebrandIsBegunAgain(t *testing.T) {
	t.Parallel()
	each(t, aKilledRebrandIsBegunAgain)
}

func aKilledRebrandIsBegunAgain(t *testing.T, s *studio) {
	v := s.shown(t, "old")
	s.startRebrand(t, "new", 1)
	var claims []rebrandClaim
	for n := range rebrandTries {
		read, c, ok, err := s.store.claimRebrand(t.Context(), v.ID, "new")
		if err != nil || !ok {
			t.Fatal(n, ok, err)
		}
		if _, _, ok, err := s.store.claimRebrand(t.Context(), v.ID, "new"); err != nil || ok {
			t.Fatalf("claimed twice: %t (%v)", ok, err)
		}
		claims = append(claims, c)
		if n > 0 {
			if late, err := claims[n-1].complete(t.Context(), read, read); err != nil || late {
				t.Errorf("a worker that came back publishes: %t (%v)", late, err)
			}
		}
		if row := s.read(t, v.ID); row.Status != string(Processed) || row.Branding != "old" {
			t.Errorf("it is %+v", row)
		}
		s.pass(t, leaseTime+time.Second)
	}
	s.pass(t, 2*time.Minute) // the latest task may be lost
	s.sweep(t)
	if p := s.plan(t); len(p.Failed) != 1 || p.Failed[0].VideoID != v.ID || p.Waiting != 0 || p.Clips != 1 {
		t.Errorf("the plan is %+v", p)
	}
	// A worker that stops gives its try back.
	s.startRebrand(t, "new", 1)
	for range 2 * rebrandTries {
		_, c, ok, err := s.store.claimRebrand(t.Context(), v.ID, "new")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := c.giveBack(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	// Its task is still with the queue.
	if ids, err := s.store.takeRebrands(t.Context(), "new", time.Minute); err != nil || len(ids) != 0 {
		t.Errorf("tasks of %v are sent (%v)", ids, err)
	}
}
