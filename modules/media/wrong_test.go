package media

import (
	"testing"
	"testing/synctest"
	"time"

	"risingstars/platform/database/databasetest"
)

// In the bubble it is the year 2000, while the database's clock is right. What this process does, others respect, and
// it respects what they do.
func TestAProcessWhoseClockIsWrongDoesEverythingInTime(t *testing.T) {
	t.Parallel()
	s := setupOn(t, databasetest.OpenPostgreSQL(t, owners...))
	s.o.KeepFailed, s.o.Quotas.PerDay = keepFailed, 3
	other := setupOn(t, s.db)
	// Whatever the database keeps in memory for good begins outside of the bubble.
	other.sweep(t)
	if _, err := other.beginDirect(t, "eva", 9); err != nil {
		t.Fatal(err)
	}
	ours, theirs := s.insert(t, Uploaded), s.insert(t, Uploaded)
	held := other.claimed(t, theirs)
	waits := s.insert(t, Uploaded)
	s.set(t, waits.ID, "sent_at = ?", s.now(t).UnixMicro())
	rejected := s.insert(t, Processing)
	s.set(t, rejected.ID, "lease_until = 1")
	kept, err := other.receive(t.Context(), newReader(notReallyAVideo()), largest)
	if err != nil {
		t.Fatal(err)
	}
	var (
		claimed  Video
		upload   directUpload
		received *original
	)
	synctest.Test(t, func(t *testing.T) {
		if year := time.Now().Year(); year != 2000 {
			t.Fatal(year)
		}
		claimed = s.claimed(t, ours)
		if _, stolen, err := s.store.claim(t.Context(), theirs.ID); err != nil || stolen {
			t.Errorf("it claims what another one holds: %t (%v)", stolen, err)
		}
		if done, err := s.store.reject(t.Context(), rejected, codeNotAVideo, ""); err != nil || !done {
			t.Error(done, err)
		}
		var err error
		if received, err = s.receive(t.Context(), newReader(notReallyAVideo()), largest); err != nil {
			t.Error(err)
		}
		if upload, err = s.beginDirect(t, "eva", 9); err != nil {
			t.Error(err)
		}
		s.sweep(t)
	})
	other.sweep(t)
	if got := s.queued(t); got != 0 {
		t.Errorf("%d tasks are sent, want none", got)
	}
	if _, stolen, err := other.store.claim(t.Context(), claimed.ID); err != nil || stolen {
		t.Errorf("another one claims what it holds: %t (%v)", stolen, err)
	}
	if renewed, err := other.store.renew(t.Context(), held, stepProbing, 1); err != nil || !renewed {
		t.Errorf("another one loses its claim: %t (%v)", renewed, err)
	}
	if v := s.read(t, rejected.ID).video(); time.Since(v.FailedAt) > time.Hour || v.OriginalKey == "" {
		t.Errorf("%+v", v)
	}
	for _, o := range []*original{kept, received} {
		if _, err := other.accept(t.Context(), "ana", o, details{Title: "Song"}); err != nil {
			t.Errorf("accept: %v", err)
		}
	}
	u, err := other.direct.owned(t.Context(), "eva", upload.ID)
	if err != nil || u.left < directLifetime-time.Hour {
		t.Errorf("the direct upload: %+v, %v", u, err)
	}
}
