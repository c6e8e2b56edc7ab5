package site

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/jba/templatecheck"

	"risingstars/assets"
	"risingstars/platform/lang"
	"risingstars/platform/web"
)

func load(t *testing.T, texts fs.FS) *renderer {
	t.Helper()
	static, err := web.NewStatic(must(fs.Sub(assets.Site(), "static")))
	if err != nil {
		t.Fatal(err)
	}
	spoken, err := lang.Load(texts, "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := newRenderer(assets.Site(), spoken, static, Options{Zone: time.UTC})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// A template names only fields that its page has, and calls functions as they are.
func TestTemplatesFitTheirPages(t *testing.T) {
	t.Parallel()
	r := load(t, assets.Text())
	for _, d := range documents() {
		if err := templatecheck.CheckHTML(r.sets[spanish].Lookup(d.file()), d); err != nil {
			t.Errorf("%s: %v", d.file(), err)
		}
	}
}

// sources returns all templates and all Go files of the site, by name.
func sources(t *testing.T) (templates, code map[string]string) {
	t.Helper()
	templates, code = map[string]string{}, map[string]string{}
	err := fs.WalkDir(assets.Site(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(name, ".html") {
			templates[name] = string(must(fs.ReadFile(assets.Site(), name)))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range must(filepath.Glob("*.go")) {
		if !strings.HasSuffix(name, "_test.go") {
			code[name] = string(must(os.ReadFile(name)))
		}
	}
	if len(templates) < 20 || len(code) < 10 {
		t.Fatalf("found %d templates and %d files", len(templates), len(code))
	}
	return templates, code
}

// Both languages have the same texts with the same placeholders, each of them is used, and none is missing.
func TestTextsAreEqualAndUsed(t *testing.T) {
	t.Parallel()
	var es, en map[string]any
	for name, into := range map[string]*map[string]any{"es.json": &es, "en.json": &en} {
		if err := json.Unmarshal(must(fs.ReadFile(assets.Text(), name)), into); err != nil {
			t.Fatal(err)
		}
	}
	templates, code := sources(t)
	var all strings.Builder
	for _, source := range templates {
		all.WriteString(source)
	}
	for _, source := range code {
		all.WriteString(source)
	}
	placeholder := regexp.MustCompile(`\{\{\.\w+\}\}`)
	for id, text := range es {
		if en[id] == nil {
			t.Errorf("%s is missing in English", id)
			continue
		}
		if strings.HasPrefix(id, "month.") || strings.HasPrefix(id, "zone") || id == "date" {
			continue // platform/lang says them
		}
		if !strings.Contains(all.String(), strconv.Quote(id)) {
			t.Errorf("%s is not used", id)
		}
		holders := func(text any) []string {
			if forms, ok := text.(map[string]any); ok {
				text = forms["other"]
			}
			found := placeholder.FindAllString(fmt.Sprint(text), -1)
			slices.Sort(found)
			return found
		}
		if !slices.Equal(holders(text), holders(en[id])) {
			t.Errorf("%s has other placeholders in English: %v, %v", id, text, en[id])
		}
		if forms, ok := text.(map[string]any); ok {
			for _, form := range []string{"one", "many", "other"} {
				if forms[form] == nil {
					t.Errorf("%s has no form %q in Spanish", id, form)
				}
			}
		}
	}
	for id := range en {
		if es[id] == nil {
			t.Errorf("%s is missing in Spanish", id)
		}
	}
	for name, source := range templates {
		for _, call := range regexp.MustCompile(`\b(?:t|count) "([^"]+)"`).FindAllStringSubmatch(source, -1) {
			if es[call[1]] == nil {
				t.Errorf("%s says %s, which is no text", name, call[1])
			}
		}
	}
}

// What people read is in the files of texts alone.
func TestTemplatesHaveNoTexts(t *testing.T) {
	t.Parallel()
	action := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	tag := regexp.MustCompile(`(?s)<[^>]*>`)
	spoken := regexp.MustCompile(`\b(?:alt|title|placeholder|aria-label|label)="[^"]*\pL[^"]*"`)
	attributes := regexp.MustCompile(`\{\{define "about"\}\}.*`) // of an input
	templates, _ := sources(t)
	for name, source := range templates {
		source = attributes.ReplaceAllString(source, "")
		source = action.ReplaceAllString(source, "")
		if found := spoken.FindAllString(source, -1); found != nil {
			t.Errorf("%s says %q", name, found)
		}
		for _, text := range tag.Split(source, -1) {
			if regexp.MustCompile(`\pL`).MatchString(text) {
				t.Errorf("%s says %q", name, text)
			}
		}
	}
}

// In a language whose every word is in brackets no page says a word without them, unless a person has written it.
func TestPagesSayNothingBesideTheTexts(t *testing.T) {
	t.Parallel()
	pseudo := fstest.MapFS{}
	word := regexp.MustCompile(`\{\{[^}]*\}\}|\pL+`)
	for _, name := range []string{"es.json", "en.json"} {
		var texts map[string]any
		if err := json.Unmarshal(must(fs.ReadFile(assets.Text(), name)), &texts); err != nil {
			t.Fatal(err)
		}
		bracket := func(text string) string {
			return word.ReplaceAllStringFunc(text, func(w string) string {
				if strings.HasPrefix(w, "{{") {
					return w
				}
				return "[" + w + "]"
			})
		}
		for id, text := range texts {
			switch text := text.(type) {
			case string:
				texts[id] = bracket(text)
			case map[string]any:
				for form := range text {
					text[form] = bracket(fmt.Sprint(text[form]))
				}
			}
		}
		texts["frame.other.code"] = "en"
		pseudo[name] = &fstest.MapFile{Data: must(json.Marshal(texts))}
	}
	r := load(t, pseudo)
	hidden := regexp.MustCompile(`(?s)<(svg|head|script)\b.*?</(svg|head|script)>|<[^>]*>`)
	for _, d := range documents() {
		b := d.base()
		b.Lang, b.Title, b.Description = spanish, "site.name", "site.description"
		if page, ok := d.(*MyVideoPage); ok {
			page.Video.State = "state.failed"
		}
		html, err := r.fill(d)
		if err != nil {
			t.Errorf("%s: %v", d.file(), err)
			continue
		}
		text := hidden.ReplaceAllString(string(html), " ")
		text = template.HTMLEscapeString(regexp.MustCompile(`&\w+;`).ReplaceAllString(text, ""))
		if found := regexp.MustCompile(`(?:^|[^\pL\[])\pL+`).FindAllString(text, -1); found != nil {
			t.Errorf("%s says %q", d.file(), found)
		}
	}
}

// The colours of texts, of controls and of the focus can be told from what is behind them (WCAG 2.2, 1.4.3 and 1.4.11).
func TestColoursCanBeToldApart(t *testing.T) {
	t.Parallel()
	styles := must(fs.ReadFile(assets.Site(), "static/site.css"))
	light, rest, _ := bytes.Cut(styles, []byte("@media (prefers-color-scheme: dark)"))
	dark, _, _ := bytes.Cut(rest, []byte("/* Letters */"))
	token := regexp.MustCompile(`--([\w-]+): (#[0-9a-f]{6});`)
	read := func(css []byte, into map[string]string) map[string]string {
		for _, found := range token.FindAllSubmatch(css, -1) {
			into[string(found[1])] = string(found[2])
		}
		return into
	}
	for name, css := range map[string][]byte{"light": nil, "dark": dark} {
		tokens := read(css, read(light, map[string]string{"white": "#ffffff", "hover": "#ffd873"}))
		for pair, least := range map[string]float64{
			"text ground": 7, "text soft": 7, "muted ground": 4.5, "muted soft": 4.5,
			"link ground": 4.5, "link soft": 4.5, "good ground": 4.5, "good soft": 4.5,
			"bad ground": 4.5, "bad soft": 4.5, "warning ground": 3, "warning soft": 3,
			"edge ground": 3, "edge soft": 3, "focus ground": 3, "focus soft": 3,
			"ink gold": 7, "ink hover": 7, "white night": 7, "white night-2": 7, "white night-3": 7, "gold night": 4.5,
			"gold night-2": 4.5, "gold night-3": 4.5,
		} {
			front, back, _ := strings.Cut(pair, " ")
			if got := contrast(t, tokens[front], tokens[back]); got < least {
				t.Errorf("%s: %s has a contrast of %.1f, at least %.1f is needed", name, pair, got, least)
			}
		}
	}
}

// contrast is that of WCAG 2.2, from 1 to 21.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(colour string) float64 {
		if len(colour) != 7 {
			t.Fatalf("%q is no colour", colour)
		}
		sum := 0.0
		for i, weight := range []float64{.2126, .7152, .0722} {
			value := float64(must(strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8))) / 255
			if value <= .04045 {
				value /= 12.92
			} else {
				value = math.Pow((value+.055)/1.055, 2.4)
			}
			sum += weight * value
		}
		return sum
	}
	light, dark := luminance(a), luminance(b)
	if light < dark {
		light, dark = dark, light
	}
	return (light + .05) / (dark + .05)
}
