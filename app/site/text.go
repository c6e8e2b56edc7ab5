package site

import (
	"bytes"
	"html/template"
	"time"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/parser"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"risingstars/platform/branding"
	"risingstars/platform/web"
)

// TextPage is one of those that the organiser may write. What the site ships with says that it is a default.
type TextPage struct {
	Base

	Name string
	Own  Written
}

func (d *TextPage) file() string { return d.Name }

// Written is what an organiser has written for a page. The zero value is nothing: the page shows its default.
type Written struct {
	HTML    template.HTML
	Foreign string // its language, if it is not the page's
	Version string
	Date    time.Time
}

// textTitles are the ids of the titles.
var textTitles = map[string]string{
	"help": "help.title", "rules": "rules.title", "privacy": "privacy.title", "terms": "terms.title",
	"accessibility": "accessibility.title",
}

func (s *Site) getText(name string) page {
	return func(v *visit) (web.View, error) {
		d := &TextPage{Base: v.frame(textTitles[name], name), Name: name}
		own, ok := s.written[name][v.language]
		if !ok {
			if own, ok = s.written[name][other(v.language)]; ok {
				own.Foreign = other(v.language)
			}
		}
		d.Own = own
		return s.show(d)
	}
}

// readPages returns what is written, by page and language.
func readPages(pages map[string]map[string]branding.Page, zone *time.Location) (map[string]map[string]Written, error) {
	all := map[string]map[string]Written{}
	for name, languages := range pages {
		all[name] = map[string]Written{}
		for language, p := range languages {
			var out bytes.Buffer
			if err := markdown().Convert([]byte(p.Markdown), &out); err != nil {
				return nil, err
			}
			html := template.HTML(out.String()) //nolint:gosec // markdown leaves out what could act
			w := Written{HTML: html, Version: p.Version, Date: p.Changed}
			if day, err := time.ParseInLocation(time.DateOnly, p.Day, zone); err == nil {
				w.Date = day
			}
			all[name][language] = w
		}
	}
	return all, nil
}

// markdown reads CommonMark. What is raw HTML there, and links that are scripts, are left out.
func markdown() goldmark.Markdown {
	return goldmark.New(goldmark.WithExtensions(extension.Linkify), goldmark.WithParserOptions(
		parser.WithASTTransformers(util.Prioritized(fitPage{}, 0)),
	))
}

// fitPage makes a document part of a page: its headings stand below the one of the page, with none left out between
// them; links give other sites no hold on the page; and of a picture, which would come from another site, only
// the words remain.
type fitPage struct{}

func (fitPage) Transform(document *ast.Document, _ text.Reader, _ parser.Context) {
	var above []int // the levels of the headings that the present place is below
	var pictures []*ast.Image
	_ = ast.Walk(document, func(node ast.Node, entering bool) (ast.WalkStatus, error) { // which never fails
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := node.(type) {
		case *ast.Heading:
			for len(above) > 0 && above[len(above)-1] >= n.Level {
				above = above[:len(above)-1]
			}
			above = append(above, n.Level)
			n.Level = min(len(above)+1, 6)
		case *ast.Link, *ast.AutoLink:
			n.SetAttributeString("rel", []byte("noopener"))
		case *ast.Image:
			pictures = append(pictures, n)
		}
		return ast.WalkContinue, nil
	})
	for _, picture := range pictures {
		for child := picture.FirstChild(); child != nil; child = picture.FirstChild() {
			picture.Parent().InsertBefore(picture.Parent(), picture, child)
		}
		picture.Parent().RemoveChild(picture.Parent(), picture)
	}
}

// getRobots keeps search engines from what is not for everybody.
func (s *Site) getRobots(*visit) (web.View, error) {
	const rules = "User-agent: *\nDisallow: /api/\nDisallow: /me\nDisallow: /en/me\nDisallow: /upload\n" +
		"Disallow: /en/upload\n" +
		"Disallow: /admin\nDisallow: /en/admin\nDisallow: /report/\nDisallow: /en/report/\n"
	return web.View{HTML: []byte(rules), Type: "text/plain; charset=utf-8"}, nil
}
