package sqsqueue_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
	"risingstars/platform/queue/sqsqueue"
)

const (
	patience = time.Minute
	wait     = time.Second // of a poll; a poll whose worker has stopped goes on taking tasks for so long
	region   = "us-east-1"
	kind     = "probe"

	maxReceives = 3
)

// TestMain gives the SDK's own chain its credentials, and nothing of the machine's.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		os.Setenv(name, value)
	}
	flag.Set("test.parallel", "8") // SQS counts in seconds: the tests wait more than they work
	os.Exit(m.Run())
}

// limits are what SQS cannot do.
func limits() queuetest.Limits {
	return queuetest.Limits{
		Visibility: 3 * time.Second, KeepsDuplicates: true, HidesAge: true, HidesLapses: true, TakesIntoNothing: true,
	}
}

// sqsURL is of the server that all tests share.
func sqsURL(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: needs an SQS server")
	}
	address := os.Getenv("TEST_SQS_URL")
	if address == "" {
		t.Fatal("no TEST_SQS_URL: run make test, which starts an SQS server")
	}
	return address
}

// bench is one queue under test.
type bench struct {
	*testing.T
	options sqsqueue.Options
	sqs     *sqs.Client // past the driver
	driver  *sqsqueue.Driver
	queue   *queue.Queue
	log     *logBuffer
	gates   []func() // opened before workers are stopped
}

func setup(t *testing.T) *bench {
	t.Helper()
	address := sqsURL(t)
	return setupOn(t, address, address)
}

// setupOn makes the queues in a server, which the driver reaches under an address of its own.
func setupOn(t *testing.T, server, address string) *bench {
	t.Helper()
	b := &bench{T: t, sqs: client(t, server), log: &logBuffer{}}
	name := "test-" + rand.Text()
	dead := b.create(name+"-dead", nil)
	url := b.create(name, map[string]string{"RedrivePolicy": fmt.Sprintf(
		`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`, b.attribute(dead, types.QueueAttributeNameQueueArn), maxReceives)})
	b.options = sqsqueue.Options{
		QueueURL: url, DeadURL: dead, Region: region, EndpointURL: address, Wait: wait, Logger: b.log.logger(),
	}
	b.driver = b.open(b.options)
	b.queue = queue.New(b.driver, queue.Options{})
	return b
}

func client(t *testing.T, address string) *sqs.Client {
	t.Helper()
	settings, err := config.LoadDefaultConfig(t.Context(), config.WithRegion(region))
	if err != nil {
		t.Fatal(err)
	}
	return sqs.NewFromConfig(settings, func(o *sqs.Options) { o.BaseEndpoint = &address })
}

// create makes a queue that goes with the test.
func (b *bench) create(name string, attributes map[string]string) string {
	b.Helper()
	reply, err := b.sqs.CreateQueue(b.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		b.sqs.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: reply.QueueUrl}) // its server may be gone
	})
	return *reply.QueueUrl
}

func (b *bench) open(options sqsqueue.Options) *sqsqueue.Driver {
	b.Helper()
	driver, err := sqsqueue.Open(b.Context(), options)
	if err != nil {
		b.Fatal(err)
	}
	return driver
}

func (b *bench) attribute(url string, name types.QueueAttributeName) string {
	b.Helper()
	reply, err := b.sqs.GetQueueAttributes(b.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{name},
	})
	if err != nil {
		b.Fatal(err)
	}
	return reply.Attributes[string(name)]
}

// sendRaw sends past the driver.
func (b *bench) sendRaw(url, body string, attributes map[string]types.MessageAttributeValue) {
	b.Helper()
	_, err := b.sqs.SendMessage(b.Context(), &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &body, MessageAttributes: attributes})
	if err != nil {
		b.Fatal(err)
	}
}

