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
	// eventRetry is how long a client waits before it reconnects, and eventSilence how long a stream says nothing at most,
	// so that proxies do not take it for dead.
	eventRetry   = 2 * time.Second
	eventSilence = 15 * time.Second
	eventWrite   = 10 * time.Second
)

// Events is an answer in Server-Sent Events (WHATWG HTML, "Server-sent events"). It is for one goroutine.
type Events struct {
	response *echo.Response
	control  *http.ResponseController
	last     time.Time
}

// StartEvents begins the stream; from here on no other answer is possible.
func StartEvents(c echo.Context) (*Events, error) {
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // nginx passes it on at once
	e := &Events{response: c.Response(), control: http.NewResponseController(c.Response())}
	c.Response().WriteHeader(http.StatusOK)
	return e, e.write(fmt.Sprintf("retry: %d\n\n", eventRetry.Milliseconds()))
}

// Send writes one event. id comes back as Last-Event-ID when the client reconnects.
func (e *Events) Send(id, name string, data any) error {
	encoded, err := json.Marshal(data)
	if err != nil {
		return fmt.Errorf("encode an event: %w", err)
	}
	return e.write(fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", id, name, encoded))
}

// KeepAlive writes a comment when nothing has been written for a while; call it often.
func (e *Events) KeepAlive() error {
	if time.Since(e.last) < eventSilence {
		return nil
	}
	return e.write(": \n\n")
}

func (e *Events) write(text string) error {
	e.last = time.Now()
	// Without a connection that has deadlines there is nothing to guard.
	_ = e.control.SetWriteDeadline(e.last.Add(eventWrite))
	if _, err := e.response.Write([]byte(text)); err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	if err := e.control.Flush(); err != nil {
		return fmt.Errorf("write an event: %w", err)
	}
	return nil
}

// Draining is closed when the server stops taking requests: answers without an end should end then.
func Draining(ctx context.Context) <-chan struct{} { return requestOf(ctx).draining }
