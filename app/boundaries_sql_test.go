package app

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// tableBreaches searches a module's migrations, and the string literals in its store*.go, for tables that belong to
// other modules. In Go only SQL keywords in capitals count, so that an error may contain "update the vote", but a name
// with another module's prefix counts anywhere.
func tableBreaches(root, module string, modules map[string]bool) ([]breach, error) {
	dir := filepath.Join(root, "modules", module)
	migrations, err := filepath.Glob(filepath.Join(dir, "migrations", "*.sql"))
	if err != nil {
		return nil, err
	}
	stores, err := filepath.Glob(filepath.Join(dir, "store*.go"))
	if err != nil {
		return nil, err
	}

	tables := map[string][]string{} // by file
	for _, name := range migrations {
		sql, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		words := sqlWords(strings.ToUpper(string(sql)))
		for _, table := range append(tablesIn(words), namesWithPrefix(words, modules)...) {
			tables[name] = append(tables[name], strings.ToLower(table))
		}
	}
	for _, name := range stores {
		texts, named, err := textsOf(name)
		if err != nil {
			return nil, err
		}
		tables[name] = named
		for _, text := range texts {
			words := sqlWords(text)
			tables[name] = append(tables[name], tablesIn(words)...)
			tables[name] = append(tables[name], namesWithPrefix(words, modules)...)
		}
	}

	var breaches []breach
	for name, found := range tables {
		file, err := filepath.Rel(root, name)
		if err != nil {
			return nil, err
		}
		slices.Sort(found)
		for _, table := range slices.Compact(found) {
			if !strings.HasPrefix(table, module+"_") {
				breaches = append(breaches, breach{ownTables, filepath.ToSlash(file), "names " + table})
			}
		}
	}
	return breaches, nil
}

// textsOf returns a Go file's string literals, and the tables that it passes to gorm by name: the result of a TableName
// method, and the first word of a literal that is passed to a method Table.
func textsOf(name string) (texts, tables []string, err error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("parse the SQL: %w", err)
	}
	literal := func(node ast.Node) (string, bool) {
		lit, ok := node.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(lit.Value)
		return text, err == nil
	}
	table := func(expr ast.Expr) {
		if text, ok := literal(expr); ok {
			if words := sqlWords(text); len(words) > 0 {
				tables = append(tables, words[0])
			}
		}
	}
	ast.Inspect(file, func(node ast.Node) bool {
		switch node := node.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.BasicLit:
			if text, ok := literal(node); ok {
				texts = append(texts, text)
			}
		case *ast.CallExpr:
			if method, ok := node.Fun.(*ast.SelectorExpr); ok && method.Sel.Name == "Table" && len(node.Args) > 0 {
				table(node.Args[0])
			}
		case *ast.FuncDecl:
			if node.Name.Name != "TableName" || node.Body == nil {
				return true
			}
			for _, statement := range node.Body.List {
				if result, ok := statement.(*ast.ReturnStmt); ok && len(result.Results) == 1 {
					table(result.Results[0])
				}
			}
		}
		return true
	})
	return texts, tables, nil
}

var (
	notSQL    = regexp.MustCompile(`--[^\n]*|(?s:/\*.*?\*/)|'[^']*'`)
	sqlWord   = regexp.MustCompile(`[\pL_][\pL\pN_$]*|[^\s\pL\pN"\x60]`)
	wordStart = regexp.MustCompile(`^[\pL_]`)
)

// sqlWords splits a text into words and punctuation. It leaves out comments, quoted values, and the quotes of
// identifiers.
func sqlWords(sql string) []string {
	return sqlWord.FindAllString(notSQL.ReplaceAllString(sql, " "), -1)
}

// tablesIn returns the words in the positions where SQL names a table, except for common table expressions.
func tablesIn(words []string) []string {
	at := func(i int) string {
		if i < 0 || i >= len(words) {
			return ""
		}
		return words[i]
	}
	var tables, expressions, open []string
	for i, word := range words {
		name := word
		switch {
		case word == "(":
			open = append(open, at(i-1))
		case word == ")" && len(open) > 0:
			name = open[len(open)-1] // the name in WITH name (columns) AS (
			open = open[:len(open)-1]
		}
		if at(i+1) == "AS" && (at(i+2) == "(" || at(i+2) == "MATERIALIZED" || at(i+2) == "NOT") {
			expressions = append(expressions, name)
		}
		if !namesTable(words, i, open) {
			continue
		}
		next := i + 1
		for slices.Contains([]string{"TABLE", "IF", "NOT", "EXISTS", "ONLY"}, at(next)) {
			next++
		}
		if at(next+1) == "." { // schema.table
			next += 2
		}
		table := at(next)
		isFunction := at(next+1) == "(" && (word == "FROM" || word == "JOIN")
		if isWord(table) && !isFunction && !slices.Contains([]string{"SELECT", "LATERAL", "SET", "ON"}, table) {
			tables = append(tables, table)
		}
	}
	return slices.DeleteFunc(tables, func(table string) bool { return slices.Contains(expressions, table) })
}

// namesTable reports whether a table's name follows the keyword at i; open holds the words before the open parentheses.
func namesTable(words []string, i int, open []string) bool {
	before := ""
	if i > 0 {
		before = words[i-1]
	}
	switch words[i] {
	case "INTO", "JOIN", "REFERENCES", "TABLE", "TRUNCATE":
		return true
	case "FROM":
		functions := []string{"EXTRACT", "SUBSTRING", "TRIM", "OVERLAY"} // which have a FROM among their arguments
		inCall := len(open) > 0 && slices.Contains(functions, open[len(open)-1])
		return before != "DISTINCT" && !inCall // IS DISTINCT FROM
	case "UPDATE":
		return !slices.Contains([]string{"ON", "FOR", "DO", "KEY", "AFTER", "BEFORE"}, before)
	case "ON": // CREATE INDEX name ON table, CREATE TRIGGER name AFTER UPDATE OF column ON table
		return slices.ContainsFunc(words[max(0, i-6):i], func(word string) bool {
			return word == "INDEX" || word == "TRIGGER"
		})
	}
	return false
}

func isWord(text string) bool { return wordStart.MatchString(text) }

// namesWithPrefix returns the words that have a module's prefix, as the modules' tables do.
func namesWithPrefix(words []string, modules map[string]bool) []string {
	var names []string
	for _, word := range words {
		prefix, rest, ok := strings.Cut(word, "_")
		if ok && rest != "" && modules[strings.ToLower(prefix)] {
			names = append(names, word)
		}
	}
	return names
}
