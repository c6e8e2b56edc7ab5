package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"pgregory.net/rapid"
)

// inputs makes requests of an operation from what the document says of it.
type inputs struct {
	method, path string
	operation    *openapi3.Operation
	parameters   openapi3.Parameters
	known        map[string][]string // values of parameters and fields, by name, that something stands behind
	tokens       []string            // of people
	people       []string            // their e-mails
	files        []string            // contents of files
	published    string              // the id of a video that is final
	calm         bool                // the request has no odd values
}

// odd are texts that are right nowhere, or hardly anywhere.
var odd = []string{
	"", " ", "\u00a0", "null", "undefined", "-1", "0", "1", "1.5", "1e999", "NaN", "true", "[]", "{}", "\x00", "\n",
	"99999999999999999999", "9223372036854775807", "-9223372036854775808", "'", `"`, `\`, "' OR 1=1 --", "<script>",
	"%", "%00", "%zz", "../../etc/passwd", "..", "/", "a/b", "😀", "é", "e\u0301", "İ", "ß", "\u202e", "\ufeff",
	"\ufffd", "\xff", "\xc3\x28", "z\u0341\u0342\u0343", strings.Repeat("a", 101), strings.Repeat("😀", 300),
	strings.Repeat("é", 5001), "0198f2b4-7c1e-7d3a-9b52-6f0a4c8e1d27", "00000000-0000-0000-0000-000000000000",
}

// rarely is true once in ten times.
func rarely(t *rapid.T, what string) bool { return rapid.IntRange(0, 9).Draw(t, what) == 9 }

func oneOf(t *rapid.T, what string, values ...string) string {
	return rapid.SampledFrom(values).Draw(t, what)
}

// of returns inputs for an operation, if there is one.
func (in inputs) of(document *openapi3.T, method, path string) (inputs, bool) {
	item := document.Paths.Value(path)
	in.method, in.path, in.operation = method, path, item.GetOperation(method)
	if in.operation == nil {
		return in, false
	}
	in.parameters = append(slices.Clone(item.Parameters), in.operation.Parameters...)
	if in.operation.OperationID == "videoEvents" { // of other videos, it goes on until they are published
		in.known = maps.Clone(in.known)
		in.known["id"] = []string{in.published, unknownID}
	}
	return in, true
}

// count is how many inputs are worth their while.
func (in inputs) count() int {
	shared := !strings.HasPrefix(in.path, "/api/") && !strings.HasPrefix(in.path, "/media/")
	switch each := inputsEach(); {
	case shared && each <= fewerInputs:
		return fewShared
	case shared || slices.Contains(costly, in.operation.OperationID):
		return max(leastInputs, each/fewShare)
	default:
		return each
	}
}

// draw makes a request.
func (in inputs) draw(t *rapid.T) wireRequest {
	in.calm = rapid.IntRange(0, 2).Draw(t, "calm") == 0
	r := wireRequest{Operation: in.operation.OperationID, Method: in.method, Target: in.target(t)}
	r.Old = rarely(t, "old")
	r.Chunked = rarely(t, "chunked")
	if in.method == "GET" && rarely(t, "head") {
		r.Method = "HEAD"
	}
	if rarely(t, "another method") && rarely(t, "quite another method") {
		r.Method = oneOf(t, "method", "PATCH", "TRACE", "OPTIONS", "PUT", "FOO", "get", "DELETE", "PROPFIND")
	}
	in.headers(t, &r)
	in.body(t, &r)
	if r.headSize() > largestHead {
		r.Target = in.path
	}
	for r.headSize() > largestHead {
		r.Headers = r.Headers[1:]
	}
	return r
}

// escaped is a path's or a query's form of any text. Some are sent as they are.
func escaped(t *rapid.T, value string) string {
	special := func(c rune) bool { return c <= ' ' || strings.ContainsRune("?#%\x7f", c) }
	if strings.IndexFunc(value, special) < 0 && rarely(t, "unescaped") {
		return value
	}
	return url.PathEscape(value)
}

func (in inputs) target(t *rapid.T) string {
	path := in.path
	query := []string{}
	for _, reference := range in.parameters {
		p := reference.Value
		switch p.In {
		case openapi3.ParameterInPath:
			path = strings.Replace(path, "{"+p.Name+"}", escaped(t, in.text(t, p.Name, p.Schema.Value)), 1)
		case openapi3.ParameterInQuery:
			often := 3
			if p.Required {
				often = 9
			}
			for range 2 {
				if rapid.IntRange(0, 10).Draw(t, "has "+p.Name) > often {
					break
				}
				query = append(query, p.Name+"="+url.QueryEscape(in.text(t, p.Name, p.Schema.Value)))
			}
		}
	}
	if rarely(t, "odd query") {
		query = append(query, oneOf(t, "query", "x=1", "&&&", "page", "page=%zz", "page=1;page_size=2", "=", "q=%00",
			"%", "page[]=1", "q=%ff", strings.Repeat("x=1&", 500), "q="+strings.Repeat("a", 3000)))
	}
	if rarely(t, "odd path") {
		path = oneOf(t, "path", path+"/", "/"+path, strings.ToUpper(path), path+"%00", path+"/..", path+"%2f",
			path+";a=1")
	}
	if len(query) > 0 {
		path += "?" + strings.Join(query, "&")
	}
	if _, err := url.ParseRequestURI(path); err != nil {
		return in.path // the app could not read it, and answers before it knows for what it is
	}
	return path
}

// text is a value of a parameter or of a field of a form.
func (in inputs) text(t *rapid.T, name string, schema *openapi3.Schema) string {
	kind := rapid.IntRange(0, 9).Draw(t, name+" kind")
	if in.calm {
		kind = 0
	}
	if known := in.known[name]; len(known) > 0 && kind < 6 {
		return oneOf(t, name, known...)
	}
	if kind == 9 {
		return oneOf(t, name, odd...)
	}
	if kind == 8 {
		return rapid.StringN(0, 300, 1200).Draw(t, name)
	}
	switch value := in.value(t, name, schema, 3).(type) {
	case string:
		return value
	default:
		content, _ := json.Marshal(value) //nolint:errchkjson // what JSON cannot say is empty
		return string(content)
	}
}

// value is a value that the schema allows, or nearly: numbers lie on both sides of their bounds.
func (in inputs) value(t *rapid.T, name string, schema *openapi3.Schema, depth int) any {
	if known := in.known[name]; len(known) > 0 && (in.calm || rapid.IntRange(0, 3).Draw(t, name+" is known") > 0) {
		value := oneOf(t, name, known...)
		if schema.Type.Includes("integer") || schema.Type.Includes("number") {
			return json.Number(value)
		}
		return value
	}
	if len(schema.Enum) > 0 {
		return rapid.SampledFrom(schema.Enum).Draw(t, name)
	}
	switch {
	case schema.Type.Includes("integer"), schema.Type.Includes("number"):
		bounds := []float64{0, 1, 2, -1, 20, 1e6, 1e15, 0.5}
		if schema.Min != nil {
			bounds = append(bounds, *schema.Min, *schema.Min-1, *schema.Min+1)
		}
		if schema.Max != nil {
			bounds = append(bounds, *schema.Max, *schema.Max-1, *schema.Max+1)
		}
		return json.Number(fmt.Sprint(rapid.SampledFrom(bounds).Draw(t, name)))
	case schema.Type.Includes("boolean"):
		return rapid.Bool().Draw(t, name)
	case schema.Type.Includes("array") && depth > 0:
		items := []any{}
		for range rapid.IntRange(0, 3).Draw(t, name+" length") {
			items = append(items, in.value(t, name, schema.Items.Value, depth-1))
		}
		return items
	case schema.Type.Includes("object") && depth > 0:
		object := map[string]any{}
		for _, field := range slices.Sorted(maps.Keys(schema.Properties)) {
			object[field] = in.value(t, field, schema.Properties[field].Value, depth-1)
		}
		return object
	}
	lengths := []int{0, 1, 10}
	if most := schema.MaxLength; most != nil {
		lengths = append(lengths, int(*most), int(*most)+1)
	}
	n := rapid.SampledFrom(lengths).Draw(t, name+" length")
	return strings.Repeat(oneOf(t, name, "a", "é", "😀", "1"), n)
}

// headers are those that the document knows, those that all operations share, and others; some twice.
func (in inputs) headers(t *rapid.T, r *wireRequest) {
	line := func(name string, values ...string) {
		for range 2 {
			value := oneOf(t, name, values...)
			r.Headers = append(r.Headers, name+": "+value)
			if !rarely(t, name+" twice") {
				return
			}
		}
	}
	switch rapid.IntRange(0, 9).Draw(t, "caller") {
	case 0:
	case 1:
		line("Authorization", "Bearer", "Bearer ", "Bearer x", "Basic YTpi", "bearer "+in.tokens[0], "Bearer é",
			"Bearer "+in.tokens[0]+"x", "Bearer eyJhbGciOiJub25lIn0.e30.", "Bearer "+strings.Repeat("a", 3000))
	default:
		line("Authorization", prefixed("Bearer ", in.tokens)...)
	}
	texts := []string{"", "x", "é", "*", "0", ",", ";", `"`, `""`, "a=b", "\xff", strings.Repeat("a,", 500)}
	if rarely(t, "accept") || rarely(t, "accept again") {
		line("Accept", append(slices.Clone(texts), "*/*", "application/json", "application/json;q=0", "text/html",
			"image/png", "application/*", "text/html;q=0.1, */*;q=0", "application/problem+json", "a/b/c", "*/json")...)
	}
	for _, h := range oddHeaders {
		if rarely(t, "has "+h.name) {
			line(h.name, append(slices.Clone(texts), h.values...)...)
		}
	}
}

