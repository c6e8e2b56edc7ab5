package site

import (
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/web"
)

// Base is what the frame of every page shows.
type Base struct {
	Lang        string
	Title       string // the id of a text, or a text if Named
	Named       bool
	Menu        string // the current entry of the menu
	SignedIn    bool
	Organises   bool   // the caller has a role that has pages
	Failed      bool   // the form above all needs correcting
	Flash       Notice // what has just happened
	OfferOther  bool   // the browser prefers the other language
	Other       string // the address of this page in the other language
	Origin      string // of the site, without a slash at the end
	Canonical   string // the absolute addresses
	Spanish     string
	English     string
	Private     bool // search engines shall not show it
	Card        Card
	Description string // the id of a text, for search engines and previews
	Scripts     []string
	OEmbed      string // the address that tells other sites how to show this page; "" if they cannot
	Data        any    // for search engines, as JSON-LD; nil if there is none
}

func (b *Base) base() *Base { return b }

// Notice is a sentence that matters. Its kind is info, good, warning or bad; Text is the id of a text.
type Notice struct {
	Kind, Text string
}

// Card is what a chat or a network shows of a page that somebody shares; without a title it shows the frame's.
type Card struct {
	Title, Description, Picture, Alt string
	Width, Height                    int
	Video                            bool
}

// visit is a request for a page.
type visit struct {
	*http.Request
	language string
	path     string // the Spanish address, without the query
	caller   string // "" if nobody is signed in
	forms    []string
	rights   func() (map[identity.Right]bool, error) // of the caller
	// carried is the order that the links to other pages of a list carry; "" if it follows from the rest.
	carried string
}

// visit returns a request for a page.
func (s *Site) visit(r *http.Request) *visit {
	v := &visit{
		Request: r, language: spanish, path: r.URL.Path, caller: auth.CallerID(r.Context()), forms: s.forms,
	}
	v.rights = sync.OnceValues(func() (map[identity.Right]bool, error) {
		return s.identity.RightsOf(v.Context(), v.caller)
	})
	if web.EnglishPage(r.Context()) {
		v.language = english
		v.path = "/" + strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/en"), "/")
	}
	return v
}

// may reports whether the caller has one of the rights, or any at all if none is named. A page without its way to those
// of organisers is better than none.
func (v *visit) may(rights ...identity.Right) bool {
	held, err := v.rights()
	if err != nil || len(rights) == 0 {
		return err == nil && len(held) > 0
	}
	return slices.ContainsFunc(rights, func(r identity.Right) bool { return held[r] })
}

// link returns the address of a page in the visit's language. to is its Spanish one.
func (v *visit) link(to string) string { return localized(v.language, to) }

// absolute returns the absolute address of a page in a language.
func (v *visit) absolute(language, to string) string {
	return web.Absolute(v.Context(), localized(language, to))
}

// goTo answers with another page. to is its Spanish address.
func (v *visit) goTo(to string, cookies ...string) (web.View, error) {
	return web.View{Location: v.link(to), Cookies: cookies}, nil
}

// kept are the parts of a query that belong to a page's address. What has just happened does not. A page of one caller
// repeats no text that its address can choose: the size of the compressed page would tell of the rest (BREACH).
func kept(path string, query url.Values) string {
	rest := url.Values{}
	if path == "/login" || path == "/signup" { // their address has a wish, which Wish.Query adds
		return ""
	}
	if n := pageOf(query); n > 1 {
		rest.Set("page", strconv.Itoa(n))
	}
	if strings.HasPrefix(path, "/me") || strings.HasPrefix(path, "/v/") || path == "/watch" {
		query = nil
	}
	for name, values := range query {
		if strings.HasPrefix(path, "/admin") && !slices.Contains(adminFilters(), name) {
			continue
		}
		switch name {
		case "role", "suspended", "state", "actor", "act", "subject", "from", "until":
			if strings.HasPrefix(path, "/admin") && values[0] != "" {
				rest.Set(name, values[0])
			}
		case "city", "country", "q", "order", "status":
			for _, value := range values {
				if value != "" {
					rest.Add(name, value)
				}
			}
		}
	}
	if len(rest) == 0 {
		return ""
	}
	return "?" + rest.Encode()
}

