package app

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// goFile is a parsed file of the tree under test.
type goFile struct {
	name string // its path from the root of the tree
	*ast.File
}

// parseFolder parses the Go files of one folder, except for its tests.
func parseFolder(root, dir string) ([]goFile, error) {
	entries, err := os.ReadDir(filepath.Join(root, dir))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", dir, err)
	}
	var files []goFile
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(root, dir, e.Name()), nil, 0)
		if err != nil {
			return nil, fmt.Errorf("parse the names: %w", err)
		}
		files = append(files, goFile{dir + "/" + e.Name(), file})
	}
	return files, nil
}

// handlerBreaches checks that handlers are methods of the type api in http*.go and use cases are methods of Module in
// other files. The only exception is Routes, which connects the two.
func handlerBreaches(files []goFile) []breach {
	var breaches []breach
	for _, file := range files {
		inHTTP := strings.HasPrefix(filepath.Base(file.name), "http")
		for _, declaration := range file.Decls {
			f, ok := declaration.(*ast.FuncDecl)
			if !ok {
				continue
			}
			switch receiver := receiverOf(f); {
			case receiver == "Module" && inHTTP && f.Name.Name != "Routes":
				breaches = append(breaches, breach{handlersApart, file.name, "has the use case " + f.Name.Name})
			case receiver == "api" && !inHTTP:
				breaches = append(breaches, breach{handlersApart, file.name, "has the handler " + f.Name.Name})
			}
		}
	}
	return breaches
}

// nameBreaches finds names of a module that differ in case alone. It checks types, functions, and the methods of Module
// and api.
func nameBreaches(files []goFile) []breach {
	var breaches []breach
	first := map[string]string{} // the name that came first, by its form in lower case
	add := func(file goFile, name string) {
		folded := strings.ToLower(name)
		if other, ok := first[folded]; ok {
			breaches = append(breaches, breach{namesOnce, file.name, fmt.Sprintf("declares %s beside %s", name, other)})
			return
		}
		first[folded] = name
	}
	for _, file := range files {
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				if slices.Contains([]string{"", "Module", "api"}, receiverOf(d)) {
					add(file, d.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range d.Specs {
					if spec, ok := spec.(*ast.TypeSpec); ok {
						add(file, spec.Name.Name)
					}
				}
			}
		}
	}
	return breaches
}

// receiverOf returns the name of a method's receiver type, and "" for a function.
func receiverOf(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return ""
	}
	expr := f.Recv.List[0].Type
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	if name, ok := expr.(*ast.Ident); ok {
		return name.Name
	}
	return ""
}

// faultDeclaration is one call of fault.New.
type faultDeclaration struct{ file, kind, code string }

// faultsIn returns the faults that the files of one folder declare. A code is a literal or a constant of the folder.
func faultsIn(files []goFile) []faultDeclaration {
	constants := map[string]string{}
	for _, file := range files {
		ast.Inspect(file.File, func(node ast.Node) bool {
			if spec, ok := node.(*ast.ValueSpec); ok && len(spec.Names) == len(spec.Values) {
				for i, name := range spec.Names {
					if text, ok := textOf(spec.Values[i]); ok {
						constants[name.Name] = text
					}
				}
			}
			return true
		})
	}
	var faults []faultDeclaration
	for _, file := range files {
		ast.Inspect(file.File, func(node ast.Node) bool {
			call, ok := node.(*ast.CallExpr)
			if !ok || !declaresFault(file, call) {
				return true
			}
			code, ok := textOf(call.Args[1])
			if name, isName := call.Args[1].(*ast.Ident); isName {
				code, ok = constants[name.Name]
			}
			if !ok {
				code = "(not a constant)"
			}
			kind := call.Args[0]
			if selector, ok := kind.(*ast.SelectorExpr); ok {
				kind = selector.Sel
			}
			faults = append(faults, faultDeclaration{file.name, fmt.Sprint(kind), code})
			return true
		})
	}
	return faults
}

// declaresFault reports whether the call is one of fault.New, which is called New inside package fault.
func declaresFault(file goFile, call *ast.CallExpr) bool {
	if len(call.Args) < 2 {
		return false
	}
	switch f := call.Fun.(type) {
	case *ast.SelectorExpr:
		from, ok := f.X.(*ast.Ident)
		return ok && from.Name == "fault" && f.Sel.Name == "New"
	case *ast.Ident:
		return file.File.Name.Name == "fault" && f.Name == "New"
	}
	return false
}

// faultBreaches checks that a module declares its faults in faults.go, and that a code has the same kind in all
// declarations.
func faultBreaches(faults []faultDeclaration) []breach {
	var breaches []breach
	kinds := map[string]string{}
	for _, f := range faults {
		if strings.HasPrefix(f.file, "modules/") && filepath.Base(f.file) != "faults.go" {
			breaches = append(breaches, breach{faultsTogether, f.file, "declares the fault " + f.code})
		}
		if kind, ok := kinds[f.code]; ok && kind != f.kind {
			what := fmt.Sprintf("declares %s as %s, which is %s elsewhere", f.code, f.kind, kind)
			breaches = append(breaches, breach{oneKind, f.file, what})
			continue
		}
		kinds[f.code] = f.kind
	}
	return breaches
}

// textOf returns the value of a string literal, and false for any other expression.
func textOf(expr ast.Expr) (string, bool) {
	literal, ok := expr.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return text, err == nil
}
