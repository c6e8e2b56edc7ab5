package media

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/queue"
	"risingstars/platform/queue/asynqueue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/queue/sqsqueue"
)

// sender is a real queue that counts what is sent, with a step before each.
type sender struct {
	queue.Driver
	sent   *atomic.Int32
	before func(id string) error
}

func (q sender) Enqueue(ctx context.Context, task queue.Task) error {
	if err := q.before(task.ID); err != nil {
		return err
	}
	q.sent.Add(1)
	return q.Driver.Enqueue(ctx, task)
}

// sends lets step run before each task that the module sends to the driver, and returns the number of those sent.
func (s *studio) sends(driver queue.Driver, step func(id string) error) *atomic.Int32 {
	sent := &atomic.Int32{}
	s.queue = queue.New(sender{driver, sent, step}, queue.Options{Logger: s.log})
	return sent
}

// eachQueue runs the test on every database with every queue driver.
func eachQueue(t *testing.T, test func(t *testing.T, s *studio, driver queue.Driver)) {
	t.Helper()
	for name, open := range map[string]func(t *testing.T, db *database.DB) queue.Driver{
		"dbqueue": func(_ *testing.T, db *database.DB) queue.Driver { return dbqueue.New(db, dbqueue.Options{}) },
		"redis":   func(t *testing.T, _ *database.DB) queue.Driver { return openRedis(t) },
		"sqs":     func(t *testing.T, _ *database.DB) queue.Driver { return openSQS(t) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			databasetest.Each(t, owners, func(t *testing.T, db *database.DB) { test(t, setupOn(t, db), open(t, db)) })
		})
	}
}

// server returns the address of a test server; -short skips the test.
func server(t *testing.T, variable, flag string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: needs " + variable)
	}
	address := os.Getenv(variable)
	if address == "" {
		t.Fatalf("no %s: run make test, or infra/setup/test.sh %s go test ./modules/media", variable, flag)
	}
	return address
}

func openRedis(t *testing.T) queue.Driver {
	t.Helper()
	driver, err := asynqueue.Open(t.Context(), asynqueue.Options{
		URL: server(t, "TEST_REDIS_URL", "--redis"), Queue: "media-" + rand.Text(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := driver.Close(); err != nil {
			t.Error(err)
		}
	})
	return driver
}

// openSQS creates the two queues by plain requests: only the driver uses the SDK.
func openSQS(t *testing.T) queue.Driver {
	t.Helper()
	address := server(t, "TEST_SQS_URL", "--sqs")
	create := func(name string) string {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address,
			strings.NewReader(fmt.Sprintf(`{"QueueName": %q}`, name)))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/x-amz-json-1.0")
		request.Header.Set("X-Amz-Target", "AmazonSQS.CreateQueue")
		request.Header.Set("Authorization",
			"AWS4-HMAC-SHA256 Credential=TEST/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		var created struct {
			QueueURL string `json:"QueueUrl"`
		}
		if err := json.NewDecoder(response.Body).Decode(&created); err != nil || created.QueueURL == "" {
			t.Fatalf("create a queue: %s, %v", response.Status, err)
		}
		return created.QueueURL
	}
	name := "media-" + rand.Text()
	driver, err := sqsqueue.Open(t.Context(), sqsqueue.Options{
		QueueURL: create(name), DeadURL: create(name + "-dead"), Region: "us-east-1", EndpointURL: address,
	})
	if err != nil {
		t.Fatal(err)
	}
	return driver
}

// The first sweeper has chosen what to send when the second begins, and so has the second when the third begins.
func TestThreeSweepersSendEachTaskOnce(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, first *studio, driver queue.Driver) {
		const videos = 30
		for range videos {
			first.set(t, first.insert(t, Uploaded).ID, "sent_at = 0")
		}
		sweepers := []*studio{first, setupOn(t, first.db), setupOn(t, first.db)}
		counts := make([]*atomic.Int32, len(sweepers))
		for i, s := range sweepers {
			begun := false
			counts[i] = s.sends(driver, func(string) error {
				if begun || i+1 == len(sweepers) {
					return nil
				}
				begun = true
				return sweepers[i+1].resend(t.Context())
			})
		}
		if err := first.resend(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := sweepers[1].resend(t.Context()); err != nil {
			t.Fatal(err)
		}
		if sent := counts[0].Load() + counts[1].Load() + counts[2].Load(); sent != videos {
			t.Errorf("%d tasks are sent for %d videos", sent, videos)
		}
		stats, err := first.queue.Stats(t.Context())
		if err != nil || stats.Ready+stats.Delayed != videos {
			t.Errorf("the queue has %+v (%v), want %d tasks", stats, err, videos)
		}
	})
}

