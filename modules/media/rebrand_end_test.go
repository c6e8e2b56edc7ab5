package media

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The old files stay, and the operator sees the reason.
func TestAFailedRebrandKeepsTheOldFiles(t *testing.T) {
	t.Parallel()
	s := setup(t)
	before := s.branded(t)
	lost := s.shown(t, "old")
	kept := s.shown(t, "old")
	s.set(t, kept.ID, "original_key = ''")
	path := filepath.Join(s.root, before.OriginalKey)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, notReallyAVideo(), 0o600); err != nil {
		t.Fatal(err)
	}
	s.startRebrand(t, "new", 2)
	for _, id := range []string{before.ID, lost.ID} {
		if err := s.deliverRebrand(t, id); err != nil {
			t.Fatal(err)
		}
	}
	p := s.plan(t)
	reasons := map[string]string{}
	for _, f := range p.Failed {
		reasons[f.VideoID] = f.Reason
	}
	if !strings.HasPrefix(reasons[before.ID], "not_a_video: ") || reasons[lost.ID] != "its original is gone" ||
		p.Without != 1 || len(p.WithoutIDs) != 1 || p.WithoutIDs[0] != kept.ID {
		t.Errorf("the plan is %+v", p)
	}
	if now := s.read(t, before.ID); now != before {
		t.Errorf("it is %+v, want %+v", now, before)
	}
	s.wantFiles(t, filesOf(before)...)

	// Our own trouble is tried three times, and then ends as well.
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	s.exec(t, `DELETE FROM media_videos WHERE id = ?`, lost.ID)
	s.startRebrand(t, "new", 1)
	s.board.refuse = errors.New("the gallery is closed")
	for n := range rebrandTries {
		if err := s.deliverRebrand(t, before.ID); postponed(err) != (n < rebrandTries-1) {
			t.Fatalf("try %d returns %v", n+1, err)
		}
	}
	if p := s.plan(t); len(p.Failed) != 1 || p.Waiting != 0 {
		t.Errorf("the plan is %+v", p)
	}
	s.wantFiles(t, filesOf(before)...)
	s.board.refuse = nil
	s.startRebrand(t, "new", 1)
	if err := s.deliverRebrand(t, before.ID); err != nil {
		t.Fatal(err)
	}
	if row := s.read(t, before.ID); row.Branding != "new" {
		t.Errorf("it is %+v", row)
	}
	// What is deleted goes with the files that were kept for those who watch.
	if err := s.Delete(t.Context(), "ana", before.ID); err != nil {
		t.Fatal(err)
	}
	s.wantFiles(t)
}

// Back to the branding that the clips have: nothing gets the other one later.
func TestNothingGetsTheBrandingOfAnEarlierRebrand(t *testing.T) {
	t.Parallel()
	each(t, nothingGetsTheBrandingOfAnEarlierRebrand)
}

func nothingGetsTheBrandingOfAnEarlierRebrand(t *testing.T, s *studio) {
	waiting, underWay, failed := s.shown(t, "old"), s.shown(t, "old"), s.shown(t, "old")
	done := s.shown(t, "new")
	s.startRebrand(t, "new", 3)
	claim := func(id string) rebrandClaim {
		t.Helper()
		_, c, ok, err := s.store.claimRebrand(t.Context(), id, "new")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		return c
	}
	job := claim(underWay.ID)
	if err := claim(failed.ID).fail(t.Context(), "why"); err != nil {
		t.Fatal(err)
	}
	s.o.Branding = "old"
	if p := s.plan(t); p.Clips != 1 || p.Other != 2 {
		t.Errorf("the plan is %+v", p)
	}
	s.startRebrand(t, "old", 1)
	if p := s.plan(t); p.Clips != 1 || p.Other != 0 || p.Waiting != 1 || p.UnderWay != 0 || len(p.Failed) != 0 {
		t.Errorf("the plan is %+v", p)
	}
	if held, err := job.holds(t.Context()); err != nil || held {
		t.Errorf("the claim holds: %t (%v)", held, err)
	}
	ids, err := s.store.takeRebrands(t.Context(), "old", time.Minute)
	if err != nil || len(ids) != 1 || ids[0] != done.ID {
		t.Errorf("tasks of %v are sent (%v)", ids, err)
	}
	if err := s.deliverRebrand(t, waiting.ID); err == nil || postponed(err) {
		t.Errorf("a task of before returns %v", err)
	}
}

// Whoever begins again need not wait until the queue is supposed to have lost the tasks.
func TestARebrandThatIsBegunAgainIsSentAtOnce(t *testing.T) {
	t.Parallel()
	each(t, aRebrandThatIsBegunAgainIsSentAtOnce)
}

func aRebrandThatIsBegunAgainIsSentAtOnce(t *testing.T, s *studio) {
	s.shown(t, "old")
	failed := s.shown(t, "old")
	for range 2 {
		s.startRebrand(t, "new", 2)
		if ids, err := s.store.takeRebrands(t.Context(), "new", time.Hour); err != nil || len(ids) != 2 {
			t.Errorf("tasks of %v are sent (%v)", ids, err)
		}
		_, c, ok, err := s.store.claimRebrand(t.Context(), failed.ID, "new")
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if err := c.fail(t.Context(), "why"); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := s.StopRebrand(t.Context()); err != nil || n != 2 {
		t.Errorf("%d are stopped (%v)", n, err)
	}
	if p := s.plan(t); len(p.Failed) != 0 || p.Waiting != 0 {
		t.Errorf("the plan is %+v", p)
	}
}

// A clip that is processed for another reason has what the rebranding was to give it.
func TestAPublishedClipIsOffTheListOfRebrandings(t *testing.T) {
	t.Parallel()
	each(t, aPublishedClipIsOffTheListOfRebrandings)
}

func aPublishedClipIsOffTheListOfRebrandings(t *testing.T, s *studio) {
	waits, fails, other := s.shown(t, "old"), s.shown(t, "old"), s.shown(t, "old")
	s.startRebrand(t, "new", 3)
	_, c, ok, err := s.store.claimRebrand(t.Context(), fails.ID, "new")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if err := c.fail(t.Context(), "why"); err != nil {
		t.Fatal(err)
	}
	for _, v := range []Video{waits, fails, other} {
		s.o.Branding = "new"
		if v.ID == other.ID {
			s.o.Branding = "another"
		}
		if err := s.Reprocess(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.jobOf(s.claimed(t, v)).publish(t.Context(), rendered(t)); err != nil {
			t.Fatal(err)
		}
	}
	s.o.Branding = "new"
	if p := s.plan(t); p.Clips != 1 || p.Waiting != 1 || len(p.Failed) != 0 {
		t.Errorf("the plan is %+v", p)
	}
	if state, err := s.store.rebrandOf(t.Context(), other.ID); err != nil || state.Branding != "new" {
		t.Errorf("what has got another branding is %+v (%v)", state, err)
	}
}

func TestTheLatestBrandingIsKnown(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		for _, branding := range []string{"", "old", "new", ""} {
			s.shown(t, branding)
		}
		s.waits(t, "ana")
		if latest, err := s.LatestBranding(t.Context()); err != nil || latest != "new" {
			t.Errorf("the latest branding is %q (%v)", latest, err)
		}
	})
}
