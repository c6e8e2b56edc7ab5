package sqsqueue_test

import (
	"context"
	"crypto/rand"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"risingstars/platform/queue"
	"risingstars/platform/queue/queuetest"
	"risingstars/platform/queue/sqsqueue"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	sqsURL(t)
	queuetest.Run(t, func(t *testing.T) queue.Driver { return setup(t).Driver }, promises)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	policy := func(maxReceives string) string {
		target := b.attribute(b.options.DeadURL, types.QueueAttributeNameQueueArn)
		return b.create("test-"+rand.Text(), map[string]string{
			"RedrivePolicy": `{"deadLetterTargetArn":"` + target + `","maxReceiveCount":` + maxReceives + `}`,
		})
	}
	type change = func(o *sqsqueue.Options)
	endpoint := func(url string) change {
		return func(o *sqsqueue.Options) { o.EndpointURL = url }
	}
	queues := func(tasks, dead string) change {
		return func(o *sqsqueue.Options) { o.QueueURL, o.DeadURL = tasks, dead }
	}
	noRegion := func(o *sqsqueue.Options) { o.Region = "" }
	live, dead, plain := b.options.QueueURL, b.options.DeadURL, b.create("test-"+rand.Text(), nil)
	signature := &refusal{
		http.StatusForbidden, "SignatureDoesNotMatch", "The canonical string should have been POST s3cret",
	}
	denied := &refusal{
		http.StatusForbidden, "AccessDeniedException",
		"User: arn:aws:iam::1:user/x is not authorized to perform: sqs:getqueueattributes",
	}
	broken := &refusal{http.StatusServiceUnavailable, "ServiceUnavailable", ""}
	for name, test := range map[string]struct {
		change  change
		refused *refusal
		want    string
	}{
		"nobody there": {endpoint("http://127.0.0.1:1"), nil, "no answer from SQS: dial 127.0.0.1:1"},
		"nobody by name": {
			endpoint("http://localhost:1"), nil, "no answer from SQS: dial localhost:1: connect: connection refused",
		},
		"no such name":       {endpoint("http://sqs.invalid"), nil, "no answer from SQS: look up sqs.invalid: "},
		"no URL":             {queues("", dead), nil, "the URL must look like"},
		"a name":             {queues("showcase", dead), nil, "the URL must look like"},
		"no name":            {queues("https://sqs.us-east-1.amazonaws.com/", dead), nil, "the URL must look like"},
		"a FIFO queue":       {queues(live+".fifo", dead), nil, ".fifo is a FIFO queue"},
		"FIFO dead letters":  {queues(live, dead+".fifo"), nil, "dead letters: "},
		"no such queue":      {queues(live+"-x", dead), nil, "-x: there is no such queue"},
		"no dead letters":    {queues(live, dead+"-x"), nil, "-dead-x: there is no such queue"},
		"none named":         {queues(plain, ""), nil, "no queue is named, and it has no redrive policy"},
		"other dead letters": {queues(live, plain), nil, "the redrive policy of test-"},
		"wrong way round":    {queues(dead, live), nil, "are the two queues the wrong way round?"},
		"one for both":       {queues(plain, plain), nil, "that is the queue itself"},
		"one receive":        {queues(policy("1"), dead), nil, "its redrive policy allows 1 receives"},
		"no region":          {noRegion, nil, "no AWS region is set"},
		"denied":             {nil, denied, "SQS refuses: AccessDeniedException: User: arn:aws:iam::1:user/x"},
		"wrong secret":       {nil, signature, "SQS refuses: SignatureDoesNotMatch"},
		"broken":             {nil, broken, "SQS answers with status 503"},
	} {
		options := b.options
		if test.change != nil {
			test.change(&options)
		}
		p.peace()
		if test.refused != nil {
			p.trouble(test.refused)
		}
		_, err := sqsqueue.Open(t.Context(), options)
		if err == nil {
			t.Errorf("%s: opened", name)
			continue
		}
		text := err.Error()
		if !strings.Contains(text, test.want) || strings.Contains(text, "s3cret") || strings.Contains(text, "AKIA") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestOpenFindsTheDeadLettersByThePolicy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Bury("a")
	options := b.options
	options.DeadURL = ""
	b.Driver = b.open(options)
	b.Queue = queue.New(b.Driver, queue.Options{})
	if dead := b.Dead(); len(dead) != 1 || dead[0].ID != "a" {
		t.Errorf("dead: %+v", dead)
	}
}

// Credentials and the issuers of certificates come from the SDK's environment.
func TestEnvironmentOfTheSDK(t *testing.T) {
	p := startProxy(t, (*httptest.Server).StartTLS)
	b := setup(t)
	options := b.options
	options.EndpointURL = p.URL
	fails := func(want string) {
		t.Helper()
		if _, err := sqsqueue.Open(t.Context(), options); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("opened: %v, want %q", err, want)
		}
	}
	fails("certificate")

	bundle := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
	if err := os.WriteFile(bundle, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", bundle)
	b.open(options)

	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	fails("no AWS credentials found")
}

// AWS_ENDPOINT_URL is for every service, and the application passes it on; this service's own variable takes
// precedence.
func TestTheServicesOwnEndpointComesFirst(t *testing.T) {
	b := setup(t)
	options := b.options
	t.Setenv("AWS_ENDPOINT_URL_SQS", options.EndpointURL)
	const nobody = "http://127.0.0.1:1"
	options.EndpointURL = nobody
	b.open(options)
	t.Setenv("AWS_ENDPOINT_URL", nobody)
	b.open(options)
}

func TestWhatSQSRefusesFails(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	p.trouble(&refusal{http.StatusBadRequest, "AccessDenied", "not authorized"})
	const want = "SQS refuses: AccessDenied: not authorized"
	worker := queue.NewWorker(b.Driver, queue.Handlers{}, queue.WorkerOptions{})
	if err := worker.Start(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Start returned %v", err)
	}
	err := b.Queue.Enqueue(t.Context(), queue.Task{Kind: kind, ID: "a"})
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Enqueue returned %v", err)
	}
	if _, err := b.Queue.Dead(t.Context(), 0); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Dead returned %v", err)
	}
	if _, err := b.Queue.Redrive(t.Context(), kind, "a"); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Redrive returned %v", err)
	}
	if _, err := b.Queue.RedriveAll(t.Context(), every); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("RedriveAll returned %v", err)
	}
}

func TestStopDoesNotWaitForAnOpenPoll(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	options := b.options
	options.Wait = 20 * time.Second
	b.Driver = b.open(options)
	begun := time.Now()
	worker := b.Work(func(context.Context, queue.Delivery) error { return nil })
	b.Eventually("a poll", func() bool { return len(p.seen("ReceiveMessage")) > 0 })
	b.Stop(worker)
	if took := time.Since(begun); took >= options.Wait {
		t.Errorf("begun and stopped in %s, and the poll takes %s", took, options.Wait)
	}
	if errs := b.logged(""); len(errs) > 0 {
		t.Errorf("logged %q", errs)
	}
}

func TestIdleWorkerPollsSeldom(t *testing.T) {
	t.Parallel()
	b, p := setupOnProxy(t)
	worker := b.Work(func(context.Context, queue.Delivery) error { return nil })
	b.Eventually("a third poll", func() bool { return len(p.seen("ReceiveMessage")) >= 3 })
	// A tenth less, because the clocks differ.
	if polls := p.seen("ReceiveMessage"); polls[2].at.Sub(polls[0].at) < 2*wait*9/10 {
		t.Errorf("two polls within %s, each waits for %s", polls[2].at.Sub(polls[0].at), wait)
	}
	b.Stop(worker)
}
