package site

import (
	"bytes"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"risingstars/assets"
)

// Developers see a text and a style that they have changed with the next page.
func TestDevelopersSeeWhatTheyChange(t *testing.T) {
	t.Parallel()
	texts, site := fstest.MapFS{}, fstest.MapFS{}
	for folder, files := range map[fs.FS]fstest.MapFS{assets.Text(): texts, assets.Site(): site} {
		err := fs.WalkDir(folder, ".", func(name string, entry fs.DirEntry, err error) error {
			if err == nil && !entry.IsDir() {
				files[name] = &fstest.MapFile{Data: must(fs.ReadFile(folder, name))}
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	s, err := New(Deps{Assets: site, Texts: texts, Options: Options{Live: true}})
	if err != nil {
		t.Fatal(err)
	}
	rules := func() string {
		t.Helper()
		d := &TextPage{Base: Base{Lang: spanish, Title: "rules.title", Description: "site.description"}, Name: "rules"}
		return string(must(s.render.fill(d)))
	}
	before := rules()
	texts["es.json"].Data = bytes.ReplaceAll(texts["es.json"].Data, []byte("Bases del concurso"), []byte("Reglas"))
	page := rules()
	if !strings.Contains(before, "<h1>Bases del concurso</h1>") || !strings.Contains(page, "<h1>Reglas</h1>") {
		t.Errorf("the page is still:\n%s", page)
	}
	style := must(s.static.URL("site.css"))
	site["static/site.css"].Data = append(site["static/site.css"].Data, '\n')
	if address := must(s.static.URL("site.css")); address == style || !strings.Contains(rules(), address) {
		t.Errorf("the style is still at %s", address)
	}
}
