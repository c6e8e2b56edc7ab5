package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// send writes raw bytes to the server on a new connection.
func send(t *testing.T, address, text string) *keptConnection {
	t.Helper()
	k := dial(t, address)
	if _, err := io.WriteString(k, text); err != nil {
		t.Fatal(err)
	}
	return k
}

// answer reads one answer: its status, or 0 if the server closed the connection without one, and its body.
func (k *keptConnection) answer(t *testing.T) (status int, body string) {
	t.Helper()
	response, err := http.ReadResponse(k.answers, nil)
	if err != nil {
		if isTimeout(err) {
			t.Fatal("the server neither answers nor closes the connection")
		}
		return 0, ""
	}
	content, _ := io.ReadAll(response.Body) // what the test needs of it is compared
	_ = response.Body.Close()
	return response.StatusCode, string(content)
}

// ended waits until the server has closed the connection.
func (k *keptConnection) ended(t *testing.T) {
	t.Helper()
	if _, err := io.Copy(io.Discard, k.answers); isTimeout(err) {
		t.Fatal("the connection is still open")
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}

// streams registers an upload and a mounted prefix, and returns what the handlers end with.
func (b bundle) streams(t *testing.T) <-chan error {
	t.Helper()
	ends := make(chan error, 100)
	op := huma.Operation{Method: http.MethodPost, Path: "/upload", OperationID: "upload"}
	b.Handle(op, web.Use{Stream: true}, func(c echo.Context) error {
		err := readForm(c)
		ends <- err
		return err
	})
	b.Mount("/files/", web.Use{Stream: true}, func(w http.ResponseWriter, r *http.Request) error {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNoContent)
			return nil
		}
		_, err := io.Copy(io.Discard, r.Body)
		ends <- err
		return err
	})
	return ends
}

func readForm(c echo.Context) error {
	form, err := web.OpenMultipart(c.Response(), c.Request(), 1<<30, fault.New(fault.TooLarge, "too_large", "es", "en"))
	if err != nil {
		return err
	}
	for {
		part, err := form.Next()
		if err == io.EOF {
			return c.NoContent(http.StatusNoContent)
		}
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, form.Body(part)); err != nil {
			return err
		}
	}
}

const (
	partStart = "POST /upload HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n"
	partHead  = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\n"
)

// A body that does not arrive ends its request and its connection on every kind of route, whether the handler reads the
// body or not.
func TestASlowBodyEndsOnEveryKindOfRoute(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *web.Options) {
		o.Pace = web.Pace{Body: 200 * time.Millisecond, Stall: 200 * time.Millisecond}
	})
	type named struct{ Body struct{ Name string } }
	op := huma.Operation{
		Method: http.MethodPost, Path: "/json", OperationID: "json", Middlewares: huma.Middlewares{b.AcceptForm},
	}
	web.Register(b.Server, op, web.Use{}, func(context.Context, *named) (*struct{}, error) { return nil, nil })
	b.secured("/mine")
	b.get("/nothing", func(context.Context) error { return nil })
	b.streams(t)
	b.serve(t)
	post := func(path, contentType string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Type: " + contentType + "\r\n"
	}
	const sized, chunked = "Content-Length: 1000\r\n\r\nx", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"
	for name, test := range map[string]struct {
		head   string
		status int
	}{
		"JSON":                 {post("/json", "application/json"), http.StatusRequestTimeout},
		"form":                 {post("/json", "application/x-www-form-urlencoded"), http.StatusRequestTimeout},
		"multipart":            {partStart, http.StatusRequestTimeout},
		"part":                 {"PUT /files/a HTTP/1.1\r\nHost: x\r\n", http.StatusRequestTimeout},
		"no such address":      {post("/nowhere", "application/json"), http.StatusNotFound},
		"wrong method":         {post("/health", "application/json"), http.StatusMethodNotAllowed},
		"refused caller":       {"GET /mine HTTP/1.1\r\nHost: x\r\n", http.StatusUnauthorized},
		"not read":             {"GET /nothing HTTP/1.1\r\nHost: x\r\n", http.StatusNoContent},
		"file":                 {"GET /files/a HTTP/1.1\r\nHost: x\r\n", http.StatusNoContent},
		"wrong type of upload": {post("/upload", "text/plain"), http.StatusUnsupportedMediaType},
	} {
		for framing, rest := range map[string]string{"sized": sized, "chunked": chunked} {
			t.Run(name+" "+framing, func(t *testing.T) {
				t.Parallel()
				k := send(t, b.Addr(), test.head+rest)
				if status, body := k.answer(t); status != test.status {
					t.Errorf("the answer is %d %s, want %d", status, body, test.status)
				}
				k.ended(t)
			})
		}
	}
}

