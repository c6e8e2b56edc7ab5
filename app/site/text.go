package site

import "risingstars/platform/web"

// TextPage is one of those that the organiser writes. What the site ships with says that it is a default.
type TextPage struct {
	Base

	Name string
}

func (d *TextPage) file() string { return d.Name }

// textTitles are the ids of the titles.
var textTitles = map[string]string{
	"help": "help.title", "rules": "rules.title", "privacy": "privacy.title", "terms": "terms.title",
	"accessibility": "accessibility.title",
}

func (s *Site) getText(name string) page {
	return func(v *visit) (web.View, error) {
		return s.show(&TextPage{Base: v.frame(textTitles[name], name), Name: name})
	}
}

// getRobots keeps search engines from what is not for everybody.
func (s *Site) getRobots(*visit) (web.View, error) {
	const rules = "User-agent: *\nDisallow: /api/\nDisallow: /me\nDisallow: /en/me\nDisallow: /upload\n" +
		"Disallow: /en/upload\n" +
		"Disallow: /admin\nDisallow: /en/admin\nDisallow: /report/\nDisallow: /en/report/\n"
	return web.View{HTML: []byte(rules), Type: "text/plain; charset=utf-8"}, nil
}
