package app

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

var (
	codeBlock = regexp.MustCompile("(?ms)^```.*?^```")
	codeSpan  = regexp.MustCompile("`[^`]+`")
	// An invocation ends where the shell's next word, a comment or the end of the line begins.
	invocation = regexp.MustCompile(`(?:^|[\s"(/])(?:\./bin/)?app"? ([a-z][^\n#;&<>)` + "`" + `]*)`)
)

// invocations returns the arguments of each command of the app that a page shows.
func invocations(page string) (found [][]string) {
	blocks := codeBlock.FindAllString(page, -1)
	for _, span := range codeSpan.FindAllString(codeBlock.ReplaceAllString(page, ""), -1) {
		blocks = append(blocks, strings.Join(strings.Fields(strings.Trim(span, "`")), " "))
	}
	for _, block := range blocks {
		for _, match := range invocation.FindAllStringSubmatch(block, -1) {
			args := strings.Fields(strings.NewReplacer("[", "", "]", "", "|", " ").Replace(match[1]))
			found = append(found, args)
		}
	}
	return found
}

// pages returns the content of each page by its path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for pattern := range strings.FieldsSeq("../README.md ../infra/*.md ../infra/*/README.md ../platform/*/README.md") {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, page := range matches {
			content, err := os.ReadFile(page)
			if err != nil {
				t.Fatal(err)
			}
			found[page] = string(content)
		}
	}
	return found
}

var (
	testName = regexp.MustCompile(`\bTest[A-Z]\w+`)
	link     = regexp.MustCompile(`\]\(([^)#]*)[^)]*\)`)
)

// A page that points to a test or a file points to one that is there.
func TestPagesPointToWhatExists(t *testing.T) {
	t.Parallel()
	declared := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		for _, name := range testName.FindAllString(string(content), -1) {
			declared[name] = declared[name] || strings.Contains(string(content), "func "+name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for page, content := range pages(t) {
		for _, name := range testName.FindAllString(content, -1) {
			if !declared[name] {
				t.Errorf("%s: there is no %s", page, name)
			}
		}
		for _, match := range link.FindAllStringSubmatch(content, -1) {
			if match[1] == "" || strings.Contains(match[1], ":") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), match[1])); err != nil {
				t.Errorf("%s points to %s: %v", page, match[1], err)
			}
		}
	}
}

// A command that is renamed is renamed on the pages, too.
func TestPagesShowCommandsThatExist(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for page, content := range pages(t) {
		for _, args := range invocations(content) {
			command, _, err := rootCommand().Find(args)
			if err != nil || !command.HasParent() {
				t.Errorf("%s: app %s: %v", page, strings.Join(args, " "), err)
				continue
			}
			seen[command.CommandPath()] = true
			known := func(name string) bool {
				return slices.ContainsFunc([]*pflag.FlagSet{command.Flags(), command.InheritedFlags()},
					func(set *pflag.FlagSet) bool { return set.Lookup(name) != nil })
			}
			for _, arg := range args {
				name, ok := strings.CutPrefix(strings.Trim(arg, ",."), "--")
				if name, _, _ = strings.Cut(name, "="); ok && !known(name) {
					t.Errorf("%s: app %s has no flag --%s", page, strings.Join(args, " "), name)
				}
			}
		}
	}
	for _, command := range rootCommand().Commands() {
		if !command.HasSubCommands() && !seen[command.CommandPath()] {
			t.Errorf("no page shows %s", command.CommandPath())
		}
	}
}
