package media

import (
	"slices"
	"testing"
	"time"

	"risingstars/platform/database"
)

// TestStatesChangeOnlyByTheTable tries every way to write a status on every state, and holds what happens against the
// table.
func TestStatesChangeOnlyByTheTable(t *testing.T) {
	t.Parallel()
	each(t, statesChangeOnlyByTheTable)
}

func statesChangeOnlyByTheTable(t *testing.T, s *studio) {
	states := []Status{Uploaded, Processing, Processed, Failed}
	writes := []struct {
		name string
		to   Status
		from []Status
		do   func(v Video) (bool, error)
	}{
		{"claim", Processing, []Status{Uploaded, Processing}, func(v Video) (bool, error) { // a lapsed lease is claimed anew
			_, claimed, err := s.store.claim(t.Context(), v.ID, time.Now(), time.Now().Add(leaseTime))
			return claimed, err
		}},
		{"publish", Processed, []Status{Processing}, func(v Video) (bool, error) { return s.store.publish(t.Context(), v) }},
		{"reject", Failed, []Status{Processing}, func(v Video) (bool, error) {
			return s.store.reject(t.Context(), v, codeNotAVideo)
		}},
		{"give up", Failed, []Status{Uploaded, Processing}, func(v Video) (bool, error) { return s.store.fail(t.Context(), v.ID) }},
		{"retry", Uploaded, []Status{Failed}, func(v Video) (bool, error) { return s.store.requeue(t.Context(), v.ID) }},
	}
	reached := map[Status][]Status{}
	for _, write := range writes {
		for _, from := range states {
			v := s.insert(t, from)
			changed, err := write.do(v)
			if err != nil {
				t.Fatal(err)
			}
			now := Status(s.read(t, v.ID).Status)
			if want := slices.Contains(write.from, from); changed != want || want && now != write.to || !want && now != from {
				t.Errorf("%s of %s video: %v, now %s", write.name, from, changed, now)
			}
			if changed && from != now && !slices.Contains(reached[from], now) {
				reached[from] = append(reached[from], now)
			}
		}
	}
	for _, from := range states {
		for _, to := range states {
			if allowed, done := slices.Contains(transitions[from], to), slices.Contains(reached[from], to); allowed != done {
				t.Errorf("from %s to %s: the table says %v, the statements %v", from, to, allowed, done)
			}
		}
	}
}

// insert adds a video in a state, with no lease.
func (s *studio) insert(t *testing.T, status Status) Video {
	t.Helper()
	v := Video{ID: newID(), OwnerID: "ana", Title: "t", OriginalKey: "uploads/" + newID() + ".mp4", UploadedAt: time.Now()}
	if err := s.store.insert(t.Context(), v, false); err != nil {
		t.Fatal(err)
	}
	s.set(t, v.ID, "status = ?, attempt = 1", string(status))
	v.Attempt = 1
	return v
}

func TestFailureForgetsTheWorkUnderWay(t *testing.T) {
	t.Parallel()
	each(t, failureForgetsTheWorkUnderWay)
}

func failureForgetsTheWorkUnderWay(t *testing.T, s *studio) {
	v := s.insert(t, Processing)
	s.set(t, v.ID, "lease_until = ?, progress = 40, stage = 'processing'", database.Micros(time.Now().Add(time.Hour)))
	if given, err := s.store.fail(t.Context(), v.ID); !given || err != nil {
		t.Fatal(given, err)
	}
	row := s.read(t, v.ID)
	if row.FailureCode != codeProcessingError || row.LeaseUntil != 0 || row.Progress != 0 || row.Step != "" || row.Attempt != 2 {
		t.Fatalf("%+v", row)
	}
	retried, err := s.Retry(t.Context(), "ana", v.ID)
	if err != nil || retried.Status != Uploaded || retried.Step != stepQueued || retried.FailureCode != "" {
		t.Fatalf("%+v, %v", retried, err)
	}
	if row := s.read(t, v.ID); row.Status != string(Uploaded) || row.FailureCode != "" || row.SentAt == 0 || s.queued(t) != 1 {
		t.Fatalf("%+v, %d tasks", row, s.queued(t))
	}
}
