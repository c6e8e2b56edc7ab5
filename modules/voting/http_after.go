package voting

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"math"

	"github.com/google/uuid"

	"risingstars/platform/web"
)

// After is the parameter of lists whose pages are not shifted by what is added meanwhile. Embed it in an operation's
// input, beside web.Page.
type After struct {
	Cursor string `query:"after" maxLength:"200" doc:"Where the page before ended, as it said; then page is ignored"`
}

// ranks names the ranking in cursors; galleries are named by their order.
const ranks = "ranks"

// cursor returns the text of a mark in a list, "" for none.
func cursor(list string, m *Mark) string {
	if m == nil {
		return ""
	}
	data, _ := json.Marshal([]any{list, m.Votes, m.At, m.ID, m.Position}) // cannot fail
	return base64.RawURLEncoding.EncodeToString(data)
}

// window returns what is asked for: the rows after the cursor, which must be one of the list, or else a page.
func (a After) window(list string, p web.Page) (Window, error) {
	if a.Cursor == "" {
		return Window{Offset: p.Offset(), Limit: p.Size}, nil
	}
	var m Mark
	var of string
	data, err := base64.RawURLEncoding.DecodeString(a.Cursor)
	if err == nil {
		err = json.Unmarshal(data, &[]any{&of, &m.Votes, &m.At, &m.ID, &m.Position})
	}
	if err != nil || of != list || uuid.Validate(m.ID) != nil || m.Position < 0 || m.Position > math.MaxInt32 {
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
