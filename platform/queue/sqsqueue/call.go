package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"risingstars/platform/queue"
)

// maxBatch is the largest number of messages in one call.
const maxBatch = 10

func (d *Driver) attributes(
	ctx context.Context, url string, names ...types.QueueAttributeName,
) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply, err := d.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: names})
	if err != nil {
		return nil, plain(err)
	}
	return reply.Attributes, nil
}

func (d *Driver) send(ctx context.Context, url string, m message) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := d.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &url, MessageBody: &m.body, MessageAttributes: m.attributes, DelaySeconds: seconds(m.delay),
	})
	return plain(err)
}

// receive waits for visible messages and makes them invisible.
func (d *Driver) receive(
	ctx context.Context, url string, n int, visibility, wait time.Duration,
) ([]types.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, wait+callTimeout)
	defer cancel()
	reply, err := d.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &url, MaxNumberOfMessages: int32(min(n, maxBatch)),
		VisibilityTimeout: seconds(visibility), WaitTimeSeconds: seconds(wait),
		MessageAttributeNames: []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameApproximateReceiveCount, types.MessageSystemAttributeNameSentTimestamp,
		},
	})
	if err != nil {
		return nil, plain(err)
	}
	return reply.Messages, nil
}

// hide makes the message's visibility end after the given time. It returns ErrLost if the receipt is no longer valid. A
// receipt is valid for 12 h at most.
func (d *Driver) hide(ctx context.Context, receipt string, visibility time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := d.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &d.queueURL, ReceiptHandle: &receipt, VisibilityTimeout: seconds(visibility),
	})
	return lost(err)
}

// hideAll is hide for several messages of either queue; it returns the receipts that failed.
func (d *Driver) hideAll(
	ctx context.Context, url string, receipts []string, visibility time.Duration,
) (failed map[string]bool, err error) {
	failed = map[string]bool{}
	for start := 0; start < len(receipts); start += maxBatch {
		batch := receipts[start:min(start+maxBatch, len(receipts))]
		entries := make([]types.ChangeMessageVisibilityBatchRequestEntry, len(batch))
		byID := map[string]string{}
		for i, receipt := range batch {
			id := fmt.Sprint(i)
			byID[id] = receipt
			entries[i] = types.ChangeMessageVisibilityBatchRequestEntry{
				Id: &id, ReceiptHandle: &receipt, VisibilityTimeout: seconds(visibility),
			}
		}
		reply, err := d.hideBatch(ctx, &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &url, Entries: entries})
		if err != nil {
			return nil, plain(err)
		}
		for _, failure := range reply.Failed {
			failed[byID[*failure.Id]] = true
		}
	}
	return failed, nil
}

func (d *Driver) hideBatch(
	ctx context.Context, batch *sqs.ChangeMessageVisibilityBatchInput,
) (*sqs.ChangeMessageVisibilityBatchOutput, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return d.client.ChangeMessageVisibilityBatch(ctx, batch)
}

func (d *Driver) remove(ctx context.Context, url, receipt string) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	_, err := d.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: &receipt})
	return lost(err)
}

// seconds rounds up to SQS's unit.
func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

// lost turns the refusal of a receipt into ErrLost. SQS's actual code for it, and for the end of the 12 h, is
// InvalidParameterValue; the other codes are in its documentation.
func lost(err error) error {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "InvalidParameterValue", "InvalidParameterValueException", "ReceiptHandleIsInvalid",
			"MessageNotInflight", "AWS.SimpleQueueService.MessageNotInflight":
			return queue.ErrLost
		}
	}
	return plain(err)
}

// trouble is an error whose text leaves out what was signed, and the details in which the errors of one outage differ:
// the request's id and, as SQS's names have many addresses, the one that was tried.
type trouble struct {
	text  string
	cause error
}

func (t *trouble) Error() string { return t.text }

func (t *trouble) Unwrap() error { return t.cause }

func plain(err error) error {
	if err == nil {
		return nil
	}
	return &trouble{plainText(err), err}
}

func plainText(err error) string {
	_, missing := errors.AsType[*types.QueueDoesNotExist](err)
	api, refused := errors.AsType[smithy.APIError](err)
	response, answered := errors.AsType[*smithyhttp.ResponseError](err)
	lookup, unresolved := errors.AsType[*net.DNSError](err)
	connection, disconnected := errors.AsType[*net.OpError](err)
	request, sent := errors.AsType[*url.Error](err)
	switch {
	case missing:
		return "there is no such queue"
	case answered && response.HTTPStatusCode() >= http.StatusInternalServerError:
		return fmt.Sprintf("SQS answers with status %d", response.HTTPStatusCode())
	case refused && (strings.Contains(api.ErrorCode(), "Signature") || strings.Contains(api.ErrorCode(), "Token")):
		return "SQS refuses: " + api.ErrorCode() // its message repeats what was signed
	case refused:
		return fmt.Sprintf("SQS refuses: %s: %s", api.ErrorCode(), api.ErrorMessage())
	case unresolved:
		return fmt.Sprintf("no answer from SQS: look up %s: %s", lookup.Name, lookup.Err)
	case disconnected && sent:
		return fmt.Sprintf("no answer from SQS: %s %s: %v", connection.Op, hostOf(request.URL), connection.Err)
	case disconnected:
		return fmt.Sprintf("no answer from SQS: %v", connection.Err)
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer from SQS in time"
	case sent:
		return fmt.Sprintf("no answer from SQS: %v", request.Err)
	default:
		return err.Error()
	}
}

// hostOf leaves out the path, so that both queues report an outage in the same words.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "it"
	}
	return u.Host
}
