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

// body is of one of the types that the document knows, or of none of them.
func (in inputs) body(t *rapid.T, r *wireRequest) {
	if in.operation.RequestBody == nil {
		if rarely(t, "body of nothing") {
			r.Body = oneOf(t, "body", "{}", "null", "x", strings.Repeat("x", 20<<10))
			r.Headers = append(r.Headers, "Content-Type: "+oneOf(t, "type", "application/json", "text/plain", ""))
		}
		return
	}
	content := in.operation.RequestBody.Value.Content
	name := oneOf(t, "media type", slices.Sorted(maps.Keys(content))...)
	schema := content[name].Schema.Value
	contentType := name
	switch name {
	case "application/json":
		r.Body = in.json(t, schema)
	case "application/x-www-form-urlencoded":
		r.Body = in.urlForm(t, schema)
	case "multipart/form-data":
		r.Body = in.multipart(t, schema)
		contentType += "; boundary=b"
	default:
		r.Body = in.file(t)
	}
	if !in.calm && rarely(t, "broken") {
		switch rapid.IntRange(0, 3).Draw(t, "how") {
		case 0:
			r.Body = r.Body[:rapid.IntRange(0, len(r.Body)).Draw(t, "cut")]
		case 1:
			r.Body += oneOf(t, "more", "}", "\x00", "{}", "&", "\xff")
		case 2:
			r.Body = oneOf(t, "body", "", "null", "[]", "\"x\"", "1", "\ufeff{}", strings.Repeat("[", 5000), "{\"a\":",
				strings.Repeat(`{"a":`, 3000), "--b--\r\n", "--b\r\n\r\n", "%zz=%zz", strings.Repeat("a=b&", 1500))
		default:
			size := rapid.SampledFrom([]int{8 << 10, 8<<10 + 1, 64<<10 + 1, 200 << 10}).Draw(t, "size")
			r.Body = strings.Repeat("x", size)
		}
	}
	if rarely(t, "another type") {
		contentType = oneOf(t, "type", "", "text/plain", "application/xml", "application/json; charset=utf-16",
			name+";", "application/json, text/plain", "multipart/form-data", "multipart/form-data; boundary=", "é",
			"*/*", "json", "multipart/form-data; boundary="+strings.Repeat("b", 71), "multipart/mixed; boundary=b",
			"application/*", "application/x-www-form-urlencoded", "application/json", strings.ToUpper(name),
			"/", "a/b; c")
	}
	r.Headers = append(r.Headers, "Content-Type: "+contentType)
	if rarely(t, "a second type") && rarely(t, "really") {
		r.Headers = append(r.Headers, "Content-Type: text/plain")
	}
}

// fields are those of an object, in any order: some are missing, of another type, unknown, or there twice.
func (in inputs) fields(t *rapid.T, schema *openapi3.Schema, pair func(name string, s *openapi3.Schema)) {
	for _, name := range slices.Sorted(maps.Keys(schema.Properties)) {
		required := slices.Contains(schema.Required, name)
		if !required && !rapid.Bool().Draw(t, "has "+name) ||
			!in.calm && rarely(t, "without "+name) && rapid.Bool().Draw(t, "really") {
			continue
		}
		pair(name, schema.Properties[name].Value)
		if !in.calm && rarely(t, name+" twice") {
			pair(name, schema.Properties[name].Value)
		}
	}
	if !in.calm && rarely(t, "unknown field") {
		pair(oneOf(t, "name", "more", "", "__proto__", "id", "ID", "é", "a.b", "a\nb", strings.Repeat("n", 300)),
			&openapi3.Schema{Type: &openapi3.Types{"string"}})
	}
}

func (in inputs) json(t *rapid.T, schema *openapi3.Schema) string {
	var members []string
	in.fields(t, schema, func(name string, s *openapi3.Schema) {
		key, _ := json.Marshal(name) //nolint:errchkjson // a text
		members = append(members, string(key)+":"+in.member(t, name, s))
	})
	return "{" + strings.Join(members, ",") + "}"
}

// member is a JSON value: mostly one that the schema allows.
func (in inputs) member(t *rapid.T, name string, schema *openapi3.Schema) string {
	kind := rapid.IntRange(0, 15).Draw(t, name+" kind")
	if in.calm {
		kind = 15
	}
	switch kind {
	case 0:
		return oneOf(t, name, "null", "true", "1", "-0", "1e400", "1.5", `""`, "[]", "{}", `[null]`,
			`{"a":{"b":[]}}`, `"\ud800"`, `"\u0000"`, "99999999999999999999", "\"\xff\"",
			strings.Repeat("[", 50)+strings.Repeat("]", 50))
	case 1:
		content, _ := json.Marshal(oneOf(t, name, odd...)) //nolint:errchkjson // a text
		return string(content)
	case 2:
		content, _ := json.Marshal(rapid.StringN(0, 100, 400).Draw(t, name)) //nolint:errchkjson // a text
		return string(content)
	}
	content, _ := json.Marshal(in.value(t, name, schema, 3)) //nolint:errchkjson // values of a schema
	return string(content)
}

func (in inputs) urlForm(t *rapid.T, schema *openapi3.Schema) string {
	var members []string
	in.fields(t, schema, func(name string, s *openapi3.Schema) {
		members = append(members, url.QueryEscape(name)+"="+url.QueryEscape(in.text(t, name, s)))
	})
	return strings.Join(members, "&")
}

func (in inputs) multipart(t *rapid.T, schema *openapi3.Schema) string {
	var b strings.Builder
	in.fields(t, schema, func(name string, s *openapi3.Schema) {
		disposition := fmt.Sprintf("form-data; name=%q", name)
		var value string
		if s.Format == "binary" {
			disposition += "; filename=" + oneOf(t, "filename", `"clip.mp4"`, `""`, `"../a"`, `"é😀.mp4"`, `a b`,
				`"`+strings.Repeat("a", 2000)+`"`)
			value = in.file(t)
		} else {
			value = in.text(t, name, s)
		}
		if rarely(t, "odd part") {
			disposition = oneOf(t, "disposition", "", "form-data", "attachment", disposition+"; name=x",
				"form-data; name*=utf-8''file")
		}
		b.WriteString("--b\r\nContent-Disposition: " + disposition + "\r\n")
		if rarely(t, "part's type") {
			charset := oneOf(t, "type", "text/plain; charset=latin1", "x", "text/plain; charset=nope", "é")
			b.WriteString("Content-Type: " + charset + "\r\n")
		}
		b.WriteString("\r\n" + value + "\r\n")
	})
	return b.String() + "--b--\r\n"
}

// file is the content of a file: few are videos.
func (in inputs) file(t *rapid.T) string {
	if rarely(t, "a video") {
		return oneOf(t, "file", in.files...)
	}
	return oneOf(t, "file", "", "x", "no video", "\x00\x00\x00\x18ftypmp42", strings.Repeat("\x00", 3000))
}
