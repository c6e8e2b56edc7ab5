package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"risingstars/platform/web"
)

// An answer that is sent without router and middleware is like those before it: to clients, in the log, in metrics.
func TestAnAnswerThatIsReadyIsLikeTheOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		made := b.list(web.Use{}, func(context.Context, *listInput) (string, error) {
			return strings.Repeat("x", 5000), nil
		})
		for _, headers := range [][]string{
			{},
			{"Accept", "application/json"},
			{"Accept-Encoding", "gzip"},
			{"Accept-Encoding", "zstd, gzip;q=0.5"},
			{"If-None-Match", "*"},
			{"Cookie", "session=1"},
			{"Accept-Language", "en"},
		} {
			logged := len(b.logged(t))
			var first http.Header
			var body string
			for n := range 4 {
				a := b.ask(http.MethodGet, "http://one.example/api/list?city=cali", "", headers...)
				if id := a.Header().Get("X-Request-Id"); len(id) != 36 {
					t.Errorf("%v: X-Request-Id is %q", headers, id)
				}
				a.Header().Del("X-Request-Id")
				if n == 0 {
					first, body = a.Header(), a.Body.String()
				}
				if diff := cmp.Diff(first, a.Header()); diff != "" || a.Body.String() != body {
					t.Errorf("%v, %d: %s", headers, n, diff)
				}
			}
			lines := b.logged(t)[logged:]
			if len(lines) != 4 || lines[0]["request_id"] == lines[3]["request_id"] {
				t.Fatalf("%v: logged %v", headers, lines)
			}
			for _, line := range lines {
				delete(line, "request_id")
				delete(line, "duration_ms")
				if diff := cmp.Diff(lines[0], line); diff != "" {
					t.Errorf("%v: logged %s", headers, diff)
				}
			}
		}
		if made.Load() != 1 {
			t.Errorf("made %d times", made.Load())
		}
		const counted = `http_request_duration_seconds_count{method="GET",route="/api/list",status=`
		metrics := b.ask(http.MethodGet, "/metrics", "").Body.String()
		for _, line := range []string{counted + `"200"} 24` + "\n", counted + `"304"} 4` + "\n"} {
			if !strings.Contains(metrics, line) {
				t.Errorf("the metrics lack %s", line)
			}
		}
	})
}

// What a ready answer must not be given to is decided as before.
func TestOnlyPlainReadsGetAnAnswerThatIsReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.list(web.Use{}, func(context.Context, *listInput) (string, error) { return "x", nil })
		for range 3 {
			b.ask(http.MethodGet, "/api/list", "")
		}
		for _, row := range []struct {
			method, body string
			headers      []string
			status       int
		}{
			{http.MethodGet, "", []string{"Accept", "text/html"}, http.StatusNotAcceptable},
			{http.MethodGet, strings.Repeat("x", 9<<10), nil, http.StatusRequestEntityTooLarge},
			{http.MethodPost, "", nil, http.StatusMethodNotAllowed},
			{http.MethodHead, "", nil, http.StatusOK},
			{http.MethodGet, "", []string{"Authorization", "Bearer good"}, http.StatusOK},
		} {
			if a := b.ask(row.method, "/api/list", row.body, row.headers...); a.Code != row.status {
				t.Errorf("%s %v: %d, want %d", row.method, row.headers, a.Code, row.status)
			}
		}
		lines := b.logged(t)
		if last := lines[len(lines)-1]; last["user_id"] != "u1" {
			t.Errorf("whoever signs a request is not logged: %v", last)
		}
		if err := b.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if a := b.ask(http.MethodGet, "/api/list", ""); a.Header().Get("Connection") != "close" {
			t.Errorf("a stopped server answers %v", a.Header())
		}
	})
}

// Whoever varies what has no meaning occupies no memory by that, also not when answers are replaced.
func TestAnAnswerIsKnownUnderFewAddresses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.list(web.Use{}, func(context.Context, *listInput) (string, error) { return "x", nil })
		size := func() (n float64) {
			t.Helper()
			if _, err := fmt.Sscanf(b.metric("http_prepared_bytes"), "http_prepared_bytes %g", &n); err != nil {
				t.Fatal(err)
			}
			return n
		}
		b.ask(http.MethodGet, "http://one.example/api/list", "")
		alone := size()
		for round := range 5 {
			for n := range 100 {
				b.ask(http.MethodGet, fmt.Sprintf("http://one.example/api/list?%s%d", strings.Repeat("x", n), n), "")
			}
			answers, now := b.metric("http_prepared_answers"), size()
			if answers != "http_prepared_answers 1" || now <= alone || now > alone+4*2*512 {
				t.Errorf("round %d: %s occupies %v bytes, alone %v", round, answers, now, alone)
			}
			time.Sleep(2 * time.Second) // the answer is replaced
		}
	})
}

// logged returns the lines of requests.
func (b bundle) logged(t *testing.T) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(b.log.String()) {
		var fields map[string]any
		if err := json.Unmarshal([]byte(line), &fields); err != nil {
			t.Fatal(err)
		}
		if fields["msg"] == "request" {
			all = append(all, fields)
		}
	}
	return all
}
