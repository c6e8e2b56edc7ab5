package web

import (
	"context"
	"net/http"
	"strings"
	"time"

	"risingstars/platform/limit"
)

// streamChunk is how many bytes of an answer an HTTP/2 client must accept within Pace.Stall.
const streamChunk = 16 << 10

// beginStream counts a request on an HTTP/2 connection: of those, one connection carries many. One network may have as
// many at once as it may have connections, and so may all together; beyond that the request is refused, and the result
// is nil. Otherwise end must be called.
func (s *Server) beginStream(w http.ResponseWriter, r *http.Request) *streamWriter {
	k := connectionOf(r)
	if k == nil {
		return &streamWriter{ResponseWriter: w}
	}
	if bound := s.connections.beginStream(k); bound != "" {
		s.connections.refusedStreams.WithLabelValues(bound).Inc()
		described := context.WithValue(r.Context(), requestKey{}, request{
			accept: strings.Join(r.Header["Accept-Language"], ","), site: s.o.PublicURL,
		})
		WriteProblem(w, r.WithContext(described), limit.ErrBusy.WithRetryAfter(refuseRetry))
		return nil
	}
	return &streamWriter{
		ResponseWriter: w, control: http.NewResponseController(w), stall: s.o.Pace.Stall,
		release: func() { s.connections.endStream(k) },
	}
}

// beginStream returns the bound that keeps a request out: "address", "process" or, if none does, "".
func (c *connections) beginStream(k *connection) (bound string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case k.siblings != nil && k.siblings.streams >= c.mostEach:
		return "address"
	case c.all.streams >= c.most:
		return "process"
	}
	c.all.streams++
	if k.siblings != nil {
		k.siblings.streams++
	}
	return ""
}

func (c *connections) endStream(k *connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all.streams--
	if k.siblings != nil {
		k.siblings.streams--
		c.forget(k)
	}
}

// streamWriter is the answer to a request on an HTTP/2 connection. Its client can stop accepting bytes of this answer
// alone, of which the connection notices nothing. So each chunk has a deadline, and none holds while the handler
// computes.
type streamWriter struct {
	http.ResponseWriter

	control *http.ResponseController // nil: it is none of our connections
	stall   time.Duration
	release func()
}

// Unwrap is for http.ResponseController.
func (w *streamWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *streamWriter) Write(p []byte) (int, error) {
	written := 0
	for {
		w.expectProgress()
		n, err := w.ResponseWriter.Write(p[written:min(len(p), written+streamChunk)])
		written += n
		if err != nil || written == len(p) {
			w.pause()
			return written, err
		}
	}
}

// FlushError is for http.ResponseController.
func (w *streamWriter) FlushError() error {
	defer w.pause()
	w.expectProgress()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *streamWriter) expectProgress() {
	if w.control != nil {
		// An error means that there are no deadlines, as in tests without a connection.
		_ = w.control.SetWriteDeadline(time.Now().Add(w.stall))
	}
}

func (w *streamWriter) pause() {
	if w.control != nil {
		_ = w.control.SetWriteDeadline(time.Time{}) // as above
	}
}

// end leaves the rest of the answer to net/http, with a deadline.
func (w *streamWriter) end() {
	w.expectProgress()
	if w.release != nil {
		w.release()
	}
}
