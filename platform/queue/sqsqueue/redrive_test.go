package sqsqueue_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"risingstars/platform/queue"
)

func every(queue.DeadTask) bool { return true }

// stutter answers the second request for messages like the first, as if a message was invisible for too short a time,
// and the third with none, as SQS may do although it has some.
func stutter(way http.Handler) http.Handler {
	var count atomic.Int32
	var first atomic.Pointer[httptest.ResponseRecorder]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".ReceiveMessage") {
			way.ServeHTTP(w, r)
			return
		}
		answer := httptest.NewRecorder()
		switch count.Add(1) {
		case 1:
			way.ServeHTTP(answer, r)
			first.Store(answer)
		case 2:
			answer = first.Load()
		case 3:
			answer.WriteString("{}")
		default:
			way.ServeHTTP(answer, r)
		}
		for name := range answer.Header() {
			w.Header().Set(name, answer.Header().Get(name))
		}
		w.WriteHeader(answer.Code)
		w.Write(answer.Body.Bytes())
	})
}

func TestBrowsingDoesNotEndBeforeTheDeadLettersDo(t *testing.T) {
	t.Parallel()
	const n = 25
	for name, browse := range map[string]func(b *bench) int{
		"Dead": func(b *bench) int { return len(b.Dead()) },
		"RedriveAll": func(b *bench) int {
			redriven, err := b.Queue.RedriveAll(t.Context(), every)
			if err != nil {
				t.Error(err)
			}
			b.EventuallyStats(queue.Stats{Ready: n})
			return len(redriven)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			for i := range n {
				b.Bury(fmt.Sprint(i))
			}
			p := startProxy(t, func(s *httptest.Server) {
				s.Config.Handler = stutter(s.Config.Handler)
				s.Start()
			})
			b.options.EndpointURL = p.URL
			b.Driver = b.open(b.options)
			b.Queue = queue.New(b.Driver, queue.Options{})
			if found := browse(b); found != n {
				t.Errorf("%d of %d", found, n)
			}
		})
	}
}

// One pass reads each dead letter once, however many are redriven, and the longer it lasts, the longer it hides them.
func TestRedriveAllIsOnePass(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	const n = 25
	for i := range n {
		b.Bury(fmt.Sprint(i))
	}
	before := len(p.seen("ReceiveMessage"))
	redriven, err := b.Queue.RedriveAll(t.Context(), func(d queue.DeadTask) bool { return d.ID != "7" })
	if err != nil || len(redriven) != n-1 {
		t.Errorf("%d redriven (%v)", len(redriven), err)
	}
	polls := p.seen("ReceiveMessage")[before:]
	if len(polls) > n/10+1+2 {
		t.Errorf("%d polls", len(polls))
	}
	first, last := polls[0].body.VisibilityTimeout, polls[len(polls)-1].body.VisibilityTimeout
	if first < 30 || last <= first {
		t.Errorf("hidden for %d s at first and %d s at last", first, last)
	}
	b.EventuallyStats(queue.Stats{Ready: n - 1, Dead: 1})
	visible := b.attribute(b.options.DeadURL, types.QueueAttributeNameApproximateNumberOfMessages)
	if visible != "1" {
		t.Errorf("%s are visible after it", visible)
	}
}

// A message that is not a task is set aside again at once, under another ID.
func TestRedriveAllEndsWithAWorkerBesideIt(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.sendRaw(b.options.QueueURL, "hello", nil)
	b.runs()
	b.EventuallyStats(queue.Stats{Dead: 1})
	redriven, err := b.Queue.RedriveAll(t.Context(), every)
	if err != nil || len(redriven) != 1 {
		t.Errorf("%+v (%v)", redriven, err)
	}
	b.Eventually("its return", func() bool { return len(b.logged("set aside")) == 2 })
	b.EventuallyStats(queue.Stats{Dead: 1})
}

func TestRedriveAllRedrivesOneDeadLetterOfATask(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Bury("a", "a", "b")
	redriven, err := b.Queue.RedriveAll(t.Context(), every)
	if err != nil || len(redriven) != 2 {
		t.Errorf("%+v (%v)", redriven, err)
	}
	b.EventuallyStats(queue.Stats{Ready: 2, Dead: 1})
}
