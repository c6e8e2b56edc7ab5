package web

import (
	"bytes"
	"cmp"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
)

// errorsPath is where the pages about codes are, in the language that the browser prefers; below /en they are in
// English.
const errorsPath = "/errors/"

// Reason is a code that an answer gives for something other than a refused request, such as for a video that failed.
type Reason struct {
	Field string // of the answer that has the code, such as failure.code
	Code  string
	Text  fault.Text
}

// Entry is what the catalogue says about one code.
type Entry struct {
	Code    string
	Status  int    // of the answers with this code; 0 for a reason
	Kind    string // of its faults; the field that has the code, for a reason
	Texts   []fault.Text
	Advice  fault.Text   // what a program does about it; empty for a reason
	example *fault.Error // nil for a reason
}

// Catalogue returns an entry for each code and status of the faults, and for each reason, in the order of the codes.
func Catalogue(faults []*fault.Error, reasons []Reason) []Entry {
	var entries []Entry
	for _, f := range faults {
		status := StatusOf(f)
		at := slices.IndexFunc(entries, func(e Entry) bool { return e.Code == f.Code && e.Status == status })
		if at < 0 {
			at = len(entries)
			entries = append(entries, Entry{
				Code: f.Code, Status: status, Kind: f.Kind.String(), Advice: f.Kind.Advice(), example: f,
			})
		}
		if !slices.Contains(entries[at].Texts, f.Text) {
			entries[at].Texts = append(entries[at].Texts, f.Text)
		}
	}
	for _, r := range reasons {
		entries = append(entries, Entry{Code: r.Code, Kind: r.Field, Texts: []fault.Text{r.Text}})
	}
	slices.SortStableFunc(entries, func(a, b Entry) int {
		return cmp.Or(strings.Compare(a.Code, b.Code), cmp.Compare(a.Status, b.Status))
	})
	return entries
}

// StatusName returns the name of the status, such as Not Found; "" for a reason.
func (e Entry) StatusName() string { return http.StatusText(e.Status) }

// errorPage is what the template of a page about codes shows.
type errorPage struct {
	English bool
	Code    string // "" in the list of all
	Entries []Entry
	Twin    string // the same page in the other language
	Home    string // the list of all codes
}

// Pick returns the text in the page's language.
func (p errorPage) Pick(t fault.Text) string {
	if p.English {
		return t.EN
	}
	return t.ES
}

// Say returns one of two short texts in the page's language.
func (p errorPage) Say(es, en string) string { return p.Pick(fault.Text{ES: es, EN: en}) }

// catalogueRoutes serves a page for each code, and a list of all.
func (s *Server) catalogueRoutes() {
	code := pathParam("code", "The code of a problem or of a reason")
	code.Example = fault.ErrInvalid.Code
	lang := &huma.Param{
		Name: "lang", In: "query", Description: "es: Spanish, whatever the browser prefers",
		Schema: &huma.Schema{Type: huma.TypeString},
	}
	s.page("/errors", "List all codes, in the language that the browser prefers", "text/html",
		s.showErrors(false), lang)
	s.page("/errors/{code}", "Read what a code means, in the language that the browser prefers", "text/html",
		s.showErrors(false), code, lang)
	s.page("/en/errors", "List all codes, in English", "text/html", s.showErrors(true))
	s.page("/en/errors/{code}", "Read what a code means, in English", "text/html", s.showErrors(true), code)
}

func (s *Server) showErrors(english bool) echo.HandlerFunc {
	return func(c echo.Context) error {
		code := c.Param("code")
		page := errorPage{English: english, Code: code, Home: "/errors"}
		path := strings.TrimPrefix(c.Request().URL.Path, "/en")
		if english {
			page.Home = "/en/errors"
		} else if c.QueryParam("lang") != "es" {
			page.English = PrefersEnglish(c.Request().Context())
		}
		if page.Twin = "/en" + path; page.English {
			page.Twin = path + "?lang=es"
		}
		for _, e := range s.catalogue {
			if code == "" || e.Code == code {
				page.Entries = append(page.Entries, e)
			}
		}
		if len(page.Entries) == 0 {
			return errNoRoute
		}
		h := c.Response().Header()
		vary(h, "Accept-Language")
		h.Set("Content-Language", page.Say("es", "en"))
		h.Set("Cache-Control", "public, max-age=3600")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src "+errorStyleSource+"; frame-ancestors 'none'")
		var html bytes.Buffer
		if err := errorTemplate.Execute(&html, page); err != nil {
			return fmt.Errorf("render the page about %q: %w", code, err)
		}
		return c.HTMLBlob(http.StatusOK, html.Bytes())
	}
}

// errorStyle is the style sheet of the pages about codes, and errorStyleSource is what lets browsers apply it.
const errorStyle = `body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;` +
	`color-scheme:light dark}dt{font-weight:600;margin-top:.75rem}dd{margin:0}code{overflow-wrap:anywhere}` +
	`li{margin:.25rem 0}`

var errorStyleSource = cspHash(errorStyle)

var errorTemplate = template.Must(template.New("errors").Parse(`<!doctype html>
<html lang="{{.Say "es" "en"}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{with .Code}}{{.}} – {{end}}{{.Say "Errores de la API" "Errors of the API"}}</title>
<style>` + errorStyle + `</style>
</head>
<body>
<main>
{{- if .Code}}
<h1><code>{{.Code}}</code></h1>
{{- range .Entries}}
<dl>
{{- if .Status}}
<dt>{{$.Say "Estado" "Status"}}</dt><dd>{{.Status}} {{.StatusName}}</dd>
<dt>{{$.Say "Clase" "Kind"}}</dt><dd>{{.Kind}}</dd>
{{- else}}
<dt>{{$.Say "Campo" "Field"}}</dt><dd><code>{{.Kind}}</code></dd>
{{- end}}
<dt>{{$.Say "Qué pasó y qué hacer" "What happened, and what to do"}}</dt>
{{- range .Texts}}<dd>{{$.Pick .}}</dd>{{end}}
{{- if .Status}}
<dt>{{$.Say "Qué hace un programa" "What a program does"}}</dt><dd>{{$.Pick .Advice}}</dd>
{{- end}}
</dl>
{{- end}}
<p><a href="{{.Home}}">{{.Say "Todos los errores" "All errors"}}</a></p>
{{- else}}
<h1>{{.Say "Errores de la API" "Errors of the API"}}</h1>
<ul>
{{- range .Entries}}
<li><a href="{{$.Home}}/{{.Code}}"><code>{{.Code}}</code></a>{{with .Status}} {{.}}{{end}}</li>
{{- end}}
</ul>
{{- end}}
<p><a href="{{.Twin}}" hreflang="{{.Say "en" "es"}}">{{.Say "English" "Español"}}</a></p>
</main>
</body>
</html>
`))
