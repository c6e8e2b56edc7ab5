package branding

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// ColorNames returns the names of the colours that pages have.
func ColorNames() []string { return []string{"background", "text", "primary", "accent"} }

// settings is what branding.yaml says.
type settings struct {
	name         string
	colors       map[string]string
	watermark    placement
	intro, outro bumperSetting
}

// bumperSetting is `none`, or how long a picture is held; 0 = not said.
type bumperSetting struct {
	none bool
	hold time.Duration
}

const longestName = 80 // in characters

// settings reads branding.yaml, if there is one.
func (f *folder) settings() settings {
	s := settings{watermark: placement{place: topRight, width: 12, opacity: 1, margin: 0.8}}
	if !f.has(settingsFile) {
		return s
	}
	content := f.content(settingsFile, mostSettings)
	if content == nil {
		return s
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		f.problems.add(settingsFile, "is no YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return s
	}
	if len(document.Content) == 0 { // nothing but comments
		return s
	}
	f.fields("", document.Content[0], map[string]func(path string, value *yaml.Node){
		"name":   func(path string, v *yaml.Node) { s.name = f.name(path, v) },
		"colors": func(path string, v *yaml.Node) { s.colors = f.colors(path, v) },
		"watermark": func(path string, v *yaml.Node) {
			s.watermark.said = true
			f.fields(path, v, map[string]func(path string, value *yaml.Node){
				"place":   func(path string, v *yaml.Node) { s.watermark.place = f.place(path, v) },
				"width":   func(path string, v *yaml.Node) { s.watermark.width = f.number(path, v, 1, 50) },
				"opacity": func(path string, v *yaml.Node) { s.watermark.opacity = f.number(path, v, 0.05, 1) },
				"margin":  func(path string, v *yaml.Node) { s.watermark.margin = f.number(path, v, 0, 20) },
			})
		},
		"intro": func(path string, v *yaml.Node) { s.intro = f.bumperSetting(path, v) },
		"outro": func(path string, v *yaml.Node) { s.outro = f.bumperSetting(path, v) },
	})
	return s
}

// wrong notes a problem of the setting at path.
func (f *folder) wrong(path string, at *yaml.Node, format string, args ...any) {
	where := ""
	if path != "" {
		where = path + " "
	}
	f.problems.add(fmt.Sprintf("%s:%d", settingsFile, at.Line), "%s%s", where, fmt.Sprintf(format, args...))
}

// fields calls the reader of each key of a mapping, and refuses other keys.
func (f *folder) fields(path string, at *yaml.Node, readers map[string]func(path string, value *yaml.Node)) {
	known := slices.Sorted(maps.Keys(readers))
	if at.Kind != yaml.MappingNode {
		f.wrong(path, at, "must have the settings %s", strings.Join(known, ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(at.Content); i += 2 {
		key, value := at.Content[i], at.Content[i+1]
		full := strings.TrimPrefix(path+"."+key.Value, ".")
		read, ok := readers[key.Value]
		switch ours := nearest(key.Value, known); {
		case ok && seen[key.Value]:
			f.wrong(full, key, "is set twice")
		case ok:
			read(full, value)
		case ours != "":
			f.wrong(full, key, "is no setting; is %s meant?", ours)
		default:
			f.wrong(full, key, "is no setting; there are %s", strings.Join(known, ", "))
		}
		seen[key.Value] = true
	}
}

func (f *folder) name(path string, at *yaml.Node) string {
	name := strings.TrimSpace(at.Value)
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	switch {
	case at.Kind != yaml.ScalarNode || name == "":
		f.wrong(path, at, "must be a text")
	case utf8.RuneCountInString(name) > longestName:
		f.wrong(path, at, "must have at most %d characters", longestName)
	case strings.ContainsFunc(name, odd):
		f.wrong(path, at, "must be one line of visible characters")
	default:
		return name
	}
	return ""
}

var colorPattern = regexp.MustCompile(`^#(?:[0-9a-fA-F]{3}|[0-9a-fA-F]{6})$`)

// colors returns the colours as #rrggbb.
func (f *folder) colors(path string, at *yaml.Node) map[string]string {
	all := map[string]string{}
	readers := map[string]func(path string, value *yaml.Node){}
	for _, name := range ColorNames() {
		readers[name] = func(path string, v *yaml.Node) {
			value := strings.ToLower(v.Value)
			if v.Kind != yaml.ScalarNode || !colorPattern.MatchString(value) {
				f.wrong(path, v, `must be a colour such as "#ffb703", in quotes`)
				return
			}
			if len(value) == len("#rgb") {
				value = "#" + strings.Repeat(value[1:2], 2) + strings.Repeat(value[2:3], 2) +
					strings.Repeat(value[3:4], 2)
			}
			all[name] = value
		}
	}
	f.fields(path, at, readers)
	return all
}

func (f *folder) place(path string, at *yaml.Node) Place {
	for _, place := range places() {
		if at.Value == string(place) {
			return place
		}
	}
	var names []string
	for _, place := range places() {
		names = append(names, string(place))
	}
	f.wrong(path, at, "%q must be one of %s", at.Value, strings.Join(names, ", "))
	return topRight
}

// number returns a number within bounds, and the lower bound in place of one that is not.
func (f *folder) number(path string, at *yaml.Node, low, high float64) float64 {
	n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(at.Value, "%")), 64)
	if at.Kind != yaml.ScalarNode || err != nil || !(n >= low && n <= high) { // negated, because n may be NaN
		f.wrong(path, at, "%q must be a number from %g to %g", at.Value, low, high)
		return low
	}
	return n
}

func (f *folder) bumperSetting(path string, at *yaml.Node) bumperSetting {
	if at.Kind == yaml.ScalarNode && at.Value == "none" {
		return bumperSetting{none: true}
	}
	n, err := strconv.ParseFloat(at.Value, 64)
	hold := time.Duration(n * float64(time.Second)).Round(time.Millisecond)
	if err != nil || !(hold >= shortestBumper && hold <= LongestBumper) {
		f.wrong(path, at, "%q must be none, or how many seconds the picture is held, from %g to %g", at.Value,
			shortestBumper.Seconds(), LongestBumper.Seconds())
		return bumperSetting{}
	}
	return bumperSetting{hold: hold}
}
