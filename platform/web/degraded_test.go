package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"testing"

	"risingstars/platform/telemetry"
	"risingstars/platform/web"
)

// A process that is short of something keeps its place behind the load balancer, and says what it is short of.
func TestReadinessToleratesWhatTheRestCanDoWithout(t *testing.T) {
	t.Parallel()
	var full error
	b := setup(t, func(o *web.Options) {
		check := func(context.Context) error { return full }
		o.Health = &telemetry.Health{Tolerated: []telemetry.Check{{Name: "disk", Run: check}}}
	})
	for want, err := range map[string]error{"healthy": nil, "degraded": errors.New("full")} {
		full = err
		answer := b.ask(http.MethodGet, "/readyz", "")
		var body struct {
			Status   string
			Degraded []string
		}
		if err := json.Unmarshal(answer.Body.Bytes(), &body); err != nil {
			t.Fatal(err)
		}
		if answer.Code != http.StatusOK || body.Status != want || (len(body.Degraded) == 1) != (full != nil) {
			t.Errorf("%v gives %d %+v", full, answer.Code, body)
		}
		if len(body.Degraded) == 1 && body.Degraded[0] != "disk" {
			t.Errorf("%q is degraded", body.Degraded)
		}
	}
}
