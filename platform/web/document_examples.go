package web

import (
	"github.com/danielgtaylor/huma/v2"
)

// What examples show where a field declares none.
const (
	exampleID   = "0198f2b4-7c1e-7d3a-9b52-6f0a4c8e1d27"
	exampleTime = "2026-11-27T20:04:05Z"
)

// exampleOf returns a value that fits the schema, made of the examples that its parts declare, or that the
// documentation has for fields of that name.
func (s *Server) exampleOf(schema *huma.Schema) any {
	switch {
	case schema == nil:
		return nil
	case schema.Ref != "":
		return s.exampleOf(s.API.OpenAPI().Components.Schemas.SchemaFromRef(schema.Ref))
	case len(schema.AnyOf) > 0:
		return s.exampleOf(schema.AnyOf[0])
	case len(schema.Examples) > 0:
		return schema.Examples[0]
	case schema.Default != nil:
		return schema.Default
	case len(schema.Enum) > 0:
		return schema.Enum[0]
	}
	switch schema.Type {
	case huma.TypeObject:
		object := make(map[string]any, len(schema.Properties))
		for name, property := range schema.Properties {
			example, known := s.documentation.Examples[name]
			whole := property.Ref != "" || property.Type == huma.TypeArray ||
				len(property.AnyOf) > 0 && property.AnyOf[0].Ref != "" // its parts have the examples
			if !known || whole || len(property.Examples) > 0 || len(property.Enum) > 0 {
				example = s.exampleOf(property)
			}
			object[name] = example
		}
		return object
	case huma.TypeArray:
		return []any{s.exampleOf(schema.Items)}
	case huma.TypeInteger:
		return 1
	case huma.TypeNumber:
		return 1.5
	case huma.TypeBoolean:
		return true
	}
	switch schema.Format {
	case "date-time":
		return exampleTime
	case "binary":
		return "(the bytes of the file)"
	}
	return "text"
}

// parameterExample returns a value for a parameter that declares none; nil for one that may be left out.
func (s *Server) parameterExample(p *huma.Param) any {
	example, known := s.documentation.Examples[p.Name]
	switch {
	case known:
		return example
	case p.In == "path" && len(p.Schema.Enum) == 0:
		return exampleID
	case p.Required:
		return s.exampleOf(p.Schema)
	}
	return nil
}

// commonHeaders are those that many answers have; operations declare their own in their outputs.
func commonHeaders() map[string]*huma.Param {
	header := func(description, example string) *huma.Param {
		return &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
	}
	seconds := func(description string, example int) *huma.Param {
		return &huma.Param{Description: description, Schema: &huma.Schema{Type: huma.TypeInteger}, Example: example}
	}
	headers := map[string]*huma.Param{
		"X-Request-Id":         header("Names this request in the service's log", exampleID),
		"Cache-Control":        header("How long the answer may be kept", "no-store"),
		"ETag":                 header("Names this state of the answer, for If-None-Match", `"b0pTJ1mVxw3kQ2aZ"`),
		"Idempotency-Replayed": header("true: the answer of an earlier request with the same key", "true"),
		"WWW-Authenticate":     header("How to sign in", `Bearer realm="rising-stars-showcase"`),
		"Retry-After":          seconds("After how many seconds to try again", 5),
		"RateLimit-Limit":      seconds("How many uses the budget has that is used up", 60),
		"RateLimit-Remaining":  seconds("Always 0", 0),
		"RateLimit-Reset":      seconds("After how many seconds there is another use", 5),
		"RateLimit-Policy":     header("The budget that is used up", `60;w=60;burst=60;name="votes"`),
	}
	headers["X-Request-Id"].Required = true
	return headers
}

func headerRef(name string) *huma.Param { return &huma.Param{Ref: "#/components/headers/" + name} }
