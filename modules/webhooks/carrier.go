package webhooks

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// carryTime is how long an endpoint has to answer, from the look for its address to the end of the answer.
	carryTime = 15 * time.Second
	stepTime  = 5 * time.Second // for the connection, and for TLS
	// mostAnswer is how much of an answer is read, only so that its connection can be used again.
	mostAnswer  = 16 << 10
	mostHeaders = 16 << 10
)

// Why a delivery was not accepted, beside what an endpoint answers.
const (
	whyStatus     = "status"             // the answer is not 2xx
	whyRefused    = "address_not_public" // or not https
	whyName       = "name_not_found"
	whyTimeout    = "timeout"
	whyTLS        = "tls"
	whyConnection = "connection"
	whyExpired    = "expired"      // its turn did not come within its life
	whyOff        = "switched_off" // before its turn came
	whySecret     = "secret"       // it cannot be opened: it was closed with another SECRET_KEY
)

// Reasons returns the codes of why a delivery was not accepted.
func Reasons() []string {
	return []string{
		whyStatus, whyRefused, whyName, whyTimeout, whyTLS, whyConnection, whyExpired, whyOff, whySecret,
	}
}

// carrier posts events. It is safe for concurrent use.
type carrier struct {
	guard        *guard
	client       *http.Client
	allowPrivate bool
}

func newCarrier(allowPrivate bool) *carrier {
	c := &carrier{guard: newGuard(), allowPrivate: allowPrivate}
	dialer := &net.Dialer{Timeout: stepTime}
	if !allowPrivate {
		dialer.Control = c.guard.control
	}
	c.client = &http.Client{
		Timeout: carryTime,
		Transport: &http.Transport{
			// No proxy, which would look up names by itself.
			DialContext: dialer.DialContext, TLSHandshakeTimeout: stepTime, MaxResponseHeaderBytes: mostHeaders,
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
			DisableCompression: true, MaxIdleConns: mostEndpoints, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return c
}

// outcome is what has come of a try.
type outcome struct {
	status int    // of the answer; 0: there was none
	why    string // "": it was accepted
	took   time.Duration
}

// carry posts an event, and returns what has come of it. The error is for the log; it names no address.
func (c *carrier) carry(ctx context.Context, address string, secrets []string, d Delivery) (outcome, error) {
	began := time.Now()
	status, err := c.post(ctx, address, secrets, d, began)
	o := outcome{status: status, took: time.Since(began)}
	switch {
	case err != nil:
		o.why = reasonOf(err)
	case status < 200 || status > 299:
		o.why = whyStatus
	}
	return o, err
}

func (c *carrier) post(
	ctx context.Context, address string, secrets []string, d Delivery, at time.Time,
) (status int, err error) {
	signed, err := signatures(secrets, d.EventID, at, []byte(d.Payload))
	if err != nil {
		return 0, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(d.Payload))
	if err != nil {
		return 0, errors.New("the address of the webhook cannot be read")
	}
	if request.URL.Scheme != "https" && !c.allowPrivate {
		return 0, fmt.Errorf("post an event without TLS: %w", errRefused)
	}
	request.Header = http.Header{
		"Content-Type": {"application/json"}, "User-Agent": {"rising-stars-showcase"},
		"Webhook-Id": {d.EventID}, "Webhook-Timestamp": {strconv.FormatInt(at.Unix(), 10)},
		"Webhook-Signature": {signed},
	}
	response, err := c.client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("post an event: %w", withoutAddress(err))
	}
	defer response.Body.Close()
	// Whatever is wrong with the rest, the status says whether the event was accepted.
	_, _ = io.CopyN(io.Discard, response.Body, mostAnswer)
	return response.StatusCode, nil
}

// withoutAddress returns the cause of a client's error, which itself names the whole address. That may have a secret in
// it.
func withoutAddress(err error) error {
	if named, ok := errors.AsType[*url.Error](err); ok {
		return named.Err
	}
	return err
}

// reasonOf sorts errors of a try.
func reasonOf(err error) string {
	timeout, slow := errors.AsType[net.Error](err)
	switch name, unknown := errors.AsType[*net.DNSError](err); {
	case errors.Is(err, errRefused):
		return whyRefused
	case unknown && !name.IsTimeout:
		return whyName
	case isTLS(err):
		return whyTLS
	case slow && timeout.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return whyTimeout
	}
	return whyConnection
}

func isTLS(err error) bool {
	_, plain := errors.AsType[tls.RecordHeaderError](err)
	_, untrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, alerted := errors.AsType[tls.AlertError](err)
	return plain || untrusted || alerted
}
