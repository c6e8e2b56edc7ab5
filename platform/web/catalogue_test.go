package web_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

var errStrange = fault.New(fault.Conflict, "strange", "Qué <raro>. Haz otra cosa.", "How <strange>. Do something else.")

// documented is a server with one operation, errors and their catalogue.
func documented(t *testing.T, change ...func(*web.Options)) bundle {
	t.Helper()
	b := setup(t, change...)
	op := huma.Operation{Method: http.MethodGet, Path: "/api/strange", OperationID: "strange", Summary: "Fail"}
	web.Register(b.Server, web.Refuses(op, errStrange), web.Use{},
		func(context.Context, *struct{}) (*struct{}, error) { return nil, errStrange })
	b.Document(web.Documentation{
		Faults:  []*fault.Error{fault.ErrInternal, fault.ErrInvalid, errStrange},
		Reasons: []web.Reason{{Field: "failure.code", Code: "too_odd", Text: fault.Text{ES: "Impar.", EN: "Odd."}}},
	})
	return b
}

// The type of a problem is the address of a page that explains it, in the language of whoever opens it.
func TestTheTypeOfAProblemLeadsToItsPage(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ public, path, accept, lang, says, hides string }{
		"in Spanish":            {"", "", "", "es", "Qué &lt;raro&gt;. Haz otra cosa.", "How"},
		"in English":            {"", "", "en-GB,en;q=0.9", "en", "How &lt;strange&gt;. Do something else.", "Qué"},
		"below en":              {"", "/en", "es", "en", "How &lt;strange&gt;. Do something else.", "Qué"},
		"at a configured place": {"https://stars.example", "", "", "es", "400 Bad Request", "English text"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := documented(t, func(o *web.Options) { o.PublicURL = test.public })
			var problem web.Problem
			if err := json.Unmarshal(b.ask(http.MethodGet, "/api/strange", "").Body.Bytes(), &problem); err != nil {
				t.Fatal(err)
			}
			path, ok := strings.CutPrefix(problem.Type, test.public)
			if !ok || path != "/errors/strange" || problem.RequestID == "" {
				t.Fatalf("the problem is %+v", problem)
			}
			page := b.ask(http.MethodGet, test.path+path, "", "Accept-Language", test.accept)
			if page.Code != http.StatusOK || page.Header().Get("Content-Language") != test.lang ||
				!strings.Contains(page.Body.String(), test.says) || strings.Contains(page.Body.String(), test.hides) {
				t.Errorf("the page is %d %v %s", page.Code, page.Header(), page.Body)
			}
		})
	}
}

func TestTheCatalogueListsEveryCode(t *testing.T) {
	t.Parallel()
	b := documented(t)
	list := b.ask(http.MethodGet, "/errors", "").Body.String()
	for _, code := range []string{"internal", "invalid", "strange", "too_odd"} {
		if !strings.Contains(list, `href="/errors/`+code+`"`) {
			t.Errorf("%s is not in %s", code, list)
		}
		if page := b.ask(http.MethodGet, "/errors/"+code, ""); page.Code != http.StatusOK {
			t.Errorf("the page about %s: %d", code, page.Code)
		}
	}
	for _, path := range []string{"/errors/unknown", "/en/errors/unknown", "/errors/..%2Fx", "/docs/unknown.js"} {
		if page := b.ask(http.MethodGet, path, ""); page.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, page.Code)
		}
	}
	spanish := b.ask(http.MethodGet, "/errors/strange?lang=es", "", "Accept-Language", "en")
	if !strings.Contains(spanish.Body.String(), "Haz otra cosa") {
		t.Errorf("the way back to Spanish leads to %s", spanish.Body)
	}
}

