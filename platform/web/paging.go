package web

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// Page has the paging parameters of every list. Embed it in an operation's input.
type Page struct {
	Number int `query:"page" minimum:"1" maximum:"1000000" default:"1" doc:"Page number, from 1"`
	Size   int `query:"page_size" minimum:"1" maximum:"100" default:"20" doc:"Rows per page"`
}

// Offset returns the number of rows before the page.
func (p Page) Offset() int { return (p.Number - 1) * p.Size }

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
