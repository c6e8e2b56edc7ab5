package web

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// Pace says how slow a client may be. A field that is 0 has the default that its comment names.
type Pace struct {
	Body  time.Duration // how long a body may take that is read as a whole; 15 s
	Stall time.Duration // how long no byte may arrive of a streamed body, or be accepted of an answer; 30 s
	// Rate is how many bytes of a streamed body must arrive each second; 16 KiB. It is averaged over Window, 1 min.
	Rate   int64
	Window time.Duration
}

func (p Pace) withDefaults() Pace {
	orDefault := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	orDefault(&p.Body, 15*time.Second)
	orDefault(&p.Stall, 30*time.Second)
	orDefault(&p.Window, time.Minute)
	if p.Rate == 0 {
		p.Rate = 16 << 10
	}
	return p
}

// requestBody is a request's body that must arrive in time: all of it within Pace.Body, whether or not a handler reads
// it, or, once stream has been called, at Pace.Rate.
//
// It never sets a deadline after the end of the body. By then net/http reads the connection in the background to notice
// that the client is gone. It would mistake an expired deadline for that, and cancel the contexts of this request and
// of all that follow on the connection.
type requestBody struct {
	io.ReadCloser
	control  *http.ResponseController
	pace     Pace
	streamed bool
	expires  bool          // a deadline that passes while nobody reads ends the body: HTTP/2
	credit   time.Duration // how much longer Read may wait; bytes that arrive add to it
	ended    error         // io.EOF or what broke the body off
}

// withTimedBody returns a copy of r whose body must arrive in time.
func (s *Server) withTimedBody(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	b := &requestBody{
		ReadCloser: r.Body, control: http.NewResponseController(w), pace: s.o.Pace, expires: r.ProtoMajor == 2,
	}
	b.setDeadline(s.o.Pace.Body)
	timed := *r // net/http goes by the original's body
	timed.Body = b
	return &timed
}

// stream replaces the deadline for the whole of the request's body by a rate.
func stream(r *http.Request) {
	if b, ok := r.Body.(*requestBody); ok && !b.streamed {
		b.streamed, b.credit = true, b.pace.Window
	}
}

func (b *requestBody) setDeadline(in time.Duration) {
	// The error is ignored: a connection without deadlines needs no guard.
	_ = b.control.SetReadDeadline(time.Now().Add(in))
}

// Read counts only the time that the client lets it wait, not the time in which nobody reads.
func (b *requestBody) Read(p []byte) (int, error) {
	if b.ended != nil {
		return 0, b.ended
	}
	if !b.streamed {
		n, err := b.ReadCloser.Read(p)
		b.ended = err
		return n, err
	}
	began := time.Now()
	b.setDeadline(min(b.pace.Stall, b.credit))
	n, err := b.ReadCloser.Read(p)
	if b.expires && err == nil {
		_ = b.control.SetReadDeadline(time.Time{}) // as in setDeadline
	}
	earned := time.Duration(n) * time.Second / time.Duration(b.pace.Rate)
	b.credit = min(b.pace.Window, b.credit-time.Since(began)+earned)
	b.ended = err
	return n, err
}

// rawBody is a streamed body that is all content, without a form. Its read errors are faults of the client.
type rawBody struct{ io.ReadCloser }

func (b rawBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil || err == io.EOF: //nolint:errorlint // a complete body ends with io.EOF itself
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = errSlow.With(err)
	default:
		err = errMalformed.With(err)
	}
	return n, err
}

// keepDeadline is a middleware that keeps huma from setting deadlines of its own.
func (s *Server) keepDeadline(ctx huma.Context, next func(huma.Context)) { next(timedContext{ctx}) }

// timedContext is the context of a request whose body has a deadline already.
type timedContext struct{ humaContext }

func (c timedContext) Unwrap() huma.Context { return c.humaContext }

func (c timedContext) SetReadDeadline(time.Time) error { return nil }
