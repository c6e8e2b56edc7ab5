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
	request := requestOf(ctx)
	if request.url == nil {
		return PageHeaders{Total: total}
	}
	query, asked := url.Values{}, request.url.Query()
	for _, name := range names {
		if value := asked.Get(name); value != "" {
			query.Set(name, value)
		}
	}
	query.Set("page_size", strconv.Itoa(p.Size))
	var links []string
	room := mostLink
	add := func(page int, rel string) {
		query.Set("page", strconv.Itoa(page))
		target := url.URL{Path: request.url.Path, RawQuery: query.Encode()}
		link := fmt.Sprintf("<%s>; rel=%q", request.base+target.String(), rel)
		if room -= len(link) + len(", "); room >= 0 {
			links = append(links, link)
		}
	}
	last := max(1, p.Pages(total))
	if p.Number < last {
		add(p.Number+1, "next")
	}
	if p.Number > 1 {
		add(min(p.Number-1, last), "prev")
	}
	add(1, "first")
	add(last, "last")
	return PageHeaders{Total: total, Link: strings.Join(links, ", ")}
}
