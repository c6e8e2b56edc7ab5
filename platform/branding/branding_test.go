package branding

import (
	"bytes"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden file anew")

// folderOf makes a folder of the files. One whose content begins with "-> " is a link.
func folderOf(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "brand")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		path := filepath.Join(dir, name)
		err := os.MkdirAll(filepath.Dir(path), 0o755)
		if target, link := strings.CutPrefix(content, "-> "); link && err == nil {
			err = os.Symlink(target, path)
		} else if err == nil {
			err = os.WriteFile(path, []byte(content), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// picture is a PNG of one colour.
func picture(t *testing.T, w, h int, c color.Color) string {
	t.Helper()
	img := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range w * h {
		img.Set(i%w, i/w, c)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, img); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func photo(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	if err := jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, 32, 18)), nil); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// claiming returns a PNG whose header claims a size that its data does not have.
func claiming(t *testing.T, side byte) string {
	t.Helper()
	data := []byte(picture(t, 2, 2, color.White))
	data[18], data[22] = side, side // width and height, big-endian at 16 and 20
	// Its checksum is wrong as well, so only the message about the size shows that it was read first.
	return string(data)
}

const svg = `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">`

// wrongFolder is what an operator may get wrong.
type wrongFolder struct {
	name     string
	settings string
	files    map[string]string
}

func wrongFolders(t *testing.T) []wrongFolder {
	t.Helper()
	good := picture(t, 20, 10, color.White)
	mark := map[string]string{"watermark.png": good}
	with := func(name, content string) map[string]string { return map[string]string{name: content} }
	logo := func(inside string) map[string]string { return with("logo.svg", svg+inside+"</svg>") }
	return []wrongFolder{
		{name: "an empty folder"},
		{name: "more than one thing", settings: "names: Salsa\nintro: 9", files: with("watermark.png", "x")},

		{name: "no YAML", settings: "name: [Salsa"},
		{name: "a tab", settings: "watermark:\n\twidth: 3", files: mark},
		{name: "a list", settings: "- name"},
		{name: "a text", settings: "Salsa"},
		{name: "an unknown setting", settings: "logo: logo.svg"},
		{name: "nearly a setting", settings: "Name: Salsa\nwatermarks: {width: 3}"},
		{name: "nearly a setting of the watermark", settings: "watermark: {widht: 3, size: 4}", files: mark},
		{name: "a setting twice", settings: "name: Salsa\nname: Tango"},
		{name: "no name", settings: "name: \"\""},
		{name: "a name of two lines", settings: "name: \"Salsa\\nTango\""},
		{name: "a long name", settings: "name: " + strings.Repeat("a", 81)},
		{name: "a name of several", settings: "name: {es: Salsa}"},
		{name: "a colour by name", settings: "colors: {primary: red}"},
		{name: "a colour without quotes", settings: "colors: {primary: #ff0000\n}"},
		{name: "a colour with transparency", settings: "colors: {primary: \"#ff000080\", accents: \"#fff\"}"},

		{name: "a watermark that is missing", settings: "watermark: {width: 10}"},
		{name: "an unknown place", settings: "watermark: {place: center}", files: mark},
		{name: "too wide", settings: "watermark: {width: 80}", files: mark},
		{name: "no number", settings: "watermark: {width: wide, opacity: 50, margin: -1}", files: mark},
		{name: "not even a number", settings: "watermark: {opacity: .nan}", files: mark},
		{
			name: "too tall", settings: "watermark: {width: 50}",
			files: with("watermark.png", picture(t, 2, 20, color.White)),
		},
		{name: "transparent", files: with("watermark.png", picture(t, 4, 4, color.Transparent))},
		{name: "a photograph", files: with("watermark.png", photo(t))},
		{name: "no picture", files: with("watermark.png", "<html>")},
		{name: "cut off", files: with("watermark.png", good[:len(good)-20])},
		{name: "one pixel", files: with("watermark.png", picture(t, 1, 1, color.White))},
		{name: "nothing in it", files: with("watermark.png", "")},
		{name: "too many bytes", files: with("watermark.png", good+strings.Repeat("x", mostPicture))},
		{name: "too many pixels", files: with("intro.png", picture(t, 8192, 1020, color.White))},
		{name: "a wrong header", files: with("intro.png", claiming(t, 0x20))},
		{name: "a folder", files: with("watermark.png/watermark.png", good)},
		{name: "a link out of it", files: with("watermark.png", "-> /etc/hostname")},
		{name: "a link up", files: with("watermark.png", "-> ../other.png")},
		{name: "a link to nothing", files: with("watermark.png", "-> none.png")},

		{name: "two intros", files: map[string]string{"intro.png": good, "intro.jpg": photo(t)}},
		{name: "an intro that is none", settings: "intro: none", files: with("intro.png", good)},
		{
			name: "held for too long", settings: "intro: 3\noutro: 0.1",
			files: map[string]string{"intro.png": good, "outro.png": good},
		},
		{name: "held, but missing", settings: "outro: 2"},
		{name: "held, but a video", settings: "outro: 2", files: with("outro.mp4", "video")},
		{name: "neither none nor seconds", settings: "intro: no\noutro: [none]"},
		{name: "an intro in another format", files: with("intro.gif", "GIF89a")},
		{name: "an intro without a format", files: with("intro", good)},
		{name: "a video with the name of a picture", files: with("intro.png", "\x00\x00\x00\x18ftypisom")},
		{name: "a video of too many bytes", files: with("intro.mp4", strings.Repeat("x", mostVideo+1))},

		{name: "unknown files", files: map[string]string{
			"Watermark.png": good, "watermark.jpg": "x", "branding.yml": "x", "inro.png": "x", "notes.txt": "x",
			".DS_Store": "x",
		}},

		{name: "a logo that is no SVG", files: with("logo.svg", good)},
		{name: "a logo in HTML", files: with("logo.svg", "<html></html>")},
		{name: "a logo cut off", files: with("logo.svg", svg+"<g>")},
		{name: "a logo without its namespace", files: with("logo.svg", "<svg></svg>")},
		{name: "a logo with a script", files: logo(`<script>alert(1)</script>`)},
		{name: "a logo with a script in an attribute", files: logo(`<g onload="alert(1)"/>`)},
		{name: "a logo with a script in a link", files: logo(`<a xlink:href="javascript:alert(1)"/>`)},
		{name: "a logo with an SVG in a link", files: logo(`<image href="data:image/svg+xml,x"/>`)},
		{name: "a logo with a picture elsewhere", files: logo(`<image href="https://example.org/a.png"/>`)},
		{name: "a logo with a font elsewhere", files: logo(`<style>@font-face{src:url(//example.org/f)}</style>`)},
		{name: "a logo with a hidden style", files: logo(`<style>a{b:u\72l(//example.org)}</style>`)},
		{name: "a logo with an element in a style", files: logo(`<style>a{}<g>b{}</g></style>`)},
		{name: "a logo with an import", files: logo(`<style>@IMPORT "x.css";</style>`)},
		{name: "a logo with a filter elsewhere", files: logo(`<g style="fill:url( 'other.svg#a' )"/>`)},
		{name: "a logo with a style in pieces", files: logo(`<style>a{b:u<!-- -->rl<![CDATA[(//a.org)]]>}</style>`)},
		{name: "a logo with HTML in it", files: logo(`<foreignObject/>`)},
		{name: "a logo with an HTML element", files: logo(`<h:img xmlns:h="http://www.w3.org/1999/xhtml" alt="a"/>`)},
		{name: "a logo with pictures to choose", files: logo(`<image srcset="data:image/png,a 1x, //a.org/b 2x"/>`)},
		{name: "a logo that changes", files: logo(`<set attributeName="href" to="x"/>`)},
		{name: "a logo with entities", files: with("logo.svg", `<!DOCTYPE svg [<!ENTITY a "b">]>`+svg+`&a;</svg>`)},
		{name: "a logo with a stylesheet", files: with("logo.svg", `<?xml-stylesheet href="x"?>`+svg+`</svg>`)},
		{name: "a logo with a > in its type", files: with("logo.svg", `<!DOCTYPE svg "><script>">`+svg+`</svg>`)},
		{name: "a logo with a hidden >", files: with("logo.svg", `<!DOCTYPE svg <!-- > -->>`+svg+`</svg>`)},
		{name: "a logo with a > in its version", files: with("logo.svg", `<?xml version="1.0" a=">"?>`+svg+`</svg>`)},
		{name: "a logo in UTF-16", files: with("logo.svg", "\xff\xfe<\x00s\x00")},
		{name: "a large logo", files: logo(strings.Repeat(" ", mostLogo))},

		{name: "a page in no language", files: with("rules.md", "Una persona, un voto.")},
		{name: "a page in another language", files: with("privacy.fr.md", "Vos données.")},
		{name: "nearly a page", files: with("rule.es.md", "Una persona, un voto.")},
		{name: "an empty page", files: with("terms.es.md", "")},
		{name: "a page that says nothing", files: with("terms.en.md", "---\nversion: 2\n---\n# \n")},
		{name: "a large page", files: with("help.es.md", strings.Repeat("a", mostPage+1))},
		{name: "a page in Latin-1", files: with("rules.es.md", "Votaci\xf3n")},
		{name: "a page in UTF-16", files: with("rules.en.md", "R\x00u\x00l\x00e\x00s\x00")},
		{name: "a page out of the folder", files: with("rules.en.md", "-> /etc/hostname")},
		{name: "a page that is a folder", files: with("rules.en.md/rules.en.md", "Rules")},
		{
			name:  "a page with settings that are none",
			files: with("rules.es.md", "---\nversion: \"\"\ndate: 20 de noviembre\nauthor: Luz\n---\nUna persona."),
		},
		{name: "a page with HTML", files: with("rules.es.md", "# Bases\n\n<DIV class=\"a\">\nUna persona.\n</div>\n")},
		{name: "a page with a tag of its own", files: with("rules.es.md", "Una.\n\n  <my-list>\n")},
		{name: "a page with a picture", files: with("help.es.md", "Mira: ![el botón](boton.png)")},
		{name: "a page that is Markdown", files: with("help.en.md", "<https://example.com>\n<a@b.co>\n\n1 <2! [a](b)")},
		{name: "a page with settings that are no YAML", files: with("rules.es.md", "---\nversion: [2\n---\nUna.")},
	}
}

// The golden file is what an operator reads about each folder: it says what to change.
func TestEveryWrongFolderIsExplained(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, w := range wrongFolders(t) {
		files := map[string]string{}
		maps.Copy(files, w.files)
		if w.settings != "" {
			files["branding.yaml"] = w.settings
		}
		dir := folderOf(t, files)
		_, warnings, err := Read(dir)
		fmt.Fprintln(&all, w.name)
		if problems, ok := err.(Problems); ok {
			for _, p := range problems {
				fmt.Fprintf(&all, "  %s\n", p)
			}
		}
		for _, warning := range warnings {
			fmt.Fprintf(&all, "  warning: %s\n", strings.ReplaceAll(warning, dir, "FOLDER"))
		}
		all.WriteString("\n")
	}
	golden := filepath.Join("testdata", "folders.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), all.String()); diff != "" {
		t.Errorf("(- golden, + now; write it anew with: go test ./platform/branding -update)\n%s", diff)
	}
}

func TestAFolderThatIsNotThereIsExplained(t *testing.T) {
	t.Parallel()
	file := filepath.Join(folderOf(t, map[string]string{"file": "x"}), "file")
	many := map[string]string{}
	for i := range mostFiles + 1 {
		many[fmt.Sprintf("song-%d.mp3", i)] = "x"
	}
	for path, want := range map[string]string{
		filepath.Join(t.TempDir(), "none"): "does not exist, or is a link to nothing",
		file:                               "must be a folder",
		folderOf(t, many):                  "has more than 100 files; name a folder with nothing but the branding",
	} {
		_, _, err := Read(path)
		if want = path + ": " + want; err == nil || !strings.HasSuffix(err.Error(), "- "+want) {
			t.Errorf("it says %v, want %s", err, want)
		}
	}
}

func TestAWholeFolderIsRead(t *testing.T) {
	t.Parallel()
	settings := `# Of the federation
name: " Federación de Salsa "
colors:
  primary: "#ABC"
  accent: "#ffb703"
watermark:
  place: bottom-left
  width: 15 %
  opacity: 0.5
outro: 1.5
`
	inside := `<style><![CDATA[.a{fill:url(#g)}]]></style><!-- > --><use href="#a"/>` +
		`<image href="data:image/png;base64,AA=="/>`
	dir := folderOf(t, map[string]string{
		"branding.yaml": settings, "real.png": picture(t, 20, 10, color.White), "watermark.png": "-> real.png",
		"intro.MP4": "not looked at", "outro.jpeg": photo(t),
		"logo.svg":    `<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE svg PUBLIC "a" "b">` + svg + inside + `</svg>`,
		"rules.es.md": "\ufeff---\r\nversion: 2.1\r\ndate: 2026-11-20\r\n---\r\n# Quién\r\n",
		"rules.en.md": "# Who\n---\n",
	})
	b, warnings, err := Read(dir)
	if err != nil || len(warnings) != 1 { // real.png
		t.Fatal(warnings, err)
	}
	w := b.Watermark
	colors := map[string]string{"primary": "#aabbcc", "accent": "#ffb703"}
	if b.Name != "Federación de Salsa" || !maps.Equal(b.Colors, colors) ||
		len(b.Logo) == 0 || w.Place != bottomLeft || w.Width != 15 || w.Opacity != 0.5 || w.Margin != 0.8 ||
		b.Intro.Kind != Video || string(b.Intro.Content) != "not looked at" ||
		b.Outro.Kind != Picture || b.Outro.Length != 1500*time.Millisecond {
		t.Errorf("it is %+v", b)
	}
	if size, err := b.Outro.Size(); err != nil || size != image.Pt(32, 18) {
		t.Errorf("the outro has %v (%v)", size, err)
	}
	var parts []string
	for _, p := range b.Parts() {
		parts = append(parts, p.Name+" "+p.From)
	}
	if want := []string{
		"watermark watermark.png", "intro intro.MP4", "outro outro.jpeg", "name branding.yaml", "colors branding.yaml",
		"logo logo.svg", "rules rules.es.md, rules.en.md", "privacy built in", "terms built in", "help built in",
	}; !slices.Equal(parts, want) {
		t.Errorf("the parts are %q", parts)
	}
	es, en := b.Pages["rules"]["es"], b.Pages["rules"]["en"]
	if es.Markdown != "# Quién\n" || es.Version != "2.1" || es.Day != "2026-11-20" {
		t.Errorf("the Spanish rules are %+v", es)
	}
	if en.Markdown != "# Who\n---\n" || len(en.Version) != 8 || en.Day != "" || time.Since(en.Changed) > time.Hour {
		t.Errorf("the English rules are %+v", en)
	}
}

// What a clip shows counts, and nothing else.
func TestTheHashTellsClipsApart(t *testing.T) {
	t.Parallel()
	mark, other := picture(t, 20, 10, color.White), picture(t, 20, 10, color.Black)
	hash := func(settings string, files map[string]string) string {
		t.Helper()
		files = maps.Clone(files)
		if files == nil {
			files = map[string]string{}
		}
		files["branding.yaml"] = settings + "\n"
		b, _, err := Read(folderOf(t, files))
		if err != nil {
			t.Fatal(err)
		}
		return b.Hash("star")
	}
	marked := map[string]string{"watermark.png": mark}
	seen := map[string]string{}
	for name, h := range map[string]string{
		"built in":           Brand{}.Hash("star"),
		"another star":       Brand{}.Hash("sun"),
		"watermark":          hash("", marked),
		"another watermark":  hash("", map[string]string{"watermark.png": other}),
		"another place":      hash("watermark: {place: top-left}", marked),
		"another width":      hash("watermark: {width: 5}", marked),
		"another margin":     hash("watermark: {margin: 5}", marked),
		"another opacity":    hash("watermark: {opacity: 0.9}", marked),
		"no intro":           hash("intro: none", nil),
		"no outro":           hash("outro: none", nil),
		"intro":              hash("", map[string]string{"intro.png": mark}),
		"shorter intro":      hash("intro: 2", map[string]string{"intro.png": mark}),
		"the same as outro":  hash("", map[string]string{"outro.png": mark}),
		"a video":            hash("", map[string]string{"intro.mp4": mark}),
		"both":               hash("", map[string]string{"intro.png": mark, "outro.png": mark}),
		"both and watermark": hash("", map[string]string{"intro.png": mark, "outro.png": mark, "watermark.png": mark}),
	} {
		if len(h) != 16 || seen[h] != "" {
			t.Errorf("%s has %q, as %q", name, h, seen[h])
		}
		seen[h] = name
	}
	pages := map[string]string{"logo.svg": svg + "</svg>", "rules.es.md": "Una persona, un voto."}
	if h := hash("name: Salsa\ncolors: {text: \"#fff\"}", pages); h != (Brand{}).Hash("star") {
		t.Errorf("with a name, colours, a logo and rules it is %s", h)
	}
}

// Transparent pixels may have any colour. It must not show where they are shrunk together with visible ones.
func TestHiddenColoursDoNotBleedIntoTheEdges(t *testing.T) {
	t.Parallel()
	img := image.NewNRGBA(image.Rect(0, 0, 400, 200))
	for y := range 200 {
		for x := range 400 {
			c := color.NRGBA{R: 255, A: 0}
			if x >= 101 && x < 299 && y >= 51 && y < 149 {
				c = color.NRGBA{B: 255, A: 255}
			}
			img.SetNRGBA(x, y, c)
		}
	}
	w := Watermark{Picture: img, Place: topRight, Width: 5, Opacity: 0.5, Margin: 1}
	data, err := w.Render(1280)
	if err != nil {
		t.Fatal(err)
	}
	small, err := png.Decode(bytes.NewReader(data))
	if err != nil || small.Bounds() != image.Rect(0, 0, 64, 32) {
		t.Fatal(small.Bounds(), err)
	}
	for y := range 32 {
		for x := range 64 {
			c := color.NRGBAModel.Convert(small.At(x, y)).(color.NRGBA)
			if c.A > 20 && c.R > 10 || c.A > 140 {
				t.Fatalf("the pixel at %d, %d is %v", x, y, c)
			}
		}
	}
	if c := small.At(32, 16); c != (color.NRGBA{B: 255, A: 128}) && c != (color.NRGBA{B: 255, A: 127}) {
		t.Errorf("its middle is %v", c)
	}
	if margin := w.MarginOn(1280); margin != 13 {
		t.Errorf("its margin is %d", margin)
	}
}
