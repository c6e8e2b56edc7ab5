package branding

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// PageNames returns the names of the pages that an organiser may write.
func PageNames() []string { return []string{"rules", "privacy", "terms", "help"} }

// PageLanguages returns the languages in which they may be written.
func PageLanguages() []string { return []string{"es", "en"} }

// Page is a page in one language, as its organiser has written it.
type Page struct {
	Markdown string
	Version  string    // which the file says, or the beginning of the content's hash
	Day      string    // of the version, such as 2026-11-20, which the file says; "": it does not
	Changed  time.Time // when the file was changed
}

const (
	mostPage       = 256 << 10
	longestVersion = 40 // in characters
)

// pageFile is the name of the file with a page, such as rules.es.md.
func pageFile(page, language string) string { return page + "." + language + ".md" }

func pageFiles() (names []string) {
	for _, page := range PageNames() {
		for _, language := range PageLanguages() {
			names = append(names, pageFile(page, language))
		}
	}
	return names
}

// pageMeant returns the name of a page's file that one in another language, or in none, may stand for.
func pageMeant(file string) string {
	page, _, _ := strings.Cut(strings.ToLower(file), ".")
	if !slices.Contains(PageNames(), page) {
		return ""
	}
	return pageFile(page, PageLanguages()[0])
}

// pages reads those that there are, by name and by language.
func (f *folder) pages() map[string]map[string]Page {
	all := map[string]map[string]Page{}
	for _, name := range PageNames() {
		for _, language := range PageLanguages() {
			p, ok := f.page(pageFile(name, language))
			if !ok {
				continue
			}
			if all[name] == nil {
				all[name] = map[string]Page{}
			}
			all[name][language] = p
		}
	}
	return all
}

// page reads a file, and reports false if it is missing or wrong.
func (f *folder) page(file string) (p Page, ok bool) {
	if !f.has(file) {
		return p, false
	}
	content := f.content(file, mostPage)
	if content == nil {
		return p, false
	}
	info, err := f.root.Stat(file)
	if err != nil {
		f.problems.add(file, "%s", explain(err))
		return p, false
	}
	p.Changed, p.Version = info.ModTime(), sum(content)[:8]
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	if !utf8.Valid(content) || bytes.IndexByte(content, 0) >= 0 {
		f.problems.add(file, "must be a text in UTF-8; save it anew with that encoding")
		return p, false
	}
	body, ok := f.front(file, strings.ReplaceAll(string(content), "\r\n", "\n"), &p)
	if ok && !strings.ContainsFunc(body, unicode.IsLetter) {
		f.problems.add(file, "says nothing")
		return p, false
	}
	if ok && notMarkdown.MatchString(body) {
		f.warnings.add(file, "has HTML or a picture, which the page leaves out; write it in Markdown")
	}
	p.Markdown = body
	return p, ok
}

// notMarkdown finds a tag that begins a line, with which a block of HTML can begin (CommonMark, 4.6), and a picture.
var notMarkdown = regexp.MustCompile(`(?im)^ {0,3}</?[a-z][a-z0-9-]*(?:[\s/>]|$)|!\[[^\]]*\][(\[]`)

// frontMatter is YAML between two lines of hyphens at the beginning of a file.
var frontMatter = regexp.MustCompile(`\A---[ \t]*\n((?s:.*?)\n|)---[ \t]*(?:\n|\z)`)

// front takes the version and the day from the front matter, and returns the rest of the file. It reports false after
// it has noted what is wrong with them.
func (f *folder) front(file, content string, p *Page) (rest string, ok bool) {
	found := frontMatter.FindStringSubmatch(content)
	if found == nil {
		return content, true
	}
	rest = content[len(found[0]):]
	settings := map[string]yaml.Node{}
	if err := yaml.Unmarshal([]byte(found[1]), &settings); err != nil {
		f.problems.add(file, "what is between the first two lines --- is no YAML: %s",
			strings.TrimPrefix(err.Error(), "yaml: "))
		return rest, false
	}
	before := len(f.problems)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		value := strings.TrimSpace(settings[name].Value)
		switch _, err := time.Parse(time.DateOnly, value); {
		case name == "version" && value != "" && utf8.RuneCountInString(value) <= longestVersion &&
			!strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }):
			p.Version = value
		case name == "version":
			f.problems.add(file, "version must be one line of at most %d characters", longestVersion)
		case name == "date" && err == nil:
			p.Day = value
		case name == "date":
			f.problems.add(file, "date %q must be a day such as 2026-11-20", value)
		default:
			f.problems.add(file, "%s is no setting; between the lines --- there are date, version", name)
		}
	}
	return rest, len(f.problems) == before
}

// partOf describes a page for its operator.
func partOf(name string, written map[string]Page) Part {
	var files, versions []string
	for _, language := range PageLanguages() {
		if p, ok := written[language]; ok {
			files = append(files, pageFile(name, language))
			versions = append(versions, language+" version "+p.Version)
		}
	}
	if files == nil {
		return Part{name, builtInName, ""}
	}
	return Part{name, strings.Join(files, ", "), strings.Join(versions, ", ")}
}
