package media

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// The diagram of the states in infra/ARCHITECTURE.md is the table of the code.
func TestTheDiagramOfStatesIsTheTable(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../infra/ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, diagram, _ := strings.Cut(string(page), "stateDiagram-v2\n")
	diagram, _, _ = strings.Cut(diagram, "```")
	drawn := map[Status][]Status{}
	for _, arrow := range regexp.MustCompile(`(?m)^ *(\w+) --> (\w+):`).FindAllStringSubmatch(diagram, -1) {
		from, to := Status(arrow[1]), Status(arrow[2])
		if !slices.Contains(drawn[from], to) {
			drawn[from] = append(drawn[from], to)
		}
	}
	sorted := cmpopts.SortSlices(func(a, b Status) bool { return a < b })
	if diff := cmp.Diff(transitions, drawn, sorted); diff != "" {
		t.Errorf("the diagram differs from the table:\n%s", diff)
	}
}

// Every statement that writes a status is tried on every state.
func TestStatesChangeOnlyAsTheTableAllows(t *testing.T) {
	t.Parallel()
	each(t, statesChangeOnlyAsTheTableAllows)
}

func statesChangeOnlyAsTheTableAllows(t *testing.T, s *studio) {
	states := []Status{Uploaded, Processing, Processed, Failed}
	writes := []struct {
		name string
		to   Status
		from []Status
		do   func(v Video) (bool, error)
	}{
		{"claim", Processing, []Status{Uploaded, Processing}, func(v Video) (bool, error) { // also after a lapsed lease
			_, claimed, err := s.store.claim(t.Context(), v.ID)
			return claimed, err
		}},
		{"publish", Processed, []Status{Processing}, func(v Video) (bool, error) {
			return s.store.publish(t.Context(), v)
		}},
		{"reject", Failed, []Status{Processing}, func(v Video) (bool, error) {
			return s.store.reject(t.Context(), v, codeNotAVideo, "")
		}},
		{"giveBack", Uploaded, []Status{Processing}, func(v Video) (bool, error) {
			return s.store.giveBack(t.Context(), v)
		}},
		{"fail", Failed, []Status{Processing}, func(v Video) (bool, error) {
			return s.store.fail(t.Context(), v.ID, 1)
		}},
		{"requeue", Uploaded, []Status{Failed}, func(v Video) (bool, error) {
			return s.store.requeue(t.Context(), v.ID)
		}},
		{"processAgain", Uploaded, []Status{Processed, Failed}, func(v Video) (bool, error) {
			seen := checkedVideo{ID: v.ID, Attempt: v.Attempt, OriginalKey: v.OriginalKey}
			return s.store.processAgain(t.Context(), seen)
		}},
		{"retry", Uploaded, []Status{Failed}, func(v Video) (bool, error) {
			s.set(t, v.ID, "failure_code = ?", codeProcessingError)
			return s.store.retry(t.Context(), v.ID)
		}},
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
			want, then := slices.Contains(write.from, from), from
			if want {
				then = write.to
			}
			if changed != want || now != then {
				t.Errorf("%s of %s video: %v, now %s, want %v, %s", write.name, from, changed, now, want, then)
			}
			if changed && from != now && !slices.Contains(reached[from], now) {
				reached[from] = append(reached[from], now)
			}
		}
	}
	for _, from := range states {
		for _, to := range states {
			allowed, done := slices.Contains(transitions[from], to), slices.Contains(reached[from], to)
			if allowed != done {
				t.Errorf("from %s to %s: the table has %v, the statements %v", from, to, allowed, done)
			}
		}
	}
}

// insert adds a video in a state, without a lease.
func (s *studio) insert(t *testing.T, status Status) Video {
	t.Helper()
	v := Video{
		ID: newID(), OwnerID: "ana", Title: "t", OriginalKey: "uploads/" + newID() + ".mp4", UploadedAt: time.Now(),
	}
	s.add(t, v)
	s.set(t, v.ID, "status = ?, attempt = 1, sent_at = 1", string(status))
	v.Attempt = 1
	return v
}

// add inserts a video whose original has not been written.
func (s *studio) add(t *testing.T, v Video) {
	t.Helper()
	err := s.store.orphan(t.Context(), uploadGrace, v.OriginalKey)
	if err == nil {
		err = s.store.insert(t.Context(), v)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestFailureResetsTheProgress(t *testing.T) {
	t.Parallel()
	each(t, failureResetsTheProgress)
}

func failureResetsTheProgress(t *testing.T, s *studio) {
	v := s.insert(t, Processing)
	s.set(t, v.ID, "lease_until = 1, progress = 40, stage = 'processing'")
	if failed, err := s.store.fail(t.Context(), v.ID, 1); !failed || err != nil {
		t.Fatal(failed, err)
	}
	row := s.read(t, v.ID)
	if row.FailureCode != codeProcessingError || row.LeaseUntil != 0 || row.Progress != 0 || row.Step != "" ||
		row.Attempt != 2 {
		t.Fatalf("%+v", row)
	}
	retried, err := s.Retry(t.Context(), "ana", v.ID)
	if err != nil || retried.Status != Uploaded || retried.Step != stepQueued || retried.FailureCode != "" {
		t.Fatalf("%+v, %v", retried, err)
	}
	row = s.read(t, v.ID)
	if row.Status != string(Uploaded) || row.FailureCode != "" || row.SentAt == 0 || s.queued(t) != 1 {
		t.Fatalf("%+v, %d tasks", row, s.queued(t))
	}
}
