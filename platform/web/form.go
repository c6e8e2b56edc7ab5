package web

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"net/url"

	"github.com/danielgtaylor/huma/v2"
)

const (
	formType = "application/x-www-form-urlencoded"
	formMax  = 64 << 10
)

// AcceptForm lets an operation take a form as well as JSON: add it to the operation's middlewares. It is opt-in because
// browsers send forms across sites without asking.
func AcceptForm(ctx huma.Context, next func(huma.Context)) {
	if mediaType, _, err := mime.ParseMediaType(ctx.Header("Content-Type")); err != nil || mediaType != formType {
		next(ctx)
		return
	}
	body := []byte("{") // not JSON: what cannot be read as a form is answered like malformed JSON
	if text, err := io.ReadAll(io.LimitReader(ctx.BodyReader(), formMax)); err == nil {
		if values, err := url.ParseQuery(string(text)); err == nil {
			fields := make(map[string]string, len(values))
			for name := range values {
				fields[name] = values.Get(name)
			}
			body, _ = json.Marshal(fields) // strings always marshal
		}
	}
	next(formContext{ctx, body})
}

// humaContext has another name because huma.Context has a method that is called Context.
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
