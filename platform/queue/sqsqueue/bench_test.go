package sqsqueue_test

import (
	"context"
	"crypto/rand"
	"flag"
	"fmt"
	"os"
	"strings"
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
	patience = queuetest.Patience
	wait     = time.Second // the length of a poll, which continues after its worker has stopped
	region   = "us-east-1"
	kind     = queuetest.Kind

	maxReceives = 3
)

// TestMain gives the SDK credentials and hides this machine's settings from it.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		os.Setenv(name, value)
	}
	flag.Set("test.parallel", "16") // SQS counts in seconds: the tests wait more than they work
	os.Exit(m.Run())
}

// SQS neither recognises duplicates nor knows the age of a message; it does not distinguish a lapse from another
// receive, and continues a poll whose worker has stopped.
var promises = queuetest.Promises{RecoversWithin: 30 * time.Second, ShortestVisibility: 3 * time.Second}

// sqsURL returns the URL of the server that all tests share.
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
	queuetest.Bench
	options sqsqueue.Options
	sqs     *sqs.Client // past the driver
}

func setup(t *testing.T) *bench {
	t.Helper()
	address := sqsURL(t)
	return setupOn(t, address, address)
}

// setupOn creates the queues on a server; the driver reaches the server at address.
func setupOn(t *testing.T, server, address string) *bench {
	t.Helper()
	b := &bench{Bench: queuetest.Bench{T: t, Promises: promises}, sqs: client(t, server)}
	name := "test-" + rand.Text()
	dead := b.create(name+"-dead", nil)
	url := b.create(name, map[string]string{"RedrivePolicy": fmt.Sprintf(
		`{"deadLetterTargetArn":%q,"maxReceiveCount":%d}`,
		b.attribute(dead, types.QueueAttributeNameQueueArn), maxReceives)})
	b.options = sqsqueue.Options{
		QueueURL: url, DeadURL: dead, Region: region, EndpointURL: address, Wait: wait, Logger: b.Logger(),
	}
	b.Driver = b.open(b.options)
	b.Queue = queue.New(b.Driver, queue.Options{})
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

// create creates a queue that is deleted with the test.
func (b *bench) create(name string, attributes map[string]string) string {
	b.Helper()
	reply, err := b.sqs.CreateQueue(b.Context(), &sqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		// Its server may have ended.
		b.sqs.DeleteQueue(context.Background(), &sqs.DeleteQueueInput{QueueUrl: reply.QueueUrl})
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
	_, err := b.sqs.SendMessage(b.Context(), &sqs.SendMessageInput{
		QueueUrl: &url, MessageBody: &body, MessageAttributes: attributes,
	})
	if err != nil {
		b.Fatal(err)
	}
}

// receiveRaw receives a message past the driver.
func (b *bench) receiveRaw(url string, visibility time.Duration) (m types.Message) {
	b.Helper()
	b.Eventually("a message in "+url, func() bool {
		reply, err := b.sqs.ReceiveMessage(b.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: &url, VisibilityTimeout: int32(visibility / time.Second), WaitTimeSeconds: 1,
			MessageAttributeNames: []string{"All"},
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
	if visibility == 0 { // the SDK leaves out a zero in the request above
		_, err := b.sqs.ChangeMessageVisibility(b.Context(), &sqs.ChangeMessageVisibilityInput{
			QueueUrl: &url, ReceiptHandle: m.ReceiptHandle,
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	return m
}

// logged returns the errors of the log's lines whose message contains this text.
func (b *bench) logged(text string) (errs []string) {
	b.Helper()
	for _, line := range b.Logged("") {
		if message, _ := line["msg"].(string); strings.Contains(message, text) {
			err, _ := line["error"].(string)
			errs = append(errs, err)
		}
	}
	return errs
}
