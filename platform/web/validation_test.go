package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/web"
)

// secured registers an operation that needs a caller.
func (b bundle) secured(path string) {
	secured := huma.Operation{Method: http.MethodGet, Path: path, OperationID: path, Security: web.Secured()}
	web.Register(b.Server, secured,
		web.Use{}, func(context.Context, *struct{}) (*struct{}, error) { return nil, nil })
}

// everyRule has one field for each rule that an operation of ours may put on its input.
type everyRule struct {
	web.Page
	Order  string  `query:"order" enum:"recent,votes"`
	City   string  `query:"city" maxLength:"3"`
	Needed string  `query:"needed" required:"true"`
	Ratio  float64 `query:"ratio"`
	Yes    bool    `query:"yes"`
	Body   struct {
		Name  string   `json:"name" minLength:"2" maxLength:"4"`
		Mail  string   `json:"mail" format:"email"`
		Whole int      `json:"whole" minimum:"1" maximum:"3"`
		Any   int      `json:"any,omitempty"`
		Part  float64  `json:"part"`
		Flag  bool     `json:"flag"`
		Tags  []string `json:"tags"`
	}
}

// Every mistake of a caller is explained in both languages, without repeating what was sent.
func TestEveryValidationMessageHasSpanish(t *testing.T) {
	t.Parallel()
	b := setup(t)
	web.Register(b.Server, huma.Operation{Method: http.MethodPost, Path: "/rules", OperationID: "rules"},
		web.Use{}, func(context.Context, *everyRule) (*struct{}, error) { return nil, nil })
	const query, body = "needed=1", `{"name":"abc","mail":"a@b.co","whole":1,"part":1,"flag":true,"tags":[]}`
	if answer := b.ask(http.MethodPost, "/rules?"+query, body); answer.Code != http.StatusNoContent {
		t.Fatalf("good input gives %d %s", answer.Code, answer.Body)
	}
	with := func(old, replacement string) string {
		if !strings.Contains(body, old) {
			t.Fatalf("%s is not in the body", old)
		}
		return strings.Replace(body, old, replacement, 1)
	}
	for name, test := range map[string]struct{ query, body, location string }{
		"page 0":           {"page=0&needed=1", body, "query.page"},
		"page word":        {"page=hunter2&needed=1", body, "query.page"},
		"page huge":        {"page=99999999999999999999&needed=1", body, "query.page"},
		"page fraction":    {"page=1.5&needed=1", body, "query.page"},
		"size above":       {"page_size=101&needed=1", body, "query.page_size"},
		"unknown order":    {"order=hunter2&needed=1", body, "query.order"},
		"city too long":    {"city=hunter2&needed=1", body, "query.city"},
		"ratio word":       {"ratio=hunter2&needed=1", body, "query.ratio"},
		"yes word":         {"yes=hunter2&needed=1", body, "query.yes"},
		"parameter absent": {"", body, "query.needed"},
		"field absent":     {query, with(`"name":"abc",`, ""), "body"},
		"field unknown":    {query, with(`"name"`, `"other":"hunter2","name"`), "body.other"},
		"too short":        {query, with(`"abc"`, `"h"`), "body.name"},
		"too long":         {query, with(`"abc"`, `"hunter2"`), "body.name"},
		"not an e-mail":    {query, with(`"a@b.co"`, `"hunter2"`), "body.mail"},
		"text is number":   {query, with(`"abc"`, `7`), "body.name"},
		"text is null":     {query, with(`"abc"`, `null`), "body.name"},
		"number is text":   {query, with(`"part":1`, `"part":"hunter2"`), "body.part"},
		"whole is text":    {query, with(`"whole":1`, `"whole":"hunter2"`), "body.whole"},
		"whole is part":    {query, with(`"whole":1`, `"whole":1.5`), "body.whole"},
		"below":            {query, with(`"whole":1`, `"whole":0`), "body.whole"},
		"above":            {query, with(`"whole":1`, `"whole":9`), "body.whole"},
		"does not fit Go":  {query, with(`"part"`, `"any":1e30,"part"`), "body.any"},
		"flag is text":     {query, with(`true`, `"hunter2"`), "body.flag"},
		"list is text":     {query, with(`[]`, `"hunter2"`), "body.tags"},
		"body is list":     {query, `["hunter2"]`, "body"},
		"body is text":     {query, `"hunter2"`, "body"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := b.ask(http.MethodPost, "/rules?"+test.query, test.body)
			spanish := problemOf(t, answer)
			english := problemOf(t, b.ask(http.MethodPost, "/rules?"+test.query, test.body, "Accept-Language", "en"))
			if spanish.Status != http.StatusUnprocessableEntity || spanish.Code != "invalid" ||
				len(spanish.Errors) != 1 || spanish.Errors[0].Location != test.location {
				t.Fatalf("the problem is %+v, want one at %s", spanish, test.location)
			}
			if es, en := spanish.Errors[0].Message, english.Errors[0].Message; es == "" || en == "" || es == en {
				t.Errorf("Spanish %q, English %q", es, en)
			}
			if spanish.Detail == english.Detail {
				t.Errorf("the detail is %q in both languages", spanish.Detail)
			}
			if strings.Contains(answer.Body.String(), "hunter2") {
				t.Errorf("the value is repeated: %s", answer.Body)
			}
		})
	}
}

func TestBodiesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	op := huma.Operation{
		Method: http.MethodPost, Path: "/form", OperationID: "form", Middlewares: huma.Middlewares{b.AcceptForm},
	}
	var name string
	type input struct{ Body struct{ Name string } }
	web.Register(b.Server, op, web.Use{}, func(_ context.Context, in *input) (*struct{}, error) {
		name = in.Body.Name
		return nil, nil
	})
	const form = "application/x-www-form-urlencoded"
	huge, hugeForm := `{"Name":"`+strings.Repeat("x", 2<<20)+`"}`, "Name="+strings.Repeat("x", 65<<10)
	for _, test := range []struct {
		name, contentType, target, body string
		status                          int
		code                            string
	}{
		{"broken JSON", "application/json", "/form", `{"Name":"hunter2`, http.StatusBadRequest, "malformed"},
		{"no body", "application/json", "/form", "", http.StatusBadRequest, "malformed"},
		{"wrong type", "text/plain", "/form", `hunter2`, http.StatusUnsupportedMediaType, "unsupported_media_type"},
		{"huge JSON", "application/json", "/form", huge, http.StatusRequestEntityTooLarge, "too_large"},
		{"broken form", form, "/form", "Name=%zzhunter2", http.StatusBadRequest, "malformed"},
		{"huge form", form, "/form", hugeForm, http.StatusRequestEntityTooLarge, "too_large"},
		{"query that is not text", form, "/form?q=%ff", "Name=x", http.StatusBadRequest, "malformed"},
		{"NUL in the query", form, "/form?q=%00", "Name=x", http.StatusBadRequest, "malformed"},
	} {
		answer := b.ask(http.MethodPost, test.target, test.body, "Content-Type", test.contentType)
		if p := problemOf(t, answer); p.Status != test.status || p.Code != test.code {
			t.Errorf("%s gives %d %s, want %d %s", test.name, p.Status, p.Code, test.status, test.code)
		}
		if strings.Contains(answer.Body.String(), "hunter2") {
			t.Errorf("%s: the value is repeated: %s", test.name, answer.Body)
		}
	}
	if name != "" {
		t.Fatalf("the handler was called with %d bytes", len(name))
	}
	answer := b.ask(http.MethodPost, "/form", "Name=a%26b", "Content-Type", form+"; charset=UTF-8")
	if answer.Code != http.StatusNoContent || name != "a&b" {
		t.Fatalf("a good form gives %d and %q", answer.Code, name)
	}
}
