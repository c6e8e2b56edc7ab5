package voting

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// describeExport describes an operation that bypasses huma.
func describeExport(op huma.Operation) huma.Operation {
	names := func(of []string) (all []any) {
		for _, name := range of {
			all = append(all, name)
		}
		return all
	}
	op.Description = "CSV has the names of fields in its first row; a text that begins like a formula has an " +
		"apostrophe before it. JSON is an object: as_of, and the rows under the name of the table. Both are what the " +
		"votes were at one moment. Hidden entries come last."
	op.Parameters = []*huma.Param{
		{
			Name: "table", In: "path", Required: true,
			Schema: &huma.Schema{Type: huma.TypeString, Enum: names(texts(Tables()))}, Example: string(RankingTable),
		},
		{
			Name: "format", In: "query", Description: "csv without it",
			Schema: &huma.Schema{Type: huma.TypeString, Enum: names(texts(Formats()))}, Example: string(CSV),
		},
	}
	content := map[string]*huma.MediaType{}
	for _, f := range Formats() {
		content[f.ContentType()] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	content[CSV.ContentType()].Example = "position,user_id,player_name,city,country,votes,entries,reached_at\r\n" +
		"1,0198f2b4-6a10-7b44-8e21-3d5c9f7a0b12,Ana Ruiz,Bogotá,Colombia,128,1,2026-11-27T18:00:00Z\r\n"
	content[JSON.ContentType()].Schema = &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true}
	content[JSON.ContentType()].Example = map[string]any{"as_of": "2026-11-27T18:00:00Z", "ranking": []any{}}
	op.Responses = map[string]*huma.Response{"200": {Description: "The table", Content: content}}
	return op
}

func texts[T ~string](of []T) []string {
	all := make([]string, len(of))
	for i, t := range of {
		all[i] = string(t)
	}
	return all
}

func (a api) getExport(c echo.Context) error {
	ctx := c.Request().Context()
	if err := a.mayExport(ctx, auth.CallerID(ctx)); err != nil {
		return err
	}
	table, format := Table(c.Param("table")), Format(c.QueryParam("format"))
	if !slices.Contains(Tables(), table) {
		return errNoTable
	}
	if format == "" {
		format = CSV
	}
	if !slices.Contains(Formats(), format) {
		return fault.ErrInvalid.WithFields(fault.Field{Location: "query.format", Message: fault.Text{
			ES: "debe ser csv o json", EN: "must be csv or json",
		}})
	}
	name := fmt.Sprintf("%s-%s.%s", table, time.Now().UTC().Format("20060102T150405Z"), format)
	return web.Download(c, format.ContentType(), name, func(out io.Writer) error {
		return a.Export(ctx, out, table, format)
	})
}