// A body that arrives in time leaves no deadline behind for the handler or the next request.
func TestABodyThatArrivesInTimeMayBeHandledForLonger(t *testing.T) {
	t.Parallel()
	const deadline = 500 * time.Millisecond
	b := setup(t, func(o *web.Options) { o.Pace = web.Pace{Body: deadline, Stall: deadline} })
	var canceled []error
	op := huma.Operation{Method: http.MethodPost, Path: "/upload", OperationID: "upload"}
	b.Handle(op, web.Use{Stream: true}, func(c echo.Context) error {
		err := readForm(c)
		_, _ = c.Request().Body.Read(make([]byte, 1)) // the end, once more
		select {
		case <-c.Request().Context().Done():
			canceled = append(canceled, c.Request().Context().Err())
		case <-time.After(2 * deadline): // the work
		}
		return err
	})
	b.serve(t)
	const form = partHead + "content\r\n--b--\r\n"
	k := dial(t, b.Addr())
	for range 2 {
		if _, err := fmt.Fprintf(k, "%sContent-Length: %d\r\n\r\n%s", partStart, len(form), form); err != nil {
			t.Fatal(err)
		}
		if status, body := k.answer(t); status != http.StatusNoContent {
			t.Fatalf("the answer is %d %s", status, body)
		}
	}
	if canceled != nil {
		t.Fatalf("the context ended with %v", canceled)
	}
}

// drip sends the bytes of a chunked body at a steady rate until the connection fails or the test ends.
func (k *keptConnection) drip(t *testing.T, each int, pause time.Duration) {
	t.Helper()
	chunk := fmt.Sprintf("%x\r\n%s\r\n", each, strings.Repeat("x", each))
	for {
		select {
		case <-t.Context().Done():
			return
		case <-time.After(pause):
		}
		if _, err := io.WriteString(k, chunk); err != nil {
			return
		}
	}
}

func TestAStreamBelowTheRateEndsAndOneAboveItGoesOn(t *testing.T) {
	t.Parallel()
	const rate, window = 100 << 10, 1500 * time.Millisecond
	b := setup(t, func(o *web.Options) {
		o.Pace = web.Pace{Body: window / 10, Stall: patience, Rate: rate, Window: window}
	})
	ends := b.streams(t)
	b.serve(t)
	const head, pause = "PUT /files/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 10 * time.Millisecond
	fast := send(t, b.Addr(), head)
	go fast.drip(t, 40*rate*int(pause)/int(time.Second), pause)
	slow := send(t, b.Addr(), head)
	go slow.drip(t, rate*int(pause)/int(time.Second)/4, pause)
	began := time.Now()
	if status, body := slow.answer(t); status != http.StatusRequestTimeout {
		t.Fatalf("the slow stream is answered with %d %s", status, body)
	}
	if took := time.Since(began); took < window {
		t.Errorf("the slow stream ended after %s", took)
	}
	<-ends
	select {
	case err := <-ends:
		t.Fatalf("the fast stream ended with %v", err)
	case <-time.After(2 * window):
	}
}

