package mail

import (
	"bytes"
	"errors"
	"fmt"
	html "html/template"
	"io/fs"
	"net/url"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"risingstars/platform/lang"
	"risingstars/platform/text"
)

// DefaultLife is how long a letter without a life of its own is worth sending.
const DefaultLife = 24 * time.Hour

// Letter is what somebody is told about an act.
type Letter struct {
	ID       string // made from the act: a second letter with it is none. At most 128 bytes
	UserID   string // the account that it is about, with which Forget forgets it; "": none
	Template string // the first part of the ids of its texts
	To       string // a bare address
	Language string // es or en
	// Values are for the placeholders of its texts. Name is whom it greets.
	Values map[string]string
	// Page is the path of the page that its button leads to; "": it has none. With a Secret, the page gets it, sealed,
	// as the parameter token.
	Page   string
	Secret []byte
	Life   time.Duration // how long it is worth sending; 0: DefaultLife
}

// Message is a letter as it is sent.
type Message struct {
	ID, From, To        string
	Subject, Text, HTML string
	At                  time.Time
}

// Seals makes of a letter's secret what its link carries.
type Seals interface {
	Seal(data []byte) string
}

// writer writes letters by the templates letter.txt and letter.html, and by the texts in es.json and en.json.
type writer struct {
	texts     *lang.Texts
	plain     *template.Template
	page      *html.Template
	publicURL string
	seals     Seals
}

func newWriter(folder fs.FS, publicURL string, seals Seals) (*writer, error) {
	texts, err := lang.Load(folder, "")
	if err != nil {
		return nil, fmt.Errorf("read the texts of letters: %w", err)
	}
	plain, err := template.ParseFS(folder, "letter.txt")
	if err != nil {
		return nil, fmt.Errorf("read the template of letters: %w", err)
	}
	page, err := html.ParseFS(folder, "letter.html")
	if err != nil {
		return nil, fmt.Errorf("read the template of letters: %w", err)
	}
	return &writer{texts, plain, page, strings.TrimSuffix(publicURL, "/"), seals}, nil
}

// parts are what the templates fill in.
type parts struct {
	Language, Subject, Greeting, Do, Link, LinkHint, Why, Site, Address string
	Body                                                                []string // paragraphs
}

var errNoLanguage = errors.New("there are no letters in this language")

// write leaves From and To to others.
func (w *writer) write(l Letter) (m Message, err error) {
	speaker := w.texts.In(l.Language)
	if speaker == nil {
		return m, errNoLanguage
	}
	var pairs []any
	for name, value := range l.Values {
		pairs = append(pairs, name, text.Clean(value))
	}
	say := func(id string) string {
		said, sayErr := speaker.Say(id, pairs...)
		err = errors.Join(err, sayErr)
		return said
	}
	p := parts{
		Language: l.Language, Subject: text.Clean(say(l.Template + ".subject")), Greeting: say("greeting"),
		Body: strings.Split(say(l.Template+".body"), "\n"), Why: say(l.Template + ".why"), Site: say("site"),
		Address: w.publicURL,
	}
	if name := greetable(l.Values["Name"]); name != "" {
		pairs = append(pairs, "Whom", name)
		p.Greeting = say("greeting.name")
	}
	if l.Page != "" {
		p.Link, p.Do, p.LinkHint = w.publicURL+localized(l.Language, l.Page), say(l.Template+".do"), say("link")
	}
	if len(l.Secret) > 0 {
		p.Link += "?token=" + url.QueryEscape(w.seals.Seal(l.Secret))
	}
	if err != nil {
		return m, err
	}
	var plain, page bytes.Buffer
	if err := errors.Join(w.plain.Execute(&plain, p), w.page.Execute(&page, p)); err != nil {
		return m, fmt.Errorf("fill the template of a letter: %w", err)
	}
	return Message{ID: l.ID, Subject: p.Subject, Text: plain.String(), HTML: page.String()}, nil
}

// localized returns the address of a page in a language.
func localized(language, page string) string {
	if language == "en" {
		return "/en" + page
	}
	return page
}

// longestName is the longest that a letter greets somebody by.
const longestName = 40 // characters

// greetable returns the name if it looks like one. Anybody can sign up with anybody's address, and with an
// advertisement for a name.
func greetable(name string) string {
	name = text.Clean(name)
	if utf8.RuneCountInString(name) > longestName || strings.ContainsAny(name, "@:/\\.<>%&=$€0123456789") {
		return ""
	}
	return name
}
