package web

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/fault"
)

// notReady is for operators, who read English.
const notReady = "The service is not ready; errors names the check that fails, and the log has its cause."

var errNotReady = fault.New(fault.Unavailable, "not_ready", notReady, notReady)

type healthOutput struct {
	Body struct {
		Status   string   `json:"status" example:"healthy" doc:"healthy or, from /readyz, degraded"`
		Version  string   `json:"version" example:"1.0.0"`
		Degraded []string `json:"degraded,omitempty" doc:"What is short: disk, for uploads; workers, for processing"`
	}
}

// operations registers the routes of the service itself.
func (s *Server) operations() {
	healthy := func(context.Context, *struct{}) (*healthOutput, error) {
		out := &healthOutput{}
		out.Body.Status, out.Body.Version = "healthy", s.o.Version
		return out, nil
	}
	ready := func(ctx context.Context, in *struct{}) (*healthOutput, error) {
		if failing, err := s.o.Health.Ready(ctx); err != nil {
			message := cmp.Or(failing.Failure, "this check failed")
			return nil, errNotReady.With(err).WithFields(fault.Field{
				Location: failing.Name, Message: fault.Text{ES: message, EN: message},
			})
		}
		out, err := healthy(ctx, in)
		if out.Body.Degraded = s.o.Health.Degraded(ctx); len(out.Body.Degraded) > 0 {
			out.Body.Status = "degraded"
		}
		return out, err
	}
	get := func(path, summary string, handler func(context.Context, *struct{}) (*healthOutput, error)) {
		Register(s, huma.Operation{
			Method: http.MethodGet, Path: path, OperationID: operationID(path), Tags: []string{"service"},
			Summary: summary,
		}, Use{}, handler)
	}
	get("/health", "Check that the service answers; returns its version", healthy)
	get("/api/health", "Same as /health", healthy)
	get("/livez", "Check that the process is alive", healthy)
	get("/readyz", "Check that the process is ready for requests; names the failing check if not", ready)

	s.metrics()
}

func operationID(path string) string { return "get" + huma.GenerateOperationID("", path, struct{}{}) }

// Describe documents the answers of an operation that huma does not handle: body with op.DefaultStatus, and problems
// with op.Errors.
func Describe(doc *huma.OpenAPI, op *huma.Operation, body any) {
	DescribeAs(doc, op, "application/json", body)
}

// DescribeAs is Describe for a body with a content type other than JSON.
func DescribeAs(doc *huma.OpenAPI, op *huma.Operation, contentType string, body any) {
	schema := func(of any, name string) *huma.Schema {
		return doc.Components.Schemas.Schema(reflect.TypeOf(of), true, name)
	}
	answer := func(status int, contentType string, schema *huma.Schema) {
		op.Responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status), Content: map[string]*huma.MediaType{contentType: {Schema: schema}},
		}
	}
	op.Responses = map[string]*huma.Response{}
	answer(op.DefaultStatus, contentType, schema(body, op.OperationID+"Body"))
	for _, status := range op.Errors {
		answer(status, "application/problem+json", schema(Problem{}, "Problem"))
	}
}
