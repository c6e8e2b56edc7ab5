package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"text/template/parse"
	"time"

	"risingstars/platform/lang"
	"risingstars/platform/web"
)

// document is a page's struct. Its template has the name of the file without its ending.
type document interface {
	file() string
	base() *Base
}

// documents returns one of each page, so that all templates can be read at the start, and checked in a test.
func documents() []document {
	return []document{
		&GalleryPage{}, &WatchPage{}, &VideoPage{}, &RankingPage{}, &LoginPage{}, &SignupPage{}, &LogoutPage{},
		&UploadPage{}, &ForgotPage{}, &ResetPage{}, &ConfirmPage{}, &MePage{}, &DevicesPage{}, &TwoFactorPage{},
		&MyVideosPage{}, &MyVideoPage{}, &MyVotesPage{}, &DataPage{}, &LeavePage{}, &UndoPage{},
		&ErrorPage{}, &CataloguePage{},
		&PerformerPage{}, &PosterPage{}, &EmbedPage{},
		&TextPage{Name: "help"}, &TextPage{Name: "rules"}, &TextPage{Name: "privacy"}, &TextPage{Name: "terms"},
		&TextPage{Name: "accessibility"}, &ReportPage{}, &AdminPage{}, &AdminUsersPage{}, &AdminUserPage{},
		&AdminReportsPage{}, &AdminReportPage{}, &AdminVideoPage{}, &AdminJobsPage{}, &AdminLogPage{},
		&AdminWebhooksPage{}, &AdminWebhookPage{},
	}
}

// renderer fills templates. It has one set of them per language, because the texts are bound to it. Layout and partials
// are in it once, and each page under the name of its file.
type renderer struct {
	assets fs.FS
	texts  *lang.Texts
	static *web.Static
	o      Options
	sets   map[string]*template.Template // by language
	words  map[string]json.RawMessage    // of the upload page, by language
	source fs.FS                         // of the texts
}

// languages of the pages.
const (
	spanish = "es"
	english = "en"
)

func newRenderer(assets fs.FS, texts *lang.Texts, static *web.Static, o Options) (*renderer, error) {
	r := &renderer{
		assets: assets, texts: texts, static: static, o: o, sets: map[string]*template.Template{},
		words: map[string]json.RawMessage{},
	}
	for _, language := range []string{spanish, english} {
		if texts.In(language) == nil {
			return nil, fmt.Errorf("there are no texts in %s", language)
		}
		words, err := r.wordsOf(language)
		if err != nil {
			return nil, err
		}
		r.words[language] = words
		set, err := r.parse(language)
		if err != nil {
			return nil, err
		}
		r.sets[language] = set
	}
	return r, nil
}

// parse reads all templates for a language.
func (r *renderer) parse(language string) (*template.Template, error) {
	set, err := template.New("").Funcs(r.functions(language)).ParseFS(r.assets, "layout/*.html", "partials/*.html")
	if err != nil {
		return nil, fmt.Errorf("read the templates of all pages: %w", err)
	}
	for _, d := range documents() {
		if err := r.parsePage(set, d.file()); err != nil {
			return nil, fmt.Errorf("read the template of %s: %w", d.file(), err)
		}
	}
	return set, nil
}

// parsePage adds a page to a set. Its file defines main, which stands in the frame of all pages, or document, which is
// the whole page. What else it defines must have a name that no other file uses.
func (r *renderer) parsePage(set *template.Template, file string) error {
	source, err := fs.ReadFile(r.assets, "pages/"+file+".html")
	if err != nil {
		return err
	}
	page := parse.New(file)
	page.Mode = parse.SkipFuncCheck // the set knows its functions, and fails at the first that it does not know
	trees := map[string]*parse.Tree{}
	if _, err := page.Parse(string(source), "", "", trees); err != nil {
		return err
	}
	delete(trees, file) // what stands outside of all definitions
	for name, tree := range trees {
		if name == "main" || name == "document" {
			name += " " + file
		} else if set.Lookup(name) != nil {
			return fmt.Errorf("another file defines %q too", name)
		}
		if _, err := set.AddParseTree(name, tree); err != nil {
			return err
		}
	}
	whole := fmt.Sprintf(`{{template "document %s" .}}`, file)
	if trees["document"] == nil {
		whole = fmt.Sprintf(`{{template "top" .}}{{template "main %s" .}}{{template "bottom" .}}`, file)
	}
	_, err = set.New(file).Parse(whole)
	return err
}

// hourFormat is how pages write the hour.
const hourFormat = "15:04"

// functions are what templates can call.
func (r *renderer) functions(language string) template.FuncMap {
	speaker := r.texts.In(language)
	return template.FuncMap{
		"t":       speaker.Say,
		"count":   speaker.Count,
		"number":  speaker.Number,
		"date":    func(t time.Time) (string, error) { return speaker.Date(t.In(r.o.Zone)) },
		"hour":    func(t time.Time) string { return t.In(r.o.Zone).Format(hourFormat) },
		"zone":    func() (string, error) { return speaker.Zone(r.o.Zone) },
		"contact": func() string { return r.o.Contact },
		"write":   func() string { return written(r.o.Contact) },
		"clock":   clock,
		"country": func(typed string) string { return lang.Country(typed, language) },
		"iso":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"static":  r.static.URL,
		"version": func() string { return r.o.Version },
		"link":    func(to string) string { return localized(language, to) },
		"tab":     tab,
		"notice":  func(kind, text string) Notice { return Notice{kind, text} },
	}
}

// localized returns the address of a page in a language. to is its Spanish one.
func localized(language, to string) string {
	if language != english {
		return to
	}
	if rest, ok := strings.CutPrefix(to, "/"); ok && (rest == "" || rest[0] == '?' || rest[0] == '#') {
		return "/en" + rest
	}
	return path.Join("/en", "/") + to
}

// written returns the address of a link to whom people can ask.
func written(contact string) string {
	if strings.Contains(contact, "://") {
		return contact
	}
	return "mailto:" + contact
}

// tab returns the query of a list that shows those with a value; "" is what it shows without one.
func tab(name, value string) string {
	if value == "" {
		return ""
	}
	return "?" + url.Values{name: {value}}.Encode()
}

// clock writes a length as minutes and seconds.
func clock(d time.Duration) string {
	seconds := int(d.Round(time.Second).Seconds())
	return fmt.Sprintf("%d:%02d", seconds/60, seconds%60)
}

// now returns the templates and texts as they are at this moment.
func (r *renderer) now() (*renderer, error) {
	if !r.o.Live {
		return r, nil
	}
	texts, err := lang.Load(r.source, r.o.Region)
	if err != nil {
		return nil, err
	}
	return newRenderer(r.assets, texts, r.static, r.o)
}

// fill returns the whole document.
func (r *renderer) fill(d document) ([]byte, error) {
	r, err := r.now()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	if err := r.sets[d.base().Lang].ExecuteTemplate(&out, d.file(), d); err != nil {
		return nil, fmt.Errorf("fill the template of %s: %w", d.file(), err)
	}
	return out.Bytes(), nil
}