// adminFilters are the parameters of the lists of organisers.
func adminFilters() []string {
	return []string{"q", "role", "suspended", "state", "actor", "act", "subject", "from", "until"}
}

// shown is the Spanish address, without the query, of the page that shows what this visit is about. Some addresses only
// take forms: whatever answers one of those leads to the page that has the form.
func (v *visit) shown() string {
	for _, form := range v.forms {
		if matched, err := path.Match(form, v.path); matched && err == nil {
			return path.Dir(v.path)
		}
	}
	return v.path
}

// frame returns the Base of a page whose title is the text with this id.
func (v *visit) frame(title, menu string) Base {
	here := v.shown() + kept(v.path, v.URL.Query())
	b := Base{
		Lang: v.language, Title: title, Menu: menu, SignedIn: v.caller != "",
		Organises: v.may(), Description: "site.description",
		Origin: strings.TrimSuffix(web.Absolute(v.Context(), "/"), "/"), Canonical: v.absolute(v.language, here),
		Spanish: v.absolute(spanish, here), English: v.absolute(english, here),
		Other: localized(other(v.language), here),
	}
	b.OfferOther = web.PrefersEnglish(v.Context()) != (v.language == english)
	if said, ok := flashes[v.URL.Query().Get("said")]; ok {
		b.Flash = said
	}
	return b
}

// other returns the language that a page is not in.
func other(language string) string {
	if language == english {
		return spanish
	}
	return english
}

// flashes are what pages say after a form has changed something, by the parameter said.
var flashes = map[string]Notice{
	"welcome":   {"good", "flash.welcome"},
	"in":        {"good", "flash.in"},
	"out":       {"info", "flash.out"},
	"voted":     {"good", "flash.voted"},
	"unvoted":   {"warning", "flash.unvoted"},
	"withdrawn": {"info", "flash.withdrawn"},
	"self":      {"warning", "flash.self"},
	"uploaded":  {"good", "flash.uploaded"},
	"retried":   {"good", "flash.retried"},
	"deleted":   {"info", "flash.deleted"},

	"roles":       {"good", "flash.roles"},
	"suspended":   {"info", "flash.suspended"},
	"unsuspended": {"good", "flash.unsuspended"},
	"decided":     {"good", "flash.decided"},
	"hidden":      {"info", "flash.hidden"},
	"shown":       {"good", "flash.shown"},
	"redriven":    {"good", "flash.redriven"},

	"webhook_changed": {"good", "flash.webhook_changed"},
	"webhook_told":    {"good", "flash.webhook_told"},
	"webhook_deleted": {"info", "flash.webhook_deleted"},

	"nothing":      {"warning", "flash.nothing"},
	"factor_off":   {"info", "flash.factor_off"},
	"copy":         {"good", "flash.copy"},
	"left":         {"info", "flash.left"},
	"back":         {"good", "flash.back"},
	"back_letter":  {"good", "flash.back_letter"},
	"ended":        {"info", "flash.ended"},
	"others_ended": {"info", "flash.others_ended"},
	"profile":      {"good", "flash.profile"},
	"email":        {"info", "flash.email"},
	"password":     {"good", "flash.password"},
	"quality":      {"good", "flash.quality"},
	"resent":       {"info", "flash.resent"},
	"forgot":       {"info", "flash.forgot"},
	"reset":        {"good", "flash.reset"},
	"confirmed":    {"good", "flash.confirmed"},
	"changed":      {"good", "flash.changed"},
	"restored":     {"good", "flash.restored"},
}

// show answers with a document.
func (s *Site) show(d document) (web.View, error) { return s.showAs(http.StatusOK, d) }

// showWith answers with a document and cookies.
func (s *Site) showWith(d document, cookies []string) (web.View, error) {
	view, err := s.show(d)
	view.Cookies = cookies
	return view, err
}

func (s *Site) showAs(status int, d document) (web.View, error) {
	html, err := s.render.fill(d)
	return web.View{Status: status, HTML: html}, err
}
