package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

type listInput struct {
	web.Page
	City string `query:"city"`
}

type listOutput struct {
	web.PageHeaders
	Body listBody
}

type listBody struct {
	Made string    `json:"made"`
	AsOf time.Time `json:"as_of"`
}

// list registers a prepared operation and returns how often its handler has run.
func (b bundle) list(use web.Use, handler func(context.Context, *listInput) (string, error)) *atomic.Int32 {
	made := &atomic.Int32{}
	use.Timeout = patience
	op := huma.Operation{Method: http.MethodGet, Path: "/api/list", OperationID: "list"}
	web.RegisterPrepared(b.Server, op, use, func(ctx context.Context, in *listInput) (*listOutput, error) {
		made.Add(1)
		text, err := handler(ctx, in)
		if err != nil {
			return nil, err
		}
		return &listOutput{in.Headers(ctx, 100, "city"), listBody{text, time.Now()}}, nil
	})
	return made
}

func TestAnAnswerIsMadeOnceForAllWhoAskAtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // in which no time passes
		b := setup(t)
		const voters = 100
		release := make(chan struct{})
		made := b.list(web.Use{}, func(context.Context, *listInput) (string, error) {
			<-release
			return "once", nil
		})
		leader, cancel := context.WithCancel(t.Context())
		var all sync.WaitGroup
		all.Go(func() { b.askWith(leader, "/api/list") })
		synctest.Wait()
		cancel() // the others still need it
		for range voters {
			all.Go(func() {
				a := b.ask(http.MethodGet, "/api/list", "")
				if a.Code != http.StatusOK || !strings.Contains(a.Body.String(), "once") {
					t.Errorf("%d %s", a.Code, a.Body)
				}
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		if made.Load() != 1 {
			t.Errorf("the answer was made %d times, want once", made.Load())
		}
	})
}

// stuck is a response whose client reads nothing.
type stuck struct {
	*httptest.ResponseRecorder

	never chan struct{}
}

func (s stuck) Write(data []byte) (int, error) {
	<-s.never
	return len(data), nil
}

func TestASlowClientKeepsAnAnswerFromNobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		made := b.list(web.Use{}, func(context.Context, *listInput) (string, error) { return "text", nil })
		slow := stuck{httptest.NewRecorder(), make(chan struct{})}
		var all sync.WaitGroup
		all.Go(func() { b.ServeHTTP(slow, httptest.NewRequest(http.MethodGet, "/api/list", http.NoBody)) })
		synctest.Wait()
		if a := b.ask(http.MethodGet, "/api/list", ""); a.Code != http.StatusOK || made.Load() != 1 {
			t.Errorf("%d %s, made %d times", a.Code, a.Body, made.Load())
		}
		close(slow.never)
		all.Wait()
	})
}

func TestThoseWhoWaitForAnAnswerThatFailsDoNotAllAskForIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		release := make(chan struct{})
		made := b.list(web.Use{}, func(context.Context, *listInput) (string, error) {
			<-release
			return "", limit.ErrBusy
		})
		const voters = 20
		ids := make(chan string, voters)
		var all sync.WaitGroup
		for range voters {
			all.Go(func() {
				p := problemOf(t, b.ask(http.MethodGet, "/api/list", ""))
				if p.Code != "busy" {
					t.Errorf("%+v", p)
				}
				ids <- p.RequestID
			})
		}
		synctest.Wait()
		close(release)
		all.Wait()
		close(ids)
		distinct := map[string]bool{}
		for id := range ids {
			distinct[id] = true
		}
		if made.Load() != 1 || len(distinct) != voters {
			t.Errorf("%d runs and %d problems, want 1 and %d", made.Load(), len(distinct), voters)
		}
	})
}

func TestAPreparedAnswerIsAtMostASecondOld(t *testing.T) {
	t.Parallel()
	for _, row := range []struct{ took, kept time.Duration }{
		{0, 50 * time.Millisecond},
		{10 * time.Millisecond, 200 * time.Millisecond},
		{time.Minute / 2, time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := setup(t)
			made := b.list(web.Use{}, func(context.Context, *listInput) (string, error) {
				time.Sleep(row.took)
				return "text", nil
			})
			b.ask(http.MethodGet, "/api/list", "")
			if left := row.kept - row.took; left > 0 {
				time.Sleep(left - time.Millisecond)
				b.ask(http.MethodGet, "/api/list", "")
				if made.Load() != 1 {
					t.Errorf("an answer that took %v was made anew too soon", row.took)
				}
				time.Sleep(time.Millisecond)
			}
			b.ask(http.MethodGet, "/api/list", "")
			if made.Load() != 2 {
				t.Errorf("an answer that took %v is kept longer than %v", row.took, row.kept)
			}
		})
	}
}

func TestWhoHasAPreparedAnswerGets304(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		text := "first"
		b.list(web.Use{}, func(context.Context, *listInput) (string, error) { return text, nil })
		first := b.ask(http.MethodGet, "/api/list", "")
		etag := first.Header().Get("ETag")
		if !strings.HasPrefix(etag, `"`) || first.Header().Get("Cache-Control") !=
			"public, max-age=1, stale-while-revalidate=5" {
			t.Fatalf("%v", first.Header())
		}
		time.Sleep(2 * time.Second) // as_of changes, nothing else
		for _, known := range []string{etag, "W/" + etag, `"other", ` + etag, "*"} {
			again := b.ask(http.MethodGet, "/api/list", "", "If-None-Match", known)
			if again.Code != http.StatusNotModified || again.Body.Len() > 0 || again.Header().Get("ETag") != etag {
				t.Errorf("If-None-Match %s: %d %v", known, again.Code, again.Header())
			}
		}
		if other := b.ask(http.MethodGet, "/api/list?page=2", "", "If-None-Match", etag); other.Code != http.StatusOK {
			t.Errorf("another page: %d", other.Code)
		}
		text = "second"
		time.Sleep(2 * time.Second)
		if changed := b.ask(http.MethodGet, "/api/list", "", "If-None-Match", etag); changed.Code != http.StatusOK ||
			!strings.Contains(changed.Body.String(), "second") || changed.Header().Get("ETag") == etag {
			t.Errorf("a changed list: %d %s", changed.Code, changed.Body)
		}
	})
}

