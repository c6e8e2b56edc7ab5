package aws_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	filterPattern = regexp.MustCompile(`FilterPattern: (?:'(\{[^']*\})'|>-\n((?:        .*\n)+))`)
	filteredField = regexp.MustCompile(`\$\.([a-z_]+)`)
	filteredValue = regexp.MustCompile(`\$\.(msg|outcome|path) = "([^"]+)"`)
)

// A filter counts lines of the log by their words. If the code used others, its alarm would stay silent.
func TestFiltersMatchWhatTheProgramLogs(t *testing.T) {
	t.Parallel()
	template, err := os.ReadFile("alarms.yaml")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("../observability/LOGS.md")
	if err != nil {
		t.Fatal(err)
	}
	code := sources(t)
	patterns := filterPattern.FindAllStringSubmatch(string(template), -1)
	if filters := strings.Count(string(template), "AWS::Logs::MetricFilter"); len(patterns) != filters || filters < 6 {
		t.Fatalf("%d patterns of %d filters are read", len(patterns), filters)
	}
	for _, p := range patterns {
		pattern := strings.Join(strings.Fields(p[1]+p[2]), " ")
		if len(pattern) > 1024 { // CloudWatch's limit
			t.Errorf("the pattern has %d characters: %s", len(pattern), pattern)
		}
		for _, field := range filteredField.FindAllStringSubmatch(pattern, -1) {
			if !strings.Contains(string(page), "`"+field[1]+"`") {
				t.Errorf("no line has the field %s: %s", field[1], pattern)
			}
		}
		for _, value := range filteredValue.FindAllStringSubmatch(pattern, -1) {
			inCode := func(w string) bool { return strings.Contains(code, w) }
			if !slices.ContainsFunc(wordsIn(value[1], value[2]), inCode) {
				t.Errorf("the code does not have %s %q", value[1], value[2])
			}
		}
	}
}

// wordsIn returns the forms in which the code may have a value: a path as a route of the API or of a page, which has an
// address in each language.
func wordsIn(field, value string) []string {
	switch begin, exact := strings.CutSuffix(value, "*"); {
	case field != "path" && exact:
		return []string{`"` + begin}
	case field != "path":
		return []string{`"` + value + `"`}
	default:
		route := strings.ReplaceAll(strings.TrimPrefix(begin, "/en"), "*", "{id}")
		return []string{`"` + route + `"`, ` ` + route + `"`}
	}
}

// sources returns the text of the program's code, without its tests.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, root := range []string{"../../app", "../../modules", "../../platform"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			content, err := os.ReadFile(path)
			all.Write(content)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}