// Really at once, with batches that overlap.
func TestSweepersThatMeetSendEachTaskOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		const videos = 150
		for range videos {
			s.set(t, s.insert(t, Uploaded).ID, "sent_at = 0")
		}
		errs := make(chan error, 3)
		var counts []*atomic.Int32
		for range cap(errs) {
			sweeper := setupOn(t, s.db)
			counts = append(counts, sweeper.sends(sweeper.driver, func(string) error { return nil }))
			go func() { errs <- errors.Join(sweeper.resend(t.Context()), sweeper.resend(t.Context())) }()
		}
		for range cap(errs) {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
		sent := int32(0)
		for _, count := range counts {
			sent += count.Load()
		}
		if sent != videos || s.queued(t) != videos {
			t.Errorf("%d tasks are sent for %d videos, and %d wait", sent, videos, s.queued(t))
		}
	})
}

// A sweeper meets a video between its commit and the sending of its task.
func TestAnUploadAndASweeperSendATaskOnce(t *testing.T) {
	t.Parallel()
	eachQueue(t, func(t *testing.T, s *studio, driver queue.Driver) {
		other := setupOn(t, s.db)
		others := other.sends(driver, func(string) error { return nil })
		mine := s.sends(driver, func(string) error { return other.resend(t.Context()) })
		s.upload(t, notReallyAVideo())
		if mine.Load() != 1 || others.Load() != 0 {
			t.Errorf("%d are sent by the upload and %d by the sweeper", mine.Load(), others.Load())
		}
	})
}

// One task cannot be sent; the others are, and the next sweep sends that one.
func TestATaskThatWasNotSentIsSentByTheNextSweep(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		for _, after := range []time.Duration{0, time.Hour} {
			s.o.ResendAfter = max(time.Minute, after)
			videos := []Video{s.insert(t, Uploaded), s.insert(t, Uploaded), s.insert(t, Uploaded)}
			s.exec(t, `UPDATE media_videos SET sent_at = 0`)
			sent := s.sends(s.driver, func(id string) error {
				if id == videos[0].ID {
					return errStuck
				}
				return nil
			})
			if err := s.resend(t.Context()); !errors.Is(err, errStuck) || sent.Load() != 2 {
				t.Errorf("the sweep ends with %v after %d tasks", err, sent.Load())
			}
			if row := s.read(t, videos[0].ID); row.SentAt != 0 {
				t.Errorf("%+v", row)
			}
			sent = s.sends(s.driver, func(string) error { return nil })
			for range 2 {
				if err := s.resend(t.Context()); err != nil || sent.Load() != 1 {
					t.Errorf("the next sweep ends with %v after %d tasks, want 1", err, sent.Load())
				}
			}
			s.exec(t, `UPDATE media_videos SET status = 'processed'`)
		}
	})
}

// The process dies between taking a video and sending its task; then the wait for a slow queue, which may be long, has
// not begun.
func TestATaskThatWasTakenAndNotSentIsSentWithinAMinute(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		s.o.ResendAfter = 30 * time.Minute
		v := s.insert(t, Uploaded)
		s.set(t, v.ID, "sent_at = 0")
		if taken, err := s.store.takeSilent(t.Context(), s.o.ResendAfter, 10); err != nil || len(taken) != 1 {
			t.Fatal(taken, err)
		}
		for _, want := range []int{0, 1, 1} {
			if s.sweep(t); s.queued(t) != want {
				t.Errorf("%d tasks, want %d", s.queued(t), want)
			}
			s.pass(t, sendHold+time.Second)
		}
	})
}

// A worker claims the video while its task cannot be sent. What it has recorded stays.
func TestAFailedSendingChangesNoClaim(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.insert(t, Uploaded)
		s.set(t, v.ID, "sent_at = 0")
		s.sends(s.driver, func(string) error {
			s.pass(t, time.Second)
			s.claimed(t, v)
			return errStuck
		})
		if err := s.resend(t.Context()); !errors.Is(err, errStuck) {
			t.Errorf("the sweep ends with %v", err)
		}
		if row := s.read(t, v.ID); row.SentAt == 0 || row.Status != string(Processing) {
			t.Errorf("%+v", row)
		}
	})
}

// traceKeeper is a real queue that keeps the traces of what is sent.
type traceKeeper struct {
	queue.Driver
	traces *[]string
}

func (q traceKeeper) Enqueue(ctx context.Context, task queue.Task) error {
	*q.traces = append(*q.traces, task.Trace)
	return q.Driver.Enqueue(ctx, task)
}

// A sweeper knows nothing of the request that a video came with but what its row says.
func TestATaskThatIsSentAgainBelongsToTheTraceOfTheUpload(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		var traces []string
		s.queue = queue.New(traceKeeper{s.driver, &traces}, queue.Options{Logger: s.log})
		want := "00-" + strings.Repeat("a", 32) + "-" + strings.Repeat("b", 16) + "-01"
		s.set(t, s.insert(t, Uploaded).ID, "sent_at = 0, trace = '"+want+"'")
		if err := s.resend(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(traces) != 1 || traces[0] != want {
			t.Errorf("sent with %q, want %q", traces, want)
		}
	})
}
