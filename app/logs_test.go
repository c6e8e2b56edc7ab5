package app

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const logsPage = "../infra/observability/LOGS.md"

// The page lists each field of the log, and nothing else, so that one thing has one name everywhere.
func TestEveryFieldOfTheLogIsListed(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile(logsPage)
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*`) \\|").FindAllStringSubmatch(string(page), -1) {
		for _, name := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(row[1], -1) {
			listed[name[1]] = true
		}
	}
	written := map[string]string{"time": "", "level": "", "msg": ""} // log/slog's own
	for _, root := range []string{".", "../modules", "../platform"} {
		err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			helper := strings.HasSuffix(filepath.Base(path), "test") || strings.HasPrefix(entry.Name(), "bench") ||
				entry.Name() == "testdata"
			if entry.IsDir() && path != root && helper {
				return filepath.SkipDir
			}
			if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
				fieldsOf(t, path, written)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(written) < 20 {
		t.Fatalf("only the fields %v were found", slices.Sorted(maps.Keys(written)))
	}
	for field, path := range written {
		if !listed[field] {
			t.Errorf("%s logs the field %s, which LOGS.md does not list: does another one mean the same?", path, field)
		}
	}
	for field := range listed {
		if _, ok := written[field]; !ok {
			t.Errorf("LOGS.md lists the field %s, which nothing logs", field)
		}
	}
}

var (
	logCall  = regexp.MustCompile(`^(Debug|Info|Warn|Error)(Context)?$`)
	attrCall = regexp.MustCompile(`^(String|Int|Int64|Uint64|Float64|Bool|Time|Duration|Any|Group)$`)
)

// fieldsOf adds the fields that a file gives to loggers, with the file's path.
func fieldsOf(t *testing.T, path string, fields map[string]string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	add := func(e ast.Expr) {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if name, err := strconv.Unquote(literal.Value); err == nil {
				fields[name] = path
			}
		}
	}
	pairs := func(all []ast.Expr) {
		for i := 0; i < len(all); i += 2 {
			add(all[i])
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt: // words := []any{"field", value, …}
			list, ok := n.Rhs[0].(*ast.CompositeLit)
			if ok && isNamed(n.Lhs[0], "words") {
				pairs(list.Elts)
			}
		case *ast.CallExpr:
			if isNamed(n.Fun, "append") && isNamed(n.Args[0], "words") {
				pairs(n.Args[1:])
			}
			method, ok := n.Fun.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			name := method.Sel.Name
			switch {
			case isNamed(method.X, "slog") && attrCall.MatchString(name):
				add(n.Args[0])
			case isLogger(method.X) && name == "With":
				pairs(n.Args)
			case isLogger(method.X) && logCall.MatchString(name):
				before := 1 // the message
				if strings.HasSuffix(name, "Context") {
					before++
				}
				pairs(n.Args[before:])
			}
		}
		return true
	})
}

func isNamed(e ast.Expr, name string) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == name
}

// isLogger reports whether an expression is called like one, such as m.log or w.options.Logger.
func isLogger(e ast.Expr) bool {
	if selector, ok := e.(*ast.SelectorExpr); ok {
		e = selector.Sel
	}
	id, ok := e.(*ast.Ident)
	return ok && slices.Contains([]string{"log", "logger", "Logger"}, id.Name)
}