// receiveRaw takes a message past the driver, for as long as visibility.
func (b *bench) receiveRaw(url string, visibility time.Duration) (m types.Message) {
	b.Helper()
	b.eventually("a message in "+url, func() bool {
		reply, err := b.sqs.ReceiveMessage(b.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &url, VisibilityTimeout: int32(visibility / time.Second), WaitTimeSeconds: 1, MessageAttributeNames: []string{"All"},
		})
		if err != nil {
			b.Fatal(err)
		}
		if len(reply.Messages) == 0 {
			return false
		}
		m = reply.Messages[0]
		return true
	})
	if visibility == 0 { // the SDK does not send a zero above
		_, err := b.sqs.ChangeMessageVisibility(b.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &url, ReceiptHandle: m.ReceiptHandle})
		if err != nil {
			b.Fatal(err)
		}
	}
	return m
}

func (b *bench) enqueue(ids ...string) {
	b.Helper()
	for _, id := range ids {
		if err := b.queue.Enqueue(b.Context(), queue.Task{Kind: kind, ID: id}); err != nil {
			b.Fatal(err)
		}
	}
}

func (b *bench) work(run func(ctx context.Context, d queue.Delivery) error) *queue.Worker {
	b.Helper()
	return b.workWith(queue.Handler{Run: run}, queue.WorkerOptions{})
}

func (b *bench) workWith(handler queue.Handler, options queue.WorkerOptions) *queue.Worker {
	b.Helper()
	options.Grace, options.Logger = -1, b.log.logger()
	options.Backoff = queue.Backoff{Base: time.Millisecond, Max: time.Millisecond}
	worker := queue.NewWorker(b.driver, queue.Handlers{kind: handler}, options)
	if err := worker.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		for _, open := range b.gates {
			open()
		}
		b.stop(worker)
	})
	return worker
}

func (b *bench) stop(worker *queue.Worker) {
	b.Helper()
	if err := worker.Stop(context.Background()); err != nil {
		b.Error(err)
	}
}

// bury has the driver give tasks up, without a worker.
func (b *bench) bury(ids ...string) {
	b.Helper()
	b.enqueue(ids...)
	for left := len(ids); left > 0; {
		for _, lease := range b.receive(min(left, 10)) {
			left--
			if err := b.driver.Settle(b.Context(), lease, queue.Verdict{Action: queue.Bury, Reason: "no use"}); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func (b *bench) receive(n int) (leases []queue.Lease) {
	b.Helper()
	b.eventually("a task", func() bool {
		var err error
		if leases, err = b.driver.Receive(b.Context(), n, time.Minute); err != nil {
			b.Fatal(err)
		}
		return len(leases) > 0
	})
	return leases
}

func (b *bench) stats() queue.Stats {
	b.Helper()
	stats, err := b.queue.Stats(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return stats
}

func (b *bench) eventuallyStats(want queue.Stats) {
	b.Helper()
	b.eventually(fmt.Sprintf("%+v", want), func() bool { return b.stats() == want })
}

func (b *bench) dead() []queue.DeadTask {
	b.Helper()
	dead, err := b.queue.Dead(b.Context(), 0)
	if err != nil {
		b.Fatal(err)
	}
	return dead
}

func (b *bench) eventually(what string, answer func() bool) {
	b.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(patience); !answer(); <-tick.C {
		if time.Now().After(deadline) {
			b.Fatalf("did not come: %s", what)
		}
	}
}

// gate is what handlers wait at until it is opened, at the latest when the test ends.
func gate(b *bench) (release <-chan struct{}, open func()) {
	c := make(chan struct{})
	open = sync.OnceFunc(func() { close(c) })
	b.gates = append(b.gates, open)
	return c, open
}

func next[T any](b *bench, from <-chan T) T {
	b.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patience):
		b.Fatal("nothing came")
		panic("unreachable")
	}
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) logger() *slog.Logger { return slog.New(slog.NewJSONHandler(l, nil)) }

// lines whose message has this text, with the error.
func (l *logBuffer) lines(t *testing.T, text string) (errs []string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	for decoder := json.NewDecoder(bytes.NewReader(l.buf.Bytes())); ; {
		var line struct{ Msg, Error string }
		if err := decoder.Decode(&line); errors.Is(err, io.EOF) {
			return errs
		} else if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(line.Msg, text) {
			errs = append(errs, line.Error)
		}
	}
}
