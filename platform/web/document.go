package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/yaml"
	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
)

// Documentation is what a server says about itself beside what its operations declare.
type Documentation struct {
	Description string
	Groups      []Group
	Faults      []*fault.Error // of all packages, for the catalogue
	Reasons     []Reason
	Examples    map[string]any // by the names of fields and parameters that declare none
}

// Group is what operations of one tag have in common.
type Group struct{ Name, Description string }

// Documents of the API: the path, the content type and how it is made.
var documentForms = []struct {
	path, contentType, summary string
	marshal                    func(*huma.OpenAPI) ([]byte, error)
}{
	{
		"/openapi.json", "application/openapi+json", "Get this document as JSON",
		func(d *huma.OpenAPI) ([]byte, error) { return json.Marshal(d) },
	},
	{"/openapi.yaml", "application/openapi+yaml", "Get this document as YAML", (*huma.OpenAPI).YAML},
	{
		"/openapi-3.0.json", "application/openapi+json", "Get this document for tools that read OpenAPI 3.0, as JSON",
		downgrade,
	},
	{
		"/openapi-3.0.yaml", "application/openapi+yaml", "Get this document for tools that read OpenAPI 3.0, as YAML",
		func(d *huma.OpenAPI) ([]byte, error) {
			older, err := downgrade(d)
			var converted bytes.Buffer
			err = errors.Join(err, yaml.Convert(&converted, bytes.NewReader(older)))
			return converted.Bytes(), err
		},
	},
}

// Document serves the OpenAPI document of all routes, also of those that are registered later but before Start, pages
// to read it and to try it (/docs, /redoc), and the catalogue of errors.
func (s *Server) Document(d Documentation) {
	s.documentation, s.catalogue = d, Catalogue(d.Faults, d.Reasons)
	for _, form := range documentForms {
		s.page(form.path, form.summary, form.contentType, s.serveDocument(form.contentType, form.marshal))
	}
	s.catalogueRoutes()
	s.viewerRoutes()
}

// serveDocument makes a form of the document when it is first asked for.
func (s *Server) serveDocument(contentType string, marshal func(*huma.OpenAPI) ([]byte, error)) echo.HandlerFunc {
	made := sync.OnceValues(func() ([]byte, error) { return marshal(s.OpenAPI()) })
	return func(c echo.Context) error {
		document, err := made()
		if err != nil {
			return fmt.Errorf("make the OpenAPI document: %w", err)
		}
		c.Response().Header().Set("Cache-Control", "no-cache")
		return c.Blob(http.StatusOK, contentType, document)
	}
}

// OpenAPI returns the document of all routes. It completes it, once, by what the server does for every operation.
// Register no operation after that.
func (s *Server) OpenAPI() *huma.OpenAPI {
	s.completed.Do(s.complete)
	return s.API.OpenAPI()
}

// YAML returns the document of all routes as YAML.
func (s *Server) YAML() ([]byte, error) {
	document, err := s.OpenAPI().YAML()
	if err != nil {
		return nil, fmt.Errorf("make the OpenAPI document: %w", err)
	}
	return document, nil
}

func (s *Server) complete() {
	doc := s.API.OpenAPI()
	doc.Info.Description = s.documentation.Description
	doc.Servers = []*huma.Server{{URL: "/", Description: "The host that serves this document"}}
	for _, g := range s.documentation.Groups {
		doc.Tags = append(doc.Tags, &huma.Tag{Name: g.Name, Description: g.Description})
	}
	doc.Components.Headers = commonHeaders()
	permitNull(doc.Components.Schemas)
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) { // in order, so that names of responses stay the same
		for _, op := range operationsAt(doc.Paths[path]) {
			s.completeOperation(doc, op)
		}
	}
}

// operationsAt returns the operations of a path.
func operationsAt(item *huma.PathItem) []*huma.Operation {
	all := []*huma.Operation{item.Get, item.Put, item.Post, item.Delete, item.Options, item.Head, item.Patch}
	return slices.DeleteFunc(all, func(op *huma.Operation) bool { return op == nil })
}

// completeOperation describes what the server adds to every answer of an operation, and all its problems.
func (s *Server) completeOperation(doc *huma.OpenAPI, op *huma.Operation) {
	if len(op.Security) == 0 {
		op.Security = nil
		op.Extensions = maps.Clone(op.Extensions)
		if op.Extensions == nil {
			op.Extensions = map[string]any{}
		}
		op.Extensions["security"] = []any{} // huma leaves an empty list out
	}
	maps.DeleteFunc(op.Responses, func(status string, _ *huma.Response) bool {
		return status == "default" || status >= "4"
	})
	if r, _ := op.Metadata[routeKey].(route); r.prepared || r.tagged {
		describeTag(op)
	}
	for status, response := range op.Responses {
		s.completeResponse(op, status, response)
	}
	if op.RequestBody != nil {
		for _, media := range op.RequestBody.Content {
			if media.Example == nil && media.Examples == nil {
				media.Example = s.exampleOf(media.Schema)
			}
		}
	}
	for _, p := range op.Parameters {
		if p.Schema != nil && p.Example == nil && p.Schema.Examples == nil {
			p.Example = s.parameterExample(p)
		}
	}
	s.completeProblems(doc, op)
}

