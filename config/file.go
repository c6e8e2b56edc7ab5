package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"strings"

	"github.com/subosito/gotenv"
)

// File is the file of KEY=value lines that a configuration is read from. The zero value is none.
type File struct {
	path     string
	required bool
}

// DotenvFile returns the file that ENV_FILE names, which must exist; none if ENV_FILE is set to nothing; and .env in
// the current folder, if there is one, if ENV_FILE is not set.
func DotenvFile() File {
	path, set := os.LookupEnv("ENV_FILE")
	if !set {
		path = ".env"
	}
	return File{path, set}
}

// assignment is the last one of a variable in a file.
type assignment struct {
	value  string
	number int // of the line, from 1
}

func (a assignment) at(file File) string { return fmt.Sprintf("%s:%d", file.path, a.number) }

var assigned = regexp.MustCompile(`^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_.]*)\s*[=:]`)

// read returns the assignments of the file by variable, in capitals: some older files have small letters.
func (f File) read() (map[string]assignment, error) {
	if f.path == "" {
		return map[string]assignment{}, nil
	}
	content, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) && !f.required {
		return map[string]assignment{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ENV_FILE: cannot be read: %w", err)
	}
	values, err := gotenv.StrictParse(strings.NewReader(string(content)))
	if err != nil { // which would quote the line, and a secret in it
		return nil, fmt.Errorf("ENV_FILE: %s must hold KEY=value lines, and line %d is none", f.path,
			firstWrong(string(content)))
	}
	lines := map[string]assignment{}
	number := 0
	for line := range strings.Lines(string(content)) {
		number++
		if found := assigned.FindStringSubmatch(line); found != nil {
			if value, ok := values[found[1]]; ok {
				lines[strings.ToUpper(found[1])] = assignment{value, number}
			}
		}
	}
	return lines, nil
}

// firstWrong returns the number of the first line that is no assignment.
func firstWrong(content string) int {
	number := 0
	for line := range strings.Lines(content) {
		number++
		if _, err := gotenv.StrictParse(strings.NewReader(line)); err != nil {
			break
		}
	}
	return number
}
