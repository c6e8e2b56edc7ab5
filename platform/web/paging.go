package web

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// mostRows is the most that a page can have.
const mostRows = 100

// Page has the paging parameters of every list. Embed it in an operation's input. Clients of earlier systems say skip
// and limit; a number of rows to skip that is not a whole number of pages is an offset of its own.
type Page struct {
	Number int `query:"page" minimum:"1" maximum:"1000000" default:"1" doc:"Page number, from 1"`
	Size   int `query:"page_size" minimum:"1" maximum:"100" default:"20" doc:"Rows per page"`
	Skip   int `query:"skip" minimum:"0" maximum:"100000000" deprecated:"true" doc:"Rows before; then page is ignored"`
	Limit  int `query:"limit" minimum:"1" maximum:"1000000" deprecated:"true" doc:"Means page_size; at most 100 count"`
}

// Resolve is for huma, which calls it once it has read the parameters. It may be called again.
func (p *Page) Resolve(huma.Context) []error {
	if p.Limit > 0 {
		p.Size = min(p.Limit, mostRows)
	}
	if p.Size < 1 { // it is refused, but only after this
		return nil
	}
	if p.Skip > 0 && p.Skip%p.Size == 0 {
		p.Number, p.Skip = p.Skip/p.Size+1, 0
	}
	if p.Skip > 0 {
		p.Number = p.Skip/p.Size + 1
	}
	return nil
}

// Offset returns the number of rows before the page.
func (p Page) Offset() int {
	if p.Skip > 0 {
		return p.Skip
	}
	return (p.Number - 1) * p.Size
}

// Pages returns the number of pages that total rows fill.
func (p Page) Pages(total int) int { return (total + p.Size - 1) / p.Size }

// PageHeaders give a list's size and its neighbouring pages without changing its body. Embed them in an operation's
// output.
type PageHeaders struct {
	Total int    `header:"X-Total-Count" doc:"Rows on all pages"`
	Link  string `header:"Link" doc:"RFC 8288 links: first, prev, next, last"`
}

// mostLink is how many bytes the links of a page may have, so that all headers fit into the buffer of a proxy.
const mostLink = 2000

// Headers returns the headers of page p of a list with total rows, for the request that ctx belongs to. The links
// repeat the query parameters with these names. Links for which there is no room are left out, the one to the next page
// last.
func (p Page) Headers(ctx context.Context, total int, names ...string) PageHeaders {
	links := p.links(ctx, names)
	last := max(1, p.Pages(total))
	if p.Skip > 0 { // the pages from here on are not those from 1 on
		if next := p.Skip + p.Size; next < total {
			links.add("next", "skip", strconv.Itoa(next))
		}
		links.add("prev", "skip", strconv.Itoa(max(0, min(p.Skip, total)-p.Size)))
		links.add("first", "page", "1")
		return PageHeaders{Total: total, Link: links.String()}
	}
	if p.Number < last {
		links.add("next", "page", strconv.Itoa(p.Number+1))
	}
	if p.Number > 1 {
		links.add("prev", "page", strconv.Itoa(min(p.Number-1, last)))
	}
	links.add("first", "page", "1")
	links.add("last", "page", strconv.Itoa(last))
	return PageHeaders{Total: total, Link: links.String()}
}

// HeadersAfter is Headers for a page that was asked for by the parameter after. next is that of the next page; "" if
// there is none.
func (p Page) HeadersAfter(ctx context.Context, total int, next string, names ...string) PageHeaders {
	links := p.links(ctx, names)
	if next != "" {
		links.add("next", "after", next)
	}
	links.add("first", "page", "1")
	return PageHeaders{Total: total, Link: links.String()}
}

// pageLinks collects links to other pages of a list.
type pageLinks struct {
	site  string
	path  string
	query url.Values
	found []string
	room  int
}

func (p Page) links(ctx context.Context, names []string) *pageLinks {
	request := requestOf(ctx)
	if request.url == nil {
		return &pageLinks{}
	}
	l := &pageLinks{site: request.base, path: request.url.Path, query: url.Values{}, room: mostLink}
	asked := request.url.Query()
	for _, name := range names {
		if value := asked.Get(name); value != "" {
			l.query.Set(name, value)
		}
	}
	l.query.Set("page_size", strconv.Itoa(p.Size))
	return l
}

// add links to the page that a parameter names, if there is room.
func (l *pageLinks) add(rel, name, value string) {
	if l.query == nil {
		return
	}
	l.query.Set(name, value)
	target := url.URL{Path: l.path, RawQuery: l.query.Encode()}
	l.query.Del(name)
	link := fmt.Sprintf("<%s>; rel=%q", l.site+target.String(), rel)
	if l.room -= len(link) + len(", "); l.room >= 0 {
		l.found = append(l.found, link)
	}
}

func (l *pageLinks) String() string { return strings.Join(l.found, ", ") }
