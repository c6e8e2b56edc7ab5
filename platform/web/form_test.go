package web_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/web"
)

// A handler that runs for longer than its form may take to arrive is not cut off, nor is the next request on the same
// connection.
func TestHandlingAFormMayTakeLongerThanReadingIt(t *testing.T) {
	t.Parallel()
	b := setup(t, func(o *web.Options) { o.Pace.Body = 250 * time.Millisecond })
	op := huma.Operation{
		Method: http.MethodPost, Path: "/form", OperationID: "form", Middlewares: huma.Middlewares{b.AcceptForm},
	}
	type input struct{ Body struct{ Name string } }
	web.Register(b.Server, op, web.Use{}, func(ctx context.Context, _ *input) (*struct{}, error) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(500 * time.Millisecond): // the work
			return nil, nil
		}
	})
	if err := b.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for range 2 {
		answer, err := client.PostForm("http://"+b.Addr()+"/form", url.Values{"Name": {"a"}})
		if err != nil {
			t.Fatal(err)
		}
		if _ = answer.Body.Close(); answer.StatusCode != http.StatusNoContent {
			t.Errorf("the answer is %s", answer.Status)
		}
	}
}
