package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
)

const (
	eventRetry      = 2 * time.Second  // how long a client waits before it reconnects
	eventMaxSilence = 15 * time.Second // how long a stream may be silent before proxies might think it dead
)

// Events is an answer that consists of Server-Sent Events (WHATWG HTML, "Server-sent events"). It is not safe for
// concurrent use.
type Events struct {
	response *echo.Response
	control  *http.ResponseController
	last     time.Time
}

// StartEvents begins the stream. After it no other answer is possible, not even a problem.
func StartEvents(c echo.Context) (*Events, error) {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, eventType)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx must not buffer it
	e := &Events{response: c.Response(), control: http.NewResponseController(c.Response())}
	c.Response().WriteHeader(http.StatusOK)
	if isHead(c.Request()) {
		return nil, errHead // a stream that nobody reads would have no end
	}
	return e, e.RetryAfter(eventRetry)
}

// RetryAfter tells the client how long to wait before it reconnects.
func (e *Events) RetryAfter(d time.Duration) error {
	return e.write(fmt.Sprintf("retry: %d\n\n", d.Milliseconds()))
}

// Send writes one event. A client that reconnects sends the id of the last event back as Last-Event-ID; an event with
// the id "" leaves that as it is.
func (e *Events) Send(id, name string, data any) error {
	encoded, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return e.write(fmt.Sprintf("%sevent: %s\ndata: %s\n\n", id, name, encoded))
}

// KeepAlive writes a comment if nothing has been written for 15 s. Call it at least every few seconds.
func (e *Events) KeepAlive() error {
	if time.Since(e.last) < eventMaxSilence {
		return nil
	}
	return e.write(": \n\n")
}

func (e *Events) write(text string) error {
	e.last = time.Now()
	if _, err := e.response.Write([]byte(text)); err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	if err := e.control.Flush(); err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	return nil
}

// Draining returns a channel that is closed when the server begins to stop. Endless answers should end then.
func Draining(ctx context.Context) <-chan struct{} { return requestOf(ctx).draining }
