package web

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// permitNull describes the fields that are null if they point to no object. Huma does so for all others.
func permitNull(schemas huma.Registry) {
	for name, schema := range schemas.Map() {
		of := schemas.TypeFromRef("#/components/schemas/" + name)
		if of == nil || of.Kind() != reflect.Struct {
			continue
		}
		for i := range of.NumField() {
			field := of.Field(i)
			property, options, _ := strings.Cut(field.Tag.Get("json"), ",")
			described := schema.Properties[property]
			if field.Type.Kind() != reflect.Pointer || options == "omitempty" || described == nil || described.Ref == "" {
				continue
			}
			schema.Properties[property] = &huma.Schema{
				Description: described.Description,
				AnyOf:       []*huma.Schema{{Ref: described.Ref}, {Type: "null"}},
			}
		}
	}
}

var objectOrNull = regexp.MustCompile(`"anyOf":\[(\{"\$ref":"[^"]+"\}),\{"type":"null"\}\]`)

// downgrade returns the document for tools that read OpenAPI 3.0, which has no type null.
func downgrade(doc *huma.OpenAPI) ([]byte, error) {
	older, err := doc.Downgrade()
	if err != nil {
		return nil, fmt.Errorf("downgrade the document: %w", err)
	}
	return objectOrNull.ReplaceAll(older, []byte(`"allOf":[$1],"nullable":true`)), nil
}