func TestPreparedAnswersDifferByParametersAndSite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		made := b.list(web.Use{}, func(_ context.Context, in *listInput) (string, error) { return in.City, nil })
		want := func(target, city, link string, times int32) {
			t.Helper()
			a := b.ask(http.MethodGet, target, "")
			if !strings.Contains(a.Body.String(), fmt.Sprintf(`"made":%q`, city)) ||
				!strings.Contains(a.Header().Get("Link"), "<"+link) || made.Load() != times {
				t.Errorf("%s: %s %v, made %d times, want %d", target, a.Body, a.Header(), made.Load(), times)
			}
		}
		want("http://one.example/api/list", "", "http://one.example/", 1)
		want("http://two.example/api/list", "", "http://two.example/", 2)
		want("http://one.example/api/list?city=cali", "cali", "http://one.example/", 3)
		want("http://one.example/api/list?x=1&city=cali&y=2", "cali", "http://one.example/", 3)
		want("http://one.example/api/list?city=cali%26page%3D2", "cali&page=2", "http://one.example/", 4)
		want("http://one.example/api/list?page=2&city=cali", "cali", "http://one.example/", 5)
		want("http://one.example/api/list?nothing", "", "http://one.example/", 5)
	})
}

func TestFailuresAreNotPreparedAndNameTheirOwnRequest(t *testing.T) {
	t.Parallel()
	b := setup(t)
	gone := fault.New(fault.NotFound, "gone", "No está.", "It is gone.")
	made := b.list(web.Use{}, func(_ context.Context, in *listInput) (string, error) {
		if in.City == "panic" {
			panic("on purpose")
		}
		return "", gone
	})
	one, other := b.ask(http.MethodGet, "/api/list", ""), b.ask(http.MethodGet, "/api/list", "")
	if p, q := problemOf(t, one), problemOf(t, other); p.Code != "gone" || p.RequestID == q.RequestID {
		t.Errorf("%+v, %+v", p, q)
	}
	if cache := one.Header().Get("Cache-Control"); cache != "no-store" {
		t.Errorf("a problem may be kept: %s", cache)
	}
	if p := problemOf(t, b.ask(http.MethodGet, "/api/list?page=0", "")); p.Code != "invalid" {
		t.Errorf("%+v", p)
	}
	for range 2 { // the first one must not leave the others waiting
		p := problemOf(t, b.ask(http.MethodGet, "/api/list?city=panic", ""))
		if p.Status != http.StatusInternalServerError {
			t.Errorf("%+v", p)
		}
	}
	if made.Load() != 4 {
		t.Errorf("%d runs, want one for each valid request", made.Load())
	}
}

// Whoever asks at the same time as others in another language gets what went wrong in a language of its own.
func TestFailuresOfPreparedAnswersAreInTheLanguageOfWhoAsks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		release := make(chan struct{})
		b.list(web.Use{}, func(context.Context, *listInput) (string, error) {
			<-release
			return "", fault.New(fault.NotFound, "none", "No hay.", "There is none.")
		})
		var all sync.WaitGroup
		for range 5 {
			for language, text := range map[string]string{"es": "No hay.", "en": "There is none."} {
				all.Go(func() {
					a := b.ask(http.MethodGet, "/api/list", "", "Accept-Language", language)
					if problemOf(t, a).Detail != text || a.Header().Get("Content-Language") != language ||
						a.Header().Get("Vary") != "Accept-Language" {
						t.Errorf("%s: %v %s", language, a.Header(), a.Body)
					}
				})
			}
		}
		synctest.Wait()
		close(release)
		all.Wait()
	})
}

func TestOnlyWhoHasAnAnswerMadeUsesUpABudget(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		twice := limit.Budget{
			Name: "twice", By: limit.Client, Local: true, Rate: limit.Rate{Count: 1, Per: time.Hour, Burst: 2},
		}
		b.list(web.Use{Budgets: []limit.Budget{twice}},
			func(context.Context, *listInput) (string, error) { return "text", nil })
		for range 10 {
			if a := b.ask(http.MethodGet, "/api/list", ""); a.Code != http.StatusOK {
				t.Fatalf("%d %s", a.Code, a.Body)
			}
		}
		b.ask(http.MethodGet, "/api/list?city=a", "")
		if a := b.ask(http.MethodGet, "/api/list?city=b", ""); a.Code != http.StatusTooManyRequests {
			t.Errorf("%d, want 429", a.Code)
		}
	})
}

func TestPreparedAnswersAreBoundedInMemory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // in which no time passes
		b := setup(t)
		large := strings.Repeat("x", 1<<20)
		made := b.list(web.Use{}, func(context.Context, *listInput) (string, error) { return large, nil })
		for i := range 40 {
			b.ask(http.MethodGet, fmt.Sprintf("/api/list?city=%d", i), "")
			b.ask(http.MethodGet, "/api/list?city=0", "") // stays, because it is asked for
		}
		if made.Load() != 40 {
			t.Errorf("%d answers were made, want 40", made.Load())
		}
		b.ask(http.MethodGet, "/api/list?city=1", "")
		if made.Load() != 41 {
			t.Error("40 MiB of answers are kept")
		}
	})
}
