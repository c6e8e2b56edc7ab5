// Package lang has the texts of pages and letters in the languages of the users, with their plural forms, numbers and
// dates. A file per language has them, named by its tag, such as es.json, in the format of go-i18n: an id is a text, or
// an object with a text per plural form. Spanish has the forms one, many and other.
//
// A text may have placeholders, such as {{.Name}}. Texts are plain: whoever shows them escapes them.
package lang

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Texts are the texts in all languages.
type Texts struct {
	speakers map[string]*Speaker
	ids      map[string][]string
}

// Load reads all files of a folder. region is the country whose way of writing numbers all languages follow as far as
// they know it; "": each has its own.
func Load(folder fs.FS, region string) (*Texts, error) {
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, fmt.Errorf("read texts: %w", err)
	}
	t := &Texts{speakers: map[string]*Speaker{}, ids: map[string][]string{}}
	for _, name := range names {
		content, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, fmt.Errorf("read texts: %w", err)
		}
		tag := strings.TrimSuffix(path.Base(name), ".json")
		if err := t.add(tag, region, content); err != nil {
			return nil, fmt.Errorf("read the texts in %s: %w", name, err)
		}
	}
	return t, nil
}

func (t *Texts) add(name, region string, content []byte) error {
	tag, err := language.Parse(name)
	if err != nil {
		return err
	}
	numbers := tag
	if region != "" {
		if numbers, err = language.Parse(name + "-" + region); err != nil {
			return err
		}
	}
	// A bundle per language: a text that is missing in one shall not come from another.
	bundle := i18n.NewBundle(tag)
	bundle.RegisterUnmarshalFunc("json", json.Unmarshal)
	file, err := bundle.ParseMessageFileBytes(content, name+".json")
	if err != nil {
		return err
	}
	for _, m := range file.Messages {
		t.ids[name] = append(t.ids[name], m.ID)
	}
	slices.Sort(t.ids[name])
	t.speakers[name] = &Speaker{
		name: name, localizer: i18n.NewLocalizer(bundle, name), numbers: message.NewPrinter(numbers),
	}
	return nil
}

// IDs returns the ids of a language's texts in order.
func (t *Texts) IDs(name string) []string { return t.ids[name] }

// In returns who speaks a language, or nil if there are no texts in it.
func (t *Texts) In(name string) *Speaker { return t.speakers[name] }

// Speaker says texts in one language. It is safe for concurrent use.
type Speaker struct {
	name      string
	localizer *i18n.Localizer
	numbers   *message.Printer
}

// Say returns a text. pairs are the names of its placeholders, each followed by what stands there.
func (s *Speaker) Say(id string, pairs ...any) (string, error) {
	return s.say(&i18n.LocalizeConfig{MessageID: id}, pairs)
}

// Count returns a text about n things, in the plural form for n. Its placeholder Count is n.
func (s *Speaker) Count(id string, n int, pairs ...any) (string, error) {
	return s.say(&i18n.LocalizeConfig{MessageID: id, PluralCount: n}, append(pairs, "Count", s.Number(n)))
}

func (s *Speaker) say(c *i18n.LocalizeConfig, pairs []any) (string, error) {
	if len(pairs)%2 != 0 {
		return "", fmt.Errorf("the text %s: a placeholder without a value", c.MessageID)
	}
	data := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return "", fmt.Errorf("the text %s: %v is no placeholder", c.MessageID, pairs[i])
		}
		data[name] = pairs[i+1]
	}
	c.TemplateData = data
	text, err := s.localizer.Localize(c)
	if err != nil {
		return "", fmt.Errorf("say %s in %s: %w", c.MessageID, s.name, err)
	}
	return text, nil
}

// Number writes a whole number as people in the language do.
func (s *Speaker) Number(n int) string { return s.numbers.Sprintf("%d", n) }

// Date writes the day of a time, in the time's own zone. The text date has the placeholders Day, Month and Year, and
// the texts month.1 to month.12 are the names of the months.
func (s *Speaker) Date(t time.Time) (string, error) {
	month, err := s.Say("month." + strconv.Itoa(int(t.Month())))
	if err != nil {
		return "", err
	}
	return s.Say("date", "Day", t.Day(), "Month", month, "Year", t.Year())
}
