// Package contracttest checks answers of the app against the document of its API, infra/openapi/openapi.yaml: their
// status, their headers and their bodies. It checks no request, and nothing about pages of the site.
package contracttest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/klauspost/compress/zstd"
)

// Answer is a response whose whole body has been read.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Document returns the committed document. Every stage serves it as well.
func Document(t testing.TB) *openapi3.T {
	t.Helper()
	document, err := committed()
	if err != nil {
		t.Fatal(err)
	}
	return document
}

var committed = sync.OnceValues(func() (*openapi3.T, error) {
	folder, err := os.Getwd() // of the package under test
	for err == nil {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		if folder == filepath.Dir(folder) {
			err = errors.New("no go.mod above the package under test")
		}
		folder = filepath.Dir(folder)
	}
	if err != nil {
		return nil, fmt.Errorf("find the document of the API: %w", err)
	}
	return openapi3.NewLoader().LoadFromFile(filepath.Join(folder, "infra", "openapi", "openapi.yaml"))
})

// proxied are the statuses with which a proxy in front of the app may answer any request.
var proxied = []int{400, 404, 405, 413, 414, 416, 429, 502, 503, 504}

// Check fails the test unless the document describes the answer. Answers of others than the app, such as of S3, have no
// request id, and are not checked.
func Check(t testing.TB, request *http.Request, a Answer) {
	t.Helper()
	if a.Header.Get("X-Request-Id") == "" {
		return
	}
	if err := Breach(Document(t), request, a); err != nil {
		t.Errorf("%s %s is answered with %d, against the document: %v\n%.2000s",
			request.Method, request.URL.Path, a.Status, err, a.Body)
	}
}

// Breach returns what of the answer the document does not describe, or nil.
func Breach(document *openapi3.T, request *http.Request, a Answer) error {
	route := Route(document, request)
	switch {
	case route == nil && a.Status < 400 && a.Status != http.StatusNoContent && // OPTIONS
		strings.HasPrefix(request.URL.Path, "/api/"): // others are pages of the site
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
	body, err := decoded(a)
	if err != nil {
		return err
	}
	input := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: request, Route: route},
		Status:                 a.Status, Header: a.Header,
		Options: &openapi3filter.Options{
			IncludeResponseStatus: true, MultiError: true,
			ExcludeResponseBody: len(body) == 0 || !strings.Contains(contentType, "json"),
		},
	}
	return openapi3filter.ValidateResponse(request.Context(), input.SetBodyBytes(body))
}

// decoded returns the body without its Content-Encoding.
func decoded(a Answer) ([]byte, error) {
	if len(a.Body) == 0 {
		return nil, nil
	}
	var r io.Reader
	var err error
	switch encoding := a.Header.Get("Content-Encoding"); encoding {
	case "":
		return a.Body, nil
	case "gzip":
		r, err = gzip.NewReader(bytes.NewReader(a.Body))
	case "zstd":
		r, err = zstd.NewReader(bytes.NewReader(a.Body), zstd.WithDecoderConcurrency(1))
	default:
		return nil, fmt.Errorf("no client asks for the Content-Encoding %q", encoding)
	}
	if err != nil {
		return nil, fmt.Errorf("the body is not what its Content-Encoding says: %w", err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("the body is not what its Content-Encoding says: %w", err)
	}
	return body, nil
}

// Route returns the operation that a request is for, or nil. The app answers HEAD like GET.
func Route(document *openapi3.T, request *http.Request) *routers.Route {
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
			case !strings.HasPrefix(part, "{") || steps[i] == "":
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
