package app

import (
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

// A command that is renamed is renamed on the pages, too.
func TestPagesShowCommandsThatExist(t *testing.T) {
	t.Parallel()
	var pages []string
	for pattern := range strings.FieldsSeq("../README.md ../infra/*.md ../infra/*/README.md ../platform/*/README.md") {
		matches, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, matches...)
	}
	seen := map[string]bool{}
	for _, page := range pages {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, args := range invocations(string(content)) {
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