// Programs find the field of the body by a JSON pointer; parameters have none.
func TestFieldsOfTheBodyHavePointers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for location, want := range map[string]string{
		"body": "#", "body.email": "#/email", "body.parts[2].size": "#/parts/2/size", "body.a/b~c": "#/a~1b~0c",
		"body.año": "#/a%C3%B1o", "query.page": "", "path.id": "", "bodyguard": "",
	} {
		path := "/" + strings.NewReplacer("[", "", "]", "", "~", "", "/", "", ".", "").Replace(location)
		b.get(path, func(context.Context) error {
			return fault.ErrInvalid.WithFields(fault.Field{Location: location})
		})
		var problem web.Problem
		if err := json.Unmarshal(b.ask(http.MethodGet, path, "").Body.Bytes(), &problem); err != nil {
			t.Fatal(err)
		}
		if len(problem.Errors) != 1 || problem.Errors[0].Pointer != want || problem.Errors[0].Location != location {
			t.Errorf("%s: %+v, want the pointer %q", location, problem.Errors, want)
		}
	}
}

// A range beyond the end of a mounted file is refused with a problem, and another one is not.
func TestARangeBeyondTheEndIsAProblem(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Mount("/files/", web.Use{Stream: true}, func(w http.ResponseWriter, r *http.Request) error {
		http.ServeContent(w, r, "a.txt", time.Time{}, strings.NewReader("content"))
		return nil
	})
	for header, want := range map[string]int{
		"bytes=0-2": http.StatusPartialContent, "bytes=7-": http.StatusRequestedRangeNotSatisfiable,
		"bytes=x": http.StatusRequestedRangeNotSatisfiable, "": http.StatusOK,
	} {
		answer := b.ask(http.MethodGet, "/files/a", "", "Range", header)
		problem := strings.Contains(answer.Body.String(), `"code":"range_not_satisfiable"`)
		if answer.Code != want || problem != (want == http.StatusRequestedRangeNotSatisfiable) {
			t.Errorf("%q: %d %s", header, answer.Code, answer.Body)
		}
	}
}

// The document names every code that an operation answers with, also those that all operations share.
func TestTheDocumentNamesTheCodesOfAnOperation(t *testing.T) {
	t.Parallel()
	answer := documented(t).ask(http.MethodGet, "/openapi.json", "")
	var document struct {
		Paths map[string]map[string]struct {
			Responses map[string]struct {
				Ref string `json:"$ref"`
			}
		}
		Components struct {
			Responses map[string]struct {
				Content map[string]struct {
					Examples map[string]struct{ Value web.Problem }
				}
			}
		}
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &document); err != nil {
		t.Fatal(err)
	}
	responses := document.Paths["/api/strange"]["get"].Responses
	for status, code := range map[string]string{"400": "strange", "500": "internal"} {
		name := strings.TrimPrefix(responses[status].Ref, "#/components/responses/")
		problem := document.Components.Responses[name].Content["application/problem+json"].Examples[code].Value
		if problem.Code != code || problem.Type != "/errors/"+code || problem.Detail == "" {
			t.Errorf("%s is described by %s, whose example is %+v", status, name, problem)
		}
	}
}

// Scripts and styles come from the site itself, and the pages permit no others.
func TestThePagesAboutTheAPIAreClosed(t *testing.T) {
	t.Parallel()
	b := documented(t)
	for _, path := range []string{"/docs", "/redoc", "/errors", "/errors/strange"} {
		page := b.ask(http.MethodGet, path, "")
		policy := page.Header().Get("Content-Security-Policy")
		if page.Code != http.StatusOK || !strings.Contains(policy, "default-src 'none'") ||
			strings.Contains(policy, "script-src 'self' 'unsafe") || strings.Contains(page.Body.String(), "http://") ||
			strings.Contains(page.Body.String(), "https://") {
			t.Errorf("%s: %d %q %s", path, page.Code, policy, page.Body)
		}
	}
	script := b.ask(http.MethodGet, "/redoc/redoc.standalone.js", "")
	if script.Code != http.StatusOK || script.Body.Len() < 500_000 {
		t.Errorf("Redoc's script: %d, %d bytes", script.Code, script.Body.Len())
	}
	again := b.ask(http.MethodGet, "/redoc/redoc.standalone.js", "", "If-None-Match", script.Header().Get("ETag"))
	if again.Code != http.StatusNotModified {
		t.Errorf("Redoc's script again: %d", again.Code)
	}
}
