package web

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
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

// Headers returns the headers of page p of a list with total rows, for the request that ctx belongs to.
func (p Page) Headers(ctx context.Context, total int) PageHeaders {
	request := requestOf(ctx)
	if request.url == nil {
		return PageHeaders{Total: total}
	}
	last := max(1, p.Pages(total))
	link := ""
	add := func(page int, rel string) {
		query := request.url.Query()
		query.Set("page", strconv.Itoa(page))
		query.Set("page_size", strconv.Itoa(p.Size))
		target := url.URL{Path: request.url.Path, RawQuery: query.Encode()}
		if link != "" {
			link += ", "
		}
		link += fmt.Sprintf("<%s>; rel=%q", request.base+target.String(), rel)
	}
	add(1, "first")
	if p.Number > 1 {
		add(min(p.Number-1, last), "prev")
	}
	if p.Number < last {
		add(p.Number+1, "next")
	}
	add(last, "last")
	return PageHeaders{Total: total, Link: link}
}
