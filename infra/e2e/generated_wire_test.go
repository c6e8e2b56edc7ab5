package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"risingstars/infra/contracttest"
)

// wireRequest is a request as bytes: clients of libraries cannot send all of what the app may receive.
type wireRequest struct {
	Operation, Method, Target string
	Old                       bool // HTTP/1.0
	Chunked                   bool
	Headers                   []string // each a line
	Body                      string
}

// largestHead is what the app reads of a request before its body; net/http answers larger ones by itself.
const largestHead = 16 << 10

func (r wireRequest) headSize() int {
	size := len(r.Method) + len(r.Target) + 64
	for _, line := range r.Headers {
		size += len(line) + 2
	}
	return size
}

func (r wireRequest) String() string {
	return fmt.Sprintf("%s: %s\n%.1500q", r.Operation, r.Target, r.bytes())
}

func (r wireRequest) bytes() []byte {
	var b bytes.Buffer
	version := "1.1"
	if r.Old {
		version = "1.0"
	}
	fmt.Fprintf(&b, "%s %s HTTP/%s\r\nHost: show.example\r\n", r.Method, r.Target, version)
	for _, line := range r.Headers {
		b.WriteString(line + "\r\n")
	}
	switch {
	case r.Body == "":
		b.WriteString("\r\n")
	case r.Chunked && !r.Old:
		fmt.Fprintf(&b, "Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(r.Body), r.Body)
	default:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(r.Body), r.Body)
	}
	return b.Bytes()
}

// parsed returns the request as the check of its answer needs it.
func (r wireRequest) parsed(t *testing.T) *http.Request {
	t.Helper()
	target, err := url.ParseRequestURI(r.Target)
	if err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	request, err := http.NewRequestWithContext(t.Context(), r.Method, "http://show.example/", http.NoBody)
	if err != nil {
		t.Fatalf("%v: %v", r, err)
	}
	request.URL.Path, request.URL.RawPath, request.URL.RawQuery = target.Path, target.RawPath, target.RawQuery
	return request
}

// wireClient sends one request after the other, on one connection as long as the app keeps it.
type wireClient struct {
	address string
	conn    net.Conn
	answers *bufio.Reader
}

func (c *wireClient) close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

// ask sends the request, and returns the answer and how long it took.
func (c *wireClient) ask(t *testing.T, r wireRequest) (contracttest.Answer, time.Duration) {
	t.Helper()
	a, took, err := c.try(t, r)
	if err != nil { // the app may have closed the connection meanwhile
		a, took, err = c.try(t, r)
	}
	if err != nil {
		t.Fatalf("%v\nhas no answer: %v", r, err)
	}
	return a, took
}

func (c *wireClient) try(t *testing.T, r wireRequest) (contracttest.Answer, time.Duration, error) {
	t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			t.Fatal(err)
		}
		c.conn, c.answers = conn, bufio.NewReader(conn)
	}
	begin := time.Now()
	a, err := c.exchange(t, r)
	took := time.Since(begin)
	if err != nil {
		c.close()
	}
	return a, took, err
}

func (c *wireClient) exchange(t *testing.T, r wireRequest) (contracttest.Answer, error) {
	t.Helper()
	_ = c.conn.SetDeadline(time.Now().Add(waitTimeout))
	if _, err := c.conn.Write(r.bytes()); err != nil && c.answers.Buffered() == 0 && len(r.Body) < 1<<10 {
		return contracttest.Answer{}, err
	}
	response, err := http.ReadResponse(c.answers, r.parsed(t))
	if err != nil {
		return contracttest.Answer{}, err
	}
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return contracttest.Answer{}, fmt.Errorf("read the body: %w", err)
	}
	if r.Old || response.Close || strings.EqualFold(response.Header.Get("Connection"), "close") {
		c.close()
	}
	return contracttest.Answer{Status: response.StatusCode, Header: response.Header, Body: body}, nil
}
