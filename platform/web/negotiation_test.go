package web_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

type noteOutput struct {
	Body struct {
		Message string `json:"message"`
	}
}

// note registers GET and POST /api/note, for callers only.
func (b bundle) note() {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		op := huma.Operation{Method: method, Path: "/api/note", OperationID: method + "note", Security: web.Secured()}
		web.Register(b.Server, op, web.Use{}, func(ctx context.Context, _ *struct{}) (*noteOutput, error) {
			out := &noteOutput{}
			out.Body.Message = web.Say(ctx, fault.Text{ES: "Hola.", EN: "Hello."})
			return out, nil
		})
	}
}

func TestOnlyAnAcceptWithoutRoomForTheAnswerIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.note()
	for accept, status := range map[string]int{
		"": 200, "*/*": 200, "*": 200, "application/json": 200, "Application/JSON; charset=utf-8": 200,
		"application/*": 200, "text/html, */*;q=0.1": 200, "application/problem+json": 200, "text/json": 200,
		"application/json, text/plain, */*": 200, "nonsense": 200, ";;,": 200,
		"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8": 200,
		"text/html": 406, "application/xml, text/*": 406, "application/json;q=0": 406, "*/*;q=0": 406,
		"video/mp4;q=0.5": 406,
	} {
		headers := []string{"Authorization", "Bearer good"}
		if accept != "" {
			headers = append(headers, "Accept", accept)
		}
		a := b.ask(http.MethodGet, "/api/note", "", headers...)
		if a.Code != status {
			t.Errorf("%q: %d, want %d", accept, a.Code, status)
		}
		if status == http.StatusNotAcceptable && problemOf(t, a).Code != "not_acceptable" {
			t.Errorf("%q: %s", accept, a.Body)
		}
	}
}

func TestMethodsThatAnAddressHasAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.note()
	for _, method := range []string{http.MethodDelete, http.MethodOptions} {
		a := b.ask(method, "/api/note", "")
		allowed := strings.Split(strings.ReplaceAll(a.Header().Get("Allow"), " ", ""), ",")
		slices.Sort(allowed)
		if !slices.Equal(allowed, []string{"GET", "HEAD", "OPTIONS", "POST"}) {
			t.Errorf("%s: Allow: %v", method, allowed)
		}
		want := map[string]int{http.MethodDelete: http.StatusMethodNotAllowed, http.MethodOptions: http.StatusNoContent}
		if a.Code != want[method] {
			t.Errorf("%s: %d", method, a.Code)
		}
	}
	if a := b.ask(http.MethodOptions, "/nowhere", ""); a.Code != http.StatusNotFound {
		t.Errorf("OPTIONS of nothing: %d", a.Code)
	}
}

func TestReadsOfACallerHaveAnETagAndAreNeverCompressed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.note()
	ask := func(headers ...string) (status int, tag string, body int) {
		headers = append(headers, "Authorization", "Bearer good", "Accept-Encoding", "gzip, zstd")
		a := b.ask(http.MethodGet, "/api/note", "", headers...)
		if a.Header().Get("Content-Encoding") != "" || a.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%v", a.Header())
		}
		return a.Code, a.Header().Get("ETag"), a.Body.Len()
	}
	_, spanish, _ := ask()
	_, english, _ := ask("Accept-Language", "en")
	if spanish == "" || english == "" || spanish == english {
		t.Fatalf("the ETags are %q and %q", spanish, english)
	}
	status, tag, size := ask("If-None-Match", spanish)
	if status != http.StatusNotModified || tag != spanish || size > 0 {
		t.Errorf("%d %s, %d bytes", status, tag, size)
	}
	if status, _, _ := ask("If-None-Match", spanish, "Accept-Language", "en"); status != http.StatusOK {
		t.Errorf("%d to whoever has it in another language", status)
	}
}

// Another site may do what we do: each method that a path has.
func TestAnotherSiteMayUseEveryMethod(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *web.Options) { o.CORSOrigins = []string{"https://friend.example"} })
	b.note()
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete} {
		op := huma.Operation{Method: method, Path: "/api/notes/{id}", OperationID: method}
		web.Register(b.Server, op, web.Use{}, func(context.Context, *struct{}) (*noteOutput, error) { return nil, nil })
	}
	methods := map[string]bool{}
	for _, route := range b.Routes() {
		method, path, _ := strings.Cut(route, " ")
		methods[method] = true
		allowed := b.ask(http.MethodOptions, strings.ReplaceAll(path, ":id", "1"), "", "Origin",
			"https://friend.example", "Access-Control-Request-Method", method).
			Header().Get("Access-Control-Allow-Methods")
		if !slices.Contains(strings.Split(strings.ReplaceAll(allowed, " ", ""), ","), method) {
			t.Errorf("%s: %q", route, allowed)
		}
	}
	if len(methods) < 5 {
		t.Errorf("only %v are registered", methods)
	}
}

