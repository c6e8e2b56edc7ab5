package sqsqueue

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"risingstars/platform/queue"
)

// maxDelay is SQS's own limit.
const maxDelay = 15 * time.Minute

// The attributes of a dead letter that a worker has written.
const (
	reasonAttribute   = "Reason"
	attemptsAttribute = "Attempts"
)

// envelope is a task as the body of a message.
type envelope struct {
	Kind    string `json:"kind"`
	ID      string `json:"id"`
	Payload []byte `json:"payload,omitempty"`
	// Attempts is the number of attempts that the message's earlier copies used up.
	Attempts int `json:"attempts,omitempty"`
	// Due, in milliseconds since the Unix epoch, is set if it is further away than SQS can delay a message.
	Due int64 `json:"due,omitempty"`
	// Redriven is passed on to all copies but the dead letter.
	Redriven bool `json:"redriven,omitempty"`
	// Trace is passed on to all copies.
	Trace string `json:"traceparent,omitempty"`
}

func envelopeOf(task queue.Task) envelope {
	return envelope{Kind: task.Kind, ID: task.ID, Payload: task.Payload, Trace: task.Trace}
}

func (e envelope) task() queue.Task {
	return queue.Task{Kind: e.Kind, ID: e.ID, Payload: e.Payload, Trace: e.Trace}
}

// message is a message to be sent.
type message struct {
	body       string
	attributes map[string]types.MessageAttributeValue
	delay      time.Duration
}

func newMessage(e envelope) message { return message{body: encode(e)} }

// later returns a copy for a later time. If SQS cannot delay it for so long, it comes back earlier and is sent again.
func later(e envelope, delay time.Duration) message {
	if delay > maxDelay {
		e.Due = time.Now().Add(delay).UnixMilli()
	}
	return message{body: encode(e), delay: min(delay, maxDelay)}
}

// encode writes ASCII, because SQS does not accept every character, not even every one that its documentation allows.
func encode(e envelope) string {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err) // impossible: the fields are strings, bytes, numbers and booleans
	}
	var ascii strings.Builder
	for _, r := range string(text) {
		switch {
		case r < utf8.RuneSelf:
			ascii.WriteRune(r)
		case r < 0x10000:
			fmt.Fprintf(&ascii, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&ascii, `\u%04x\u%04x`, high, low)
		}
	}
	return ascii.String()
}

// decode fails if the message is not a task.
func decode(body string) (envelope, error) {
	var e envelope
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return envelope{}, fmt.Errorf("not a task: %w", err)
	}
	if e.Kind == "" || e.ID == "" || e.Attempts < 0 {
		return envelope{}, errors.New("not a task: it has no kind or no id")
	}
	return e, nil
}

// read is decode for a message of the main queue. A message with a reason is a dead letter that the console moved back.
func read(m types.Message) (envelope, error) {
	e, err := decode(*m.Body)
	if _, died := m.MessageAttributes[reasonAttribute]; died {
		e.Redriven = true
	}
	return e, err
}

func (e envelope) wait() time.Duration {
	if e.Due == 0 {
		return 0
	}
	return max(0, time.Until(time.UnixMilli(e.Due)))
}

// receives returns how often SQS has delivered the message, including this time.
func receives(m types.Message) int {
	return systemNumber(m, types.MessageSystemAttributeNameApproximateReceiveCount)
}

func sentAt(m types.Message) time.Time {
	return time.UnixMilli(int64(systemNumber(m, types.MessageSystemAttributeNameSentTimestamp)))
}

// systemNumber returns 0 if SQS did not send the attribute.
func systemNumber(m types.Message, name types.MessageSystemAttributeName) int {
	n, _ := strconv.Atoi(m.Attributes[string(name)])
	return n
}

func textAttribute(text string) types.MessageAttributeValue {
	kind, value := "String", printable(text)
	return types.MessageAttributeValue{DataType: &kind, StringValue: &value}
}

func numberAttribute(n int) types.MessageAttributeValue {
	kind, value := "Number", strconv.Itoa(n)
	return types.MessageAttributeValue{DataType: &kind, StringValue: &value}
}

// printable replaces the characters that SQS does not accept, which are those that XML excludes. It replaces an empty
// text as well.
func printable(text string) string {
	if text == "" {
		return "no reason given"
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return '?'
		}
		return r
	}, text)
}