// oddHeaders are headers that mean something to the app, or that it must not believe.
var oddHeaders = []struct {
	name   string
	values []string
}{
	{"Accept-Encoding", []string{"gzip", "zstd", "gzip, zstd", "br", "*", "identity;q=0", "gzip;q=0", "gzip;q=x"}},
	{"Accept-Language", []string{"en", "es", "fr", "en;q=0", "*", "en-US,en;q=0.9,es;q=0.8", "x-y-z-1-2-3", "en;q=2"}},
	{"If-None-Match", []string{"*", `"a"`, `W/"a"`, `"a", "b"`, `"`}},
	{"Idempotency-Key", []string{"one", "two", "three", strings.Repeat("k", 256), "a b", "k,l"}},
	{"Range", []string{"bytes=0-0", "bytes=0-", "bytes=-1", "bytes=9999999-", "bytes=1-0", "l=1-2", "bytes=0-0,2-3"}},
	{"If-Modified-Since", []string{"Fri, 27 Nov 2026 10:00:00 GMT", "yesterday"}},
	{"If-Range", []string{`"a"`, "Fri, 27 Nov 2026 10:00:00 GMT"}},
	{"Last-Event-ID", []string{"1", "-1", "99999999999999999999"}},
	{"Origin", []string{"https://elsewhere.example", "null", "http://show.example", "http://"}},
	{"Cookie", []string{"session=x", "device=x; device=y", "__Host-device=é", "=;;", strings.Repeat("a=b; ", 200)}},
	{"X-Forwarded-For", []string{"1.2.3.4", "::1", "unknown", "1.2.3.4, 5.6.7.8"}},
	{"X-Forwarded-Host", []string{"elsewhere.example", "a b", "[::1"}},
	{"X-Forwarded-Proto", []string{"https", "gopher"}},
	{"X-Request-Id", []string{"1"}},
	{"Sec-Fetch-Site", []string{"cross-site", "same-origin"}},
	{"Connection", []string{"close", "keep-alive", "upgrade"}},
	{"Upgrade", []string{"websocket", "h2c"}},
	{"Content-Encoding", []string{"gzip", "identity"}},
	{"Traceparent", []string{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0-0-0"}},
}

func prefixed(prefix string, values []string) []string {
	all := make([]string, 0, len(values))
	for _, value := range values {
		all = append(all, prefix+value)
	}
	return all
}
