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
	"time"

	"github.com/danielgtaylor/huma/v2"
)

const (
	formType    = "application/x-www-form-urlencoded"
	formMax     = 64 << 10
	formTimeout = 5 * time.Second // for the whole of it; the same as huma's for JSON
)

// AcceptForm lets an operation take a form as well as JSON: add it to the operation's middlewares. It is opt-in because
// browsers send forms across sites without asking. Document it with DescribeForm.
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

// readForm reads a form of strings as the JSON object that it stands for.
func readForm(ctx huma.Context) ([]byte, error) {
	if err := ctx.SetReadDeadline(time.Now().Add(formTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return nil, errMalformed.With(err)
	}
	text, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), formMax+1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, errSlow.With(err)
	case err != nil:
		return nil, errMalformed.With(err)
	case len(text) > formMax:
		return nil, errTooLarge
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

// DescribeForm documents that the operation takes a form beside JSON, with these fields, all of them required.
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

// humaContext has another name because huma.Context has a method that is called Context.
type humaContext = interface{ huma.Context }

type formContext struct {
	humaContext
	body []byte
}

func (c formContext) Unwrap() huma.Context { return c.humaContext }

func (c formContext) BodyReader() io.Reader { return bytes.NewReader(c.body) }

// SetReadDeadline does nothing, as the form has been read. On the connection net/http listens for the client's end by now, and
// takes a deadline that passes for it: it would end the contexts of this request and of all that follow there.
func (c formContext) SetReadDeadline(time.Time) error { return nil }

func (c formContext) Header(name string) string {
	if name == "Content-Type" {
		return "application/json"
	}
	return c.humaContext.Header(name)
}
