package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// The links of a list repeat what the list was asked for and nothing else, and fit into the buffers of proxies.
func TestLinksRepeatOnlyDeclaredParametersAndStayShort(t *testing.T) {
	t.Parallel()
	b := setup(t)
	type input struct {
		web.Page
		Search string `query:"q"`
	}
	type output struct{ web.PageHeaders }
	web.Register(b.Server, huma.Operation{Method: http.MethodGet, Path: "/list", OperationID: "list"}, web.Use{},
		func(ctx context.Context, in *input) (*output, error) {
			return &output{in.Headers(ctx, 100, "q")}, nil
		})
	foreign := "&foreign=" + strings.Repeat("x", 900)
	for name, test := range map[string]struct {
		q     string
		links int
	}{
		"a word":                {"salsa", 4},
		"a hundred of 4 bytes":  {strings.Repeat("🎸", 100), 1},
		"more than fits at all": {strings.Repeat("🎸", 1000), 0},
	} {
		answer := b.ask(http.MethodGet, "/list?page=2&q="+url.QueryEscape(test.q)+foreign, "")
		link := answer.Header().Get("Link")
		if strings.Contains(link, "foreign") || len(link) > 2000 || strings.Count(link, "rel=") != test.links ||
			test.links > 0 && !strings.Contains(link, `rel="next"`) {
			t.Errorf("%s: %d bytes: %.300s", name, len(link), link)
		}
		if answer.Code != http.StatusNoContent || answer.Header().Get("X-Total-Count") != "100" {
			t.Errorf("%s: %d %v", name, answer.Code, answer.Header())
		}
	}
}

// An operation that uses up its time answers that the service is busy, and when to try again.
func TestAnOperationThatTakesTooLongEnds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	web.Register(b.Server, huma.Operation{Method: http.MethodGet, Path: "/slow", OperationID: "slow"},
		web.Use{Timeout: time.Millisecond}, func(ctx context.Context, _ *struct{}) (*struct{}, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
	answer := b.ask(http.MethodGet, "/slow", "")
	if p := problemOf(t, answer); p.Status != http.StatusServiceUnavailable || p.Code != limit.ErrBusy.Code ||
		answer.Header().Get("Retry-After") == "" {
		t.Errorf("%d %v %s", answer.Code, answer.Header(), answer.Body)
	}
}
