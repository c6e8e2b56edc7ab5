package web_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// strict registers an operation that knows the field name and a list of numbers.
func (b bundle) strict() {
	type input struct {
		Body struct {
			Name    string `json:"name"`
			Numbers []int  `json:"numbers,omitempty"`
		}
	}
	op := huma.Operation{Method: http.MethodPost, Path: "/strict", OperationID: "strict"}
	web.Register(b.Server, op, web.Use{Body: 2 << 20},
		func(context.Context, *input) (*struct{}, error) { return nil, nil })
}

// object returns a document with n unknown fields.
func object(n int) string {
	var document strings.Builder
	document.WriteString(`{"name":"x"`)
	for i := range n {
		fmt.Fprintf(&document, `,"f%d":0`, i)
	}
	return document.String() + "}"
}

func TestAProblemNamesAtMost20Findings(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.strict()
	fields := make([]fault.Field, 100)
	b.get("/many", func(context.Context) error { return fault.ErrInvalid.WithFields(fields...) })
	ask := func(n int) int {
		p := problemOf(t, b.ask(http.MethodPost, "/strict", object(n)))
		if p.Code != "invalid" {
			t.Errorf("%d wrong fields give %+v", n, p)
		}
		return len(p.Errors)
	}
	for n, want := range map[int]int{1: 1, 19: 19, 20: 20, 21: 20, 200: 20} {
		if got := ask(n); got != want {
			t.Errorf("%d wrong fields give %d findings, want %d", n, got, want)
		}
	}
	if p := problemOf(t, b.ask(http.MethodGet, "/many", "")); len(p.Errors) != 20 {
		t.Errorf("a handler's 100 findings give %d", len(p.Errors))
	}
}

func TestTheNameOfAnUnknownFieldIsCut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.strict()
	name := strings.Repeat("á", 1<<20/2)
	p := problemOf(t, b.ask(http.MethodPost, "/strict", `{"name":"x","`+name+`":0}`))
	if len(p.Errors) != 1 || len(p.Errors[0].Location) > 210 || !utf8.ValidString(p.Errors[0].Location) ||
		!strings.HasPrefix(p.Errors[0].Location, "body.áá") {
		t.Fatalf("the problem is %.1000v", p)
	}
}

// A document of 1 MB with nothing but mistakes used to cost 58 MB.
func TestADocumentWithTooManyValuesIsNotExamined(t *testing.T) { //nolint:paralleltest // it measures memory
	const most = 16 << 20
	b := setup(t)
	b.strict()
	for name, document := range map[string]string{
		"fields":  object(100_000),
		"numbers": `{"name":"x","numbers":[` + strings.Repeat(`"x",`, 250_000) + `0]}`,
		"levels":  `{"name":` + strings.Repeat("[", 500_000),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p := problemOf(t, b.ask(http.MethodPost, "/strict", document))
		runtime.ReadMemStats(&after)
		if p.Status != http.StatusBadRequest || p.Code != "malformed" || len(p.Errors) > 0 {
			t.Errorf("%s give %+v", name, p)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > most {
			t.Errorf("%s cost %d MiB", name, used>>20)
		}
	}
	good := `{"name":"x","numbers":[` + strings.Repeat("0,", 400) + "0]}"
	if answer := b.ask(http.MethodPost, "/strict", good); answer.Code != http.StatusNoContent {
		t.Errorf("a good document with 400 values is answered with %d %s", answer.Code, answer.Body)
	}
}
