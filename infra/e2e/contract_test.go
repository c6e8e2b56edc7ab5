package e2e

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// committedDocument is what every answer of the site is checked against. Every stage serves it as well.
var committedDocument = sync.OnceValues(func() (*openapi3.T, error) {
	return openapi3.NewLoader().LoadFromFile("../openapi/openapi.yaml")
})

// proxied are the statuses with which a proxy in front of the app may answer any request.
var proxied = []int{400, 404, 405, 413, 414, 416, 429, 502, 503, 504}

// checkContract fails the test unless the document describes the answer: its status, its headers and its body. Answers
// of others than the app, such as of S3, have no request id, and are not checked.
func checkContract(t *testing.T, request *http.Request, a apiResponse) {
	t.Helper()
	if a.Header.Get("X-Request-Id") == "" {
		return
	}
	document, err := committedDocument()
	if err != nil {
		t.Fatal(err)
	}
	if err := breachOfContract(document, request, a); err != nil {
		t.Errorf("%s %s is answered with %d, against the document: %v\n%.2000s", request.Method, request.URL.Path, a.Status,
			err, a.Body)
	}
}

func breachOfContract(document *openapi3.T, request *http.Request, a apiResponse) error {
	route := routeOf(document, request)
	switch {
	case route == nil && a.Status < 400 && a.Status != http.StatusNoContent: // OPTIONS
		return errors.New("it describes no such operation")
	case route == nil:
		return nil
	case route.Operation.Responses.Status(a.Status) == nil:
		if a.Header.Get("Server") == "nginx" && slices.Contains(proxied, a.Status) {
			return nil
		}
		return fmt.Errorf("%s has no such status", route.Operation.OperationID)
	}
	contentType := a.Header.Get("Content-Type")
	if len(a.Body) > 0 && route.Operation.Responses.Status(a.Status).Value.Content.Get(contentType) == nil {
		return fmt.Errorf("%s has no such Content-Type: %q", route.Operation.OperationID, contentType)
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, Route: route},
		Status:                 a.Status, Header: a.Header,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true,
			ExcludeResponseBody: len(a.Body) == 0 || !strings.Contains(contentType, "json") ||
				a.Header.Get("Content-Encoding") != "",
		},
	}
	return openapi3filter.ValidateResponse(request.Context(), input.SetBodyBytes(a.Body))
}

// routeOf returns the operation that a request is for, or nil. The app answers HEAD like GET.
func routeOf(document *openapi3.T, request *http.Request) *routers.Route {
	steps := strings.Split(request.URL.EscapedPath(), "/")
	var found *routers.Route
	fixed := -1
	for pattern, item := range document.Paths.Map() {
		parts := strings.Split(pattern, "/")
		operation := item.GetOperation(request.Method)
		if operation == nil && request.Method == http.MethodHead {
			operation = item.Get
		}
		if operation == nil || len(parts) != len(steps) {
			continue
		}
		equal := 0
		for i, part := range parts {
			switch {
			case part == steps[i]:
				equal++
			case !strings.HasPrefix(part, "{"):
				equal = -len(parts)
			}
		}
		if equal > fixed {
			fixed = equal
			found = &routers.Route{
				Spec: document, Path: pattern, PathItem: item, Method: request.Method, Operation: operation,
			}
		}
	}
	return found
}

// The check itself finds what does not fit.
func TestTheContractIsChecked(t *testing.T) {
	t.Parallel()
	document, err := committedDocument()
	if err != nil {
		t.Fatal(err)
	}
	const vote = `{"id":"1","vote_count":1,"message":"Hecho.","video_id":"1","total_votes":1}`
	const missing = `{"type":"/errors/not_found","title":"Not Found","status":404,"detail":"No.","code":"not_found"}`
	for name, c := range map[string]struct {
		status     int
		header     string // the content type; "" leaves out the request id, too
		body, want string // part of the error; "": none
	}{
		"right":              {200, "application/json", vote, ""},
		"another status":     {202, "application/json", vote, "no such status"},
		"no request id":      {200, "", vote, "X-Request-Id"},
		"another type":       {200, "text/html", vote, "Content-Type"},
		"a field is missing": {200, "application/json", `{"id":"1","vote_count":1,"message":"","video_id":"1"}`, "total_votes"},
		"a field is text":    {200, "application/json", strings.Replace(vote, `:1}`, `:"1"}`, 1), "total_votes"},
		"a field too many":   {200, "application/json", strings.Replace(vote, `{`, `{"more":1,`, 1), "more"},
		"a problem":          {404, "application/problem+json", missing, ""},
		"an unknown code": {
			404, "application/problem+json", strings.Replace(missing, `"code":"not_found"`, `"code":"gone"`, 1), "code",
		},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost,
			"http://localhost/api/public/videos/1/vote", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		header := http.Header{"Content-Type": {c.header}, "X-Request-Id": {"1"}}
		if c.header == "" {
			header = http.Header{"Content-Type": {"application/json"}}
		}
		breach := breachOfContract(document, request, apiResponse{Status: c.status, Header: header, Body: []byte(c.body)})
		if (breach == nil) != (c.want == "") || breach != nil && !strings.Contains(breach.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, breach, c.want)
		}
	}
}