// The time in which the handler does not read, for example because storage is slow, is not the client's.
func TestAStreamIsNotBlamedForASlowHandler(t *testing.T) {
	t.Parallel()
	const window = 500 * time.Millisecond
	b := setup(t, func(o *web.Options) { o.Pace = web.Pace{Body: window, Stall: window, Window: window} })
	b.Mount("/files/", web.Use{Stream: true}, func(w http.ResponseWriter, r *http.Request) error {
		for range 2 {
			if _, err := io.ReadFull(r.Body, make([]byte, 1)); err != nil {
				return err
			}
			time.Sleep(window * 3 / 2) // the work
		}
		_, err := io.Copy(w, r.Body)
		return err
	})
	b.serve(t)
	k := send(t, b.Addr(), "PUT /files/a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc")
	if status, body := k.answer(t); status != http.StatusOK || body != "c" {
		t.Fatalf("the answer is %d %q", status, body)
	}
}

func TestAClientThatReadsNothingOfAnAnswerIsCutOff(t *testing.T) {
	t.Parallel()
	const size, most, stall = 64 << 20, 1 << 20, 200 * time.Millisecond
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, size); err != nil {
		t.Fatal(err)
	}
	b := setup(t, func(o *web.Options) { o.Pace.Stall = stall })
	ended := make(chan struct{}, 3)
	accepted := make(chan int64, 1)
	b.Mount("/files/", web.Use{Stream: true}, func(w http.ResponseWriter, r *http.Request) error {
		http.ServeFile(w, r, path)
		ended <- struct{}{}
		return nil
	})
	raw := func(path string, write func(c echo.Context)) {
		op := huma.Operation{Method: http.MethodGet, Path: path, OperationID: path}
		b.Handle(op, web.Use{}, func(c echo.Context) error {
			write(c)
			ended <- struct{}{}
			return nil
		})
	}
	raw("/big", func(c echo.Context) {
		for err := error(nil); err == nil; {
			_, err = c.Response().Write(make([]byte, 16<<10))
		}
		accepted <- c.Response().Size
	})
	raw("/events", func(c echo.Context) {
		stream, err := web.StartEvents(c)
		for err == nil {
			err = stream.Send("1", "event", strings.Repeat("x", 1<<20))
		}
	})
	b.serve(t)
	for _, path := range []string{"/files/a", "/big", "/events"} {
		k := send(t, b.Addr(), "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		select {
		case <-ended:
		case <-time.After(patience):
			t.Fatalf("%s is still being written", path)
		}
		k.ended(t)
	}
	// The system keeps what it accepts until the client reads it.
	if n := <-accepted; n > most {
		t.Errorf("%d bytes were accepted of an answer that nobody reads", n)
	}
}

// A client that reads slowly, but steadily, gets the whole file, although that takes much longer than it may stall.
func TestAClientThatReadsSlowlyGetsTheWholeAnswer(t *testing.T) {
	t.Parallel()
	const size, sip, stall = 6 << 20, 64 << 10, 1500 * time.Millisecond
	path := filepath.Join(t.TempDir(), "file")
	content := strings.Repeat("0123456789abcde\n", size/16)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	b := setup(t, func(o *web.Options) { o.Pace.Stall = stall })
	b.Mount("/files/", web.Use{Stream: true}, func(w http.ResponseWriter, r *http.Request) error {
		http.ServeFile(w, r, path)
		return nil
	})
	op := huma.Operation{Method: http.MethodGet, Path: "/big", OperationID: "big"}
	b.Handle(op, web.Use{Stream: true}, func(c echo.Context) error { return c.String(http.StatusOK, content) })
	b.serve(t)
	for _, path := range []string{"/files/a", "/big"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			k := dial(t, b.Addr())
			if tcp, ok := k.Conn.(*net.TCPConn); ok {
				_ = tcp.SetReadBuffer(sip) // so that the client's system does not read ahead
			}
			if _, err := io.WriteString(k, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(bufio.NewReaderSize(k, 4096), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			began := time.Now()
			var got strings.Builder
			for err == nil {
				_, err = io.CopyN(&got, response.Body, sip)
				time.Sleep(40 * time.Millisecond)
			}
			if err != io.EOF || got.String() != content {
				t.Fatalf("%d of %d bytes are right, then %v", got.Len(), size, err)
			}
			if took := time.Since(began); took < stall*3/2 {
				t.Errorf("reading took only %s", took)
			}
		})
	}
}
