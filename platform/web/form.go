package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"os"
	"slices"

	"github.com/danielgtaylor/huma/v2"
)

const formType = "application/x-www-form-urlencoded"

// AcceptForm is a middleware for operations that accept a form as well as JSON. Operations opt in because browsers send
// forms across sites without asking. Document the form with DescribeForm.
func (s *Server) AcceptForm(ctx huma.Context, next func(huma.Context)) {
	if mediaType, _, err := mime.ParseMediaType(ctx.Header("Content-Type")); err != nil || mediaType != formType {
		next(ctx)
		return
	}
	body, err := readForm(ctx)
	if err != nil {
		_ = huma.WriteErr(s.API, ctx, http.StatusInternalServerError, "", err)
		return
	}
	next(formContext{ctx, body})
}

// readForm reads a form and returns its fields as a JSON object of strings.
func readForm(ctx huma.Context) ([]byte, error) {
	text, err := io.ReadAll(ctx.BodyReader())
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlow.With(err)
	case err != nil:
		return nil, bodyFault(err)
	}
	values, err := url.ParseQuery(string(text))
	if err != nil {
		return nil, errMalformed.With(err)
	}
	fields := make(map[string]string, len(values))
	for name := range values {
		fields[name] = values.Get(name)
	}
	return json.Marshal(fields) // strings always marshal
}

// Form reads the form that a page has sent. Fields that are no text are left out.
func Form(r *http.Request) (url.Values, error) {
	if mediaType, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || mediaType != formType {
		return nil, errMediaType
	}
	content, err := io.ReadAll(r.Body)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlow.With(err)
	case err != nil:
		return nil, bodyFault(err)
	}
	values, err := url.ParseQuery(string(content))
	if err != nil {
		return nil, errMalformed.With(err)
	}
	for name, all := range values {
		values[name] = slices.DeleteFunc(all, func(value string) bool { return !isText(value) })
	}
	return values, nil
}

// DescribeForm documents that the operation also accepts a form with these fields, all required.
func DescribeForm(op *huma.Operation, fields ...string) {
	form := &huma.Schema{Type: huma.TypeObject, Required: fields, Properties: map[string]*huma.Schema{}}
	for _, name := range fields {
		form.Properties[name] = &huma.Schema{Type: huma.TypeString}
	}
	if op.RequestBody == nil {
		op.RequestBody = &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{}}
	}
	op.RequestBody.Content[formType] = &huma.MediaType{Schema: form}
}

// humaContext renames huma.Context, so that it can be embedded: an embedded field named Context would hide the method
// Context.
type humaContext = interface{ huma.Context }

type formContext struct {
	humaContext
	body []byte
}

func (c formContext) Unwrap() huma.Context { return c.humaContext }

func (c formContext) BodyReader() io.Reader { return bytes.NewReader(c.body) }

func (c formContext) Header(name string) string {
	if name == "Content-Type" {
		return "application/json"
	}
	return c.humaContext.Header(name)
}
