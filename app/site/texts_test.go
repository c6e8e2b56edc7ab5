package site

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"html/template"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
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
	literal, sentence := regexp.MustCompile(`"[^"]*"`), regexp.MustCompile(`\pL,? \pL|[^\x00-\x7f]`)
	attributes := regexp.MustCompile(`\{\{define "about"\}\}.*`) // of an input
	letter := regexp.MustCompile(`\pL`)
	templates, _ := sources(t)
	for name, source := range templates {
		source = attributes.ReplaceAllString(source, "")
		for _, found := range action.FindAllString(source, -1) {
			for _, text := range literal.FindAllString(found, -1) {
				if sentence.MatchString(text) {
					t.Errorf("%s says %s", name, text)
				}
			}
		}
		source = action.ReplaceAllString(source, "")
		if found := spoken.FindAllString(source, -1); found != nil {
			t.Errorf("%s says %q", name, found)
		}
		for _, text := range tag.Split(source, -1) {
			if letter.MatchString(text) {
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
	spoken := regexp.MustCompile(`\b(?:alt|placeholder|aria-label|title)="([^"]*)"`)
	entity, unmarked := regexp.MustCompile(`&\w+;`), regexp.MustCompile(`(?:^|[^\pL\[])\pL+`)
	empty, full := documents(), documents()
	for _, d := range full {
		if _, own := d.(*TextPage); own {
			continue // its name is its file's
		}
		complete(reflect.ValueOf(d).Elem())
		d.base().Scripts, d.base().Data = nil, nil
	}
	for _, d := range append(empty, full...) {
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
		for _, found := range spoken.FindAllStringSubmatch(string(html), -1) {
			text += " " + found[1]
		}
		text = strings.ReplaceAll(text, "site.name", "") // which stands for what people write
		text = template.HTMLEscapeString(entity.ReplaceAllString(text, ""))
		if found := unmarked.FindAllString(text, -1); found != nil {
			t.Errorf("%s says %q", d.file(), found)
		}
	}
}

// complete sets all fields of a page, each of which a template may leave out: texts to an id that all know, and lists
// to one of each.
func complete(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("site.name")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(2)
	case reflect.Slice:
		if kind := v.Type().Elem().Kind(); kind != reflect.Uint8 {
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
			complete(v.Index(0))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		complete(v.Elem())
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Date(2026, 12, 3, 8, 0, 0, 0, time.UTC)))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				complete(v.Field(i))
			}
		}
	}
}

// Who has something to ask is told whom, also where no address is set.
func TestPagesSayWhomToAsk(t *testing.T) {
	t.Parallel()
	r := load(t, assets.Text())
	for _, name := range []string{"privacy", "accessibility"} {
		base := Base{Lang: spanish, Title: textTitles[name], Description: "site.description"}
		page := must(r.fill(&TextPage{Base: base, Name: name}))
		if !strings.Contains(string(page), "Pregúntale a la federación") {
			t.Errorf("%s names nobody:\n%s", name, page)
		}
	}
}

// Nor does the code of the site have sentences of its own, but for faults and errors. Those of the catalogue, which
// only tests show, and commands are none.
func TestTheSiteHasNoTextsInGo(t *testing.T) {
	t.Parallel()
	sentence := regexp.MustCompile(`^[^<]*(\pL[,.]? \pL+[^"/]*$|[áéíóúñ¿¡])`)
	makers := []string{"Errorf", "New", "WithFields"}
	_, code := sources(t)
	delete(code, "catalogue.go")
	for name := range code {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(node ast.Node) bool {
			if call, ok := node.(*ast.CallExpr); ok {
				if f, ok := call.Fun.(*ast.SelectorExpr); ok && slices.Contains(makers, f.Sel.Name) {
					return false
				}
			}
			if literal, ok := node.(*ast.BasicLit); ok && literal.Kind == token.STRING {
				text := must(strconv.Unquote(literal.Value))
				if sentence.MatchString(text) && !strings.HasPrefix(text, "./bin/app ") {
					t.Errorf("%s says %q", name, text)
				}
			}
			return true
		})
	}
}
