package sqsqueue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
)

func TestForeignMessageIsSetAside(t *testing.T) {
	t.Parallel()
	b := setup(t)
	text, value := "String", "x"
	attributes := map[string]types.MessageAttributeValue{"theirs": {DataType: &text, StringValue: &value}}
	bodies := []string{
		"hello", "{}", `{"Records":[{"s3":{}}]}`,
		`{"kind":"probe"}`, `{"kind":"probe","id":"a","payload":"%"}`, `{"kind":1,"id":"a"}`,
	}
	seen := make(chan string, 10)
	for i, body := range bodies {
		b.sendRaw(b.options.QueueURL, body, attributes)
		b.Enqueue(fmt.Sprint(i))
	}
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d.ID
		return nil
	})
	b.EventuallyStats(queue.Stats{Dead: len(bodies)})
	if len(seen) != len(bodies) {
		t.Errorf("%d of %d tasks ran", len(seen), len(bodies))
	}
	dead := b.Dead()
	var found []string
	for _, d := range dead {
		found = append(found, string(d.Payload))
		if d.Kind != "(not a task)" || d.ID == "" || !strings.HasPrefix(d.Reason, "not a task: ") {
			t.Errorf("dead: %+v", d)
		}
		if age := time.Since(d.DiedAt); age < -time.Second || age > patience {
			t.Errorf("died %s ago", age)
		}
	}
	slices.Sort(found)
	if want := slices.Sorted(slices.Values(bodies)); !slices.Equal(found, want) {
		t.Errorf("set aside: %q", found)
	}
	if n := len(b.logged("set aside")); n != len(bodies) {
		t.Errorf("%d lines for %d messages", n, len(bodies))
	}
	m := b.receiveRaw(b.options.DeadURL, 0)
	if theirs := m.MessageAttributes["theirs"]; theirs.StringValue == nil || *theirs.StringValue != value {
		t.Errorf("attributes: %v", m.MessageAttributes)
	}

	// Redriving sends it unchanged.
	if found, err := b.Queue.Redrive(t.Context(), dead[0].Kind, dead[0].ID); err != nil || !found {
		t.Errorf("Redrive: %v (%v)", found, err)
	}
	b.Eventually("its return", func() bool { return len(b.logged("set aside")) == len(bodies)+1 })
	b.EventuallyStats(queue.Stats{Dead: len(bodies)})
}

func TestNamesAndReasonsOfAnyCharacter(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ids := []string{"\x01\x1f\x7f", "\ufffe\uffff", "😀", "<&>\"\\", "\u2028ñ"}
	b.WorkWith(func(context.Context, queue.Delivery) error {
		return errors.New("\x1b[31m\ufffe 😀 ñ")
	}, queue.WorkerOptions{MaxAttempts: 1})
	b.Enqueue(ids...)
	b.EventuallyStats(queue.Stats{Dead: len(ids)})
	for _, d := range b.Dead() {
		if !slices.Contains(ids, d.ID) {
			t.Errorf("id %q", d.ID)
		}
		if d.Reason != "?[31m? 😀 ñ" {
			t.Errorf("reason %q", d.Reason)
		}
	}
}

func TestEmptyReasonIsReplaced(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Enqueue("a")
	received := b.Receive(1, time.Minute)[0]
	if err := b.Puller().Settle(t.Context(), received, queue.Verdict{Action: queue.Bury}); err != nil {
		t.Fatal(err)
	}
	if dead := b.Dead(); len(dead) != 1 || dead[0].Reason != "no reason given" || dead[0].Attempts != 1 {
		t.Errorf("dead: %+v", dead)
	}
}

// envelope is the format of a task: a newer version must read the messages of an older one.
type envelope struct {
	Kind     string `json:"kind"`
	ID       string `json:"id"`
	Payload  []byte `json:"payload,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	Due      int64  `json:"due,omitempty"`
}

func TestLongDelaysAreKept(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	for name, test := range map[string]struct {
		verdict  queue.Verdict
		attempts int
	}{
		"postponed": {queue.Verdict{Action: queue.Postpone, Delay: time.Hour}, 0},
		"retried":   {queue.Verdict{Action: queue.Retry, Delay: time.Hour}, 1},
	} {
		b.Enqueue(name)
		if err := b.Puller().Settle(t.Context(), b.Receive(1, time.Minute)[0], test.verdict); err != nil {
			t.Fatal(err)
		}
		sent := p.seen("SendMessage")
		last := sent[len(sent)-1].body
		var e envelope
		if err := json.Unmarshal([]byte(last.MessageBody), &e); err != nil {
			t.Fatal(err)
		}
		if last.DelaySeconds != 15*60 || e.Kind != kind || e.ID != name || e.Attempts != test.attempts {
			t.Errorf("%s: %d s, %+v", name, last.DelaySeconds, e)
		}
		if wait := time.Until(time.UnixMilli(e.Due)); wait < 59*time.Minute || wait > time.Hour {
			t.Errorf("%s: due in %s", name, wait)
		}
	}
	b.EventuallyStats(queue.Stats{Delayed: 2})
}

// After SQS's longest delay of 15 min a task arrives although it is not due.
func TestTaskThatIsNotDueGoesBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	due := time.Now().Add(1500 * time.Millisecond)
	body, err := json.Marshal(envelope{Kind: kind, ID: "a", Payload: []byte("work"), Attempts: 1, Due: due.UnixMilli()})
	if err != nil {
		t.Fatal(err)
	}
	b.sendRaw(b.options.QueueURL, string(body), nil)
	seen := make(chan queue.Delivery, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d
		return nil
	})
	d := queuetest.Next(b, seen)
	if early := time.Until(due); early > time.Millisecond || d.Attempt != 2 || string(d.Payload) != "work" {
		t.Errorf("%+v, %s too early", d, early)
	}
	b.EventuallyStats(queue.Stats{})
}