func TestTextsAreInTheLanguageThatIsPreferred(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.note()
	for header, want := range map[string]string{
		"": "es", "en": "en", "EN-us": "en", "en_GB": "en", "es": "es", "es-419": "es", "es-CO,en": "es", "en,es": "en",
		"en;q=0.5, es;q=0.9": "es", "es;q=0.5, en;q=0.9": "en", "fr": "es", "fr, en;q=0.1": "en",
		"de, en;q=0.2, es;q=0.1": "en",
		"*":                      "es", "en;q=0": "es", "en;q=0, *": "es", "es;q=0, en;q=0.1": "en", "!!": "es",
		",": "es", "en;q=x": "es",
	} {
		headers := []string{"Authorization", "Bearer good"}
		if header != "" {
			headers = append(headers, "Accept-Language", header)
		}
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodDelete} {
			a := b.ask(method, "/api/note", "", headers...)
			english := strings.Contains(a.Body.String(), "Hello.") || strings.Contains(a.Body.String(), "not allowed")
			if a.Header().Get("Content-Language") != want || english != (want == "en") ||
				a.Header().Get("Vary") != "Accept-Language" {
				t.Errorf("%s, %q: %v %s, want %s", method, header, a.Header(), a.Body, want)
			}
		}
	}
}

func TestAnotherSiteMaySendAndReadTheHeadersOfTheContract(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *web.Options) { o.CORSOrigins = []string{"https://friend.example"} })
	b.note()
	ask := func(origin string) http.Header {
		return b.ask(http.MethodOptions, "/api/note", "",
			"Origin", origin, "Access-Control-Request-Method", "POST").Header()
	}
	h := ask("https://friend.example")
	for _, name := range []string{
		"Authorization", "Content-Type", "Last-Event-ID", "Idempotency-Key", "If-None-Match",
	} {
		if !strings.Contains(h.Get("Access-Control-Allow-Headers"), name) {
			t.Errorf("%s is missing: %v", name, h)
		}
	}
	if h.Get("Access-Control-Allow-Origin") != "https://friend.example" || !strings.Contains(h.Get("Allow"), "HEAD") {
		t.Errorf("%v", h)
	}
	if h := ask("https://friend.example.evil.example"); h.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another site: %v", h)
	}
	a := b.ask(http.MethodGet, "/api/note", "", "Origin", "https://friend.example", "Authorization", "Bearer good")
	for _, name := range []string{
		"ETag", "Link", "X-Total-Count", "X-Next-After", "Retry-After", "RateLimit-Limit", "Idempotency-Replayed",
	} {
		if !strings.Contains(a.Header().Get("Access-Control-Expose-Headers"), name) {
			t.Errorf("%s is not exposed: %v", name, a.Header())
		}
	}
	for _, name := range []string{"Origin", "Accept-Language"} {
		if !slices.Contains(a.Header()["Vary"], name) {
			t.Errorf("%v do not vary by %s", a.Header(), name)
		}
	}
}

// Signed links differ in each answer. Whoever has an answer has links that hold for three quarters of their life.
func TestAnAnswerWithSignedLinksIsTheSameForAQuarterOfTheirLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t, func(o *web.Options) { o.LinkLife = time.Hour })
		title := "Song"
		op := huma.Operation{Method: http.MethodGet, Path: "/api/video", OperationID: "video", Security: web.Secured()}
		web.Register(b.Server, op, web.Use{}, func(context.Context, *struct{}) (*noteOutput, error) {
			out := &noteOutput{}
			out.Body.Message = fmt.Sprintf("https://s3.example/a.mp4?X-Amz-Date=%d&X-Amz-Signature=%d&x=y",
				time.Now().Unix(), time.Now().UnixNano()) + " " + title
			return out, nil
		})
		ask := func(tag string) (int, string) {
			a := b.ask(http.MethodGet, "/api/video", "", "Authorization", "Bearer good", "If-None-Match", tag)
			return a.Code, a.Header().Get("ETag")
		}
		time.Sleep(time.Until(time.Now().Truncate(15 * time.Minute).Add(15 * time.Minute))) // in a bubble, at once
		_, tag := ask("")
		if !strings.HasPrefix(tag, "W/") {
			t.Errorf("the ETag %s is strong", tag)
		}
		time.Sleep(14 * time.Minute)
		if status, _ := ask(tag); status != http.StatusNotModified {
			t.Errorf("%d within a quarter of an hour", status)
		}
		title = "Another song"
		if status, _ := ask(tag); status != http.StatusOK {
			t.Errorf("%d after a change", status)
		}
		title = "Song"
		time.Sleep(2 * time.Minute)
		if status, _ := ask(tag); status != http.StatusOK {
			t.Errorf("%d after a quarter of an hour", status)
		}
	})
}
