package voting

import (
	"context"
	"encoding/json"
	"strings"

	"risingstars/platform/text"
	"risingstars/platform/web"
)

// After is the parameter of lists whose pages are not shifted by what is added meanwhile. Embed it in an operation's
// input, beside web.Page.
type After struct {
	Cursor string `query:"after" maxLength:"1000" doc:"Where the page before ended, as it said; then page is ignored"`
}

// listName names a list in cursors: one that comes from another list, or from another filter, is refused.
func listName(of string, f Filter) string {
	city, country := placeKey(f.City, text.Fold), placeKey(f.Country, foldCountry)
	return strings.Join([]string{of, city, country, text.Fold(f.Search)}, "|")
}

// cursor returns the text of a mark in a list, "" for none. It is sealed, because nobody may say at which position of
// the ranking a contestant stands.
func (a api) cursor(list string, m *Mark) string {
	if m == nil {
		return ""
	}
	data, _ := json.Marshal([]any{list, m.Votes, m.At, m.ID, m.Position}) // cannot fail
	return a.seals.Seal(data)
}

// askedFor returns what is asked for: the rows after the cursor, which must be one of the list, or else a page.
func (a api) askedFor(after After, list string, p web.Page) (Window, error) {
	if after.Cursor == "" {
		return Window{Offset: p.Offset(), Limit: p.Size}, nil
	}
	var m Mark
	var of string
	data, err := a.seals.Open(after.Cursor)
	if err == nil {
		err = json.Unmarshal(data, &[]any{&of, &m.Votes, &m.At, &m.ID, &m.Position})
	}
	if err != nil || of != list {
		return Window{}, errBadCursor
	}
	return Window{After: &m, Limit: p.Size}, nil
}

// headers are those of a page. The next one is named by its cursor if this one was.
func (a After) headers(ctx context.Context, p web.Page, total int, next string, names ...string) web.PageHeaders {
	if a.Cursor == "" {
		return p.Headers(ctx, total, names...)
	}
	return p.HeadersAfter(ctx, total, next, names...)
}