// describeTag describes what whoever has an answer already may send, and gets.
func describeTag(op *huma.Operation) {
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: "If-None-Match", In: "header", Description: "ETags of answers that the client has",
		Schema: &huma.Schema{Type: huma.TypeString},
	})
	op.Responses["304"] = &huma.Response{
		Description: "Nothing has changed since the answer with the ETag in If-None-Match",
	}
}

func (s *Server) completeResponse(op *huma.Operation, status string, response *huma.Response) {
	if response.Headers == nil {
		response.Headers = map[string]*huma.Param{}
	}
	response.Headers["X-Request-Id"] = headerRef("X-Request-Id")
	r, _ := op.Metadata[routeKey].(route)
	if r.prepared || r.tagged {
		response.Headers["ETag"], response.Headers["Cache-Control"] = headerRef("ETag"), headerRef("Cache-Control")
	}
	if r.use.Once {
		response.Headers["Idempotency-Replayed"] = headerRef("Idempotency-Replayed")
	}
	if response.Description == "" || response.Description == http.StatusText(http.StatusOK) {
		response.Description = op.Summary
	}
	if status == "304" {
		return
	}
	for contentType, media := range response.Content {
		if strings.HasSuffix(contentType, "json") && media.Example == nil && media.Examples == nil {
			media.Example = s.exampleOf(media.Schema)
		}
	}
}

// page routes and documents a page that anyone may read as often as they like, because it comes from memory.
// contentTypes has its types, with commas between them.
func (s *Server) page(path, summary, contentTypes string, handler echo.HandlerFunc, params ...*huma.Param) {
	s.addPage(pageOperation(path, summary, contentTypes, params), handler)
}

// file is page for a file, which whoever has it already gets no second time. It is sent whole.
func (s *Server) file(path, summary, contentTypes string, handler echo.HandlerFunc, params ...*huma.Param) {
	op := pageOperation(path, summary, contentTypes, params)
	describeTag(&op)
	for _, response := range op.Responses {
		response.Headers = map[string]*huma.Param{
			"ETag": headerRef("ETag"), "Cache-Control": headerRef("Cache-Control"),
		}
	}
	s.addPage(op, func(c echo.Context) error {
		c.Request().Header.Del("Range")
		return handler(c)
	})
}

func pageOperation(path, summary, contentTypes string, params []*huma.Param) huma.Operation {
	op := withMetadata(huma.Operation{
		Method: http.MethodGet, Path: path, OperationID: operationID(path), Tags: []string{"Documentation"},
		Summary: summary, Parameters: params,
		Responses: map[string]*huma.Response{"200": {Content: map[string]*huma.MediaType{}}},
	}, routeKey, route{})
	for contentType := range strings.SplitSeq(contentTypes, ",") {
		schema := &huma.Schema{Type: huma.TypeString}
		if strings.HasSuffix(contentType, "json") {
			schema.Type = huma.TypeObject
		}
		op.Responses["200"].Content[contentType] = &huma.MediaType{Schema: schema}
	}
	if len(params) > 0 {
		op = Refuses(op, errNoRoute)
	}
	return op
}

func (s *Server) addPage(op huma.Operation, handler echo.HandlerFunc) {
	s.API.OpenAPI().AddOperation(&op)
	s.declare(http.MethodGet, echoPath(op.Path), route{})
	s.echo.GET(echoPath(op.Path), handler)
}

// pathParam describes a parameter of a page's path that is one of some names.
func pathParam(name, description string, values ...string) *huma.Param {
	p := &huma.Param{
		Name: name, In: "path", Required: true, Description: description,
		Schema: &huma.Schema{Type: huma.TypeString},
	}
	for _, value := range values {
		p.Schema.Enum = append(p.Schema.Enum, value)
	}
	return p
}

// Undescribed lists the routes that the document does not describe, in the notation of Routes, without the pages of the
// site and what they load.
func (s *Server) Undescribed() []string {
	described := map[string]bool{}
	for path, item := range s.OpenAPI().Paths {
		for _, op := range operationsAt(item) {
			at := path
			if under, ok := op.Metadata[mountKey].(string); ok {
				at = under
			}
			described[op.Method+" "+echoPath(at)] = true
		}
	}
	return slices.DeleteFunc(s.Routes(), func(name string) bool {
		r := s.routes[name]
		return described[name] || r.page || r.static
	})
}
