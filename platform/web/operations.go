package web

import (
	"cmp"
	"context"
	"net/http"
	"reflect"
	"strconv"
	"strings"

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
		Degraded []string `json:"degraded,omitempty" doc:"What is short: disk, workers or certificate"`
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
	get := func(
		path, summary string, handler func(context.Context, *struct{}) (*healthOutput, error), faults ...*fault.Error,
	) {
		Register(s, Refuses(huma.Operation{
			Method: http.MethodGet, Path: path, OperationID: operationID(path), Tags: []string{"Service"},
			Summary: summary,
		}, faults...), Use{}, handler)
	}
	get("/health", "Check that the service answers, and get its version", healthy)
	get("/api/health", "Same as /health", healthy)
	get("/livez", "Check that the process is alive", healthy)
	get("/readyz", "Check that the process is ready for requests", ready, errNotReady)

	s.metrics()
}

// operationID names an operation after its path, such as getDocsFile.
func operationID(path string) string {
	id := "get"
	for word := range strings.FieldsFuncSeq(path, func(r rune) bool { return strings.ContainsRune("/{}.-_", r) }) {
		id += strings.ToUpper(word[:1]) + word[1:]
	}
	return id
}

// Describe documents the answer of an operation that huma does not handle: a body of this content type with
// op.DefaultStatus.
func Describe(doc *huma.OpenAPI, op *huma.Operation, contentType string, body any) {
	schema := doc.Components.Schemas.Schema(reflect.TypeOf(body), true, op.OperationID+"Body")
	op.Responses = map[string]*huma.Response{strconv.Itoa(op.DefaultStatus): {
		Content: map[string]*huma.MediaType{contentType: {Schema: schema}},
	}}
}
