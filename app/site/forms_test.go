package site_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// route is an address that takes forms, with the names that its handler asks for, itself or by what it calls.
type route struct {
	method, pattern string
	names           map[string]bool
}

// uploadFields are those that media reads of an upload.
var uploadFields = []string{"title", "description", "start_seconds", "file"}

// routes reads the site's code.
func routes(t *testing.T) (found []route) {
	t.Helper()
	funcs := map[string]*ast.FuncDecl{}
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				funcs[f.Name.Name] = f
			}
		}
	}
	for _, from := range []string{"Routes", "adminRoutes"} {
		ast.Inspect(funcs[from], func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) < 2 {
				return true
			}
			add, _ := call.Fun.(*ast.Ident)
			pattern, isPattern := literal(call.Args[0])
			if add == nil || !isPattern {
				return true
			}
			r := route{"GET", strings.ReplaceAll(pattern, "{id}", "*"), map[string]bool{}}
			if strings.HasSuffix(strings.ToLower(add.Name), "post") {
				r.method = "POST"
			}
			collect(call.Args[len(call.Args)-1], funcs, r.names, map[string]bool{})
			found = append(found, r)
			return true
		})
	}
	return found
}

// collect adds the names that a part of the code asks a form or an address for.
func collect(code ast.Node, funcs map[string]*ast.FuncDecl, names, seen map[string]bool) {
	add := func(e ast.Expr) {
		if name, ok := literal(e); ok {
			names[name] = true
		}
	}
	ast.Inspect(code, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			if asks(n.Fun) && len(n.Args) == 1 {
				add(n.Args[0])
			}
		case *ast.IndexExpr:
			add(n.Index)
		case *ast.CompositeLit: // names in a list
			for _, e := range n.Elts {
				if _, isList := n.Type.(*ast.ArrayType); isList {
					add(e)
				}
			}
		case *ast.Ident:
			if n.Name == "ReceiveForm" {
				for _, name := range uploadFields {
					names[name] = true
				}
			}
			if f := funcs[n.Name]; f != nil && !seen[n.Name] {
				seen[n.Name] = true
				collect(f.Body, funcs, names, seen)
			}
		}
		return true
	})
}

// asks reports whether a function returns a field by its name.
func asks(f ast.Expr) bool {
	switch f := f.(type) {
	case *ast.SelectorExpr:
		return slices.Contains([]string{"Get", "Has", "get"}, f.Sel.Name)
	case *ast.Ident:
		return f.Name == "part" || f.Name == "text"
	}
	return false
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok || l.Kind != token.STRING {
		return "", false
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

// form is one of a document.
type form struct {
	method, action string
	names          []string
}

func formsOf(t *testing.T, d document) (forms []form) {
	t.Helper()
	var open *form
	for z := html.NewTokenizer(strings.NewReader(d.body)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			return forms
		}
		tag := z.Token()
		value := func(name string) string {
			for _, a := range tag.Attr {
				if a.Key == name {
					return a.Val
				}
			}
			return ""
		}
		switch {
		case tag.Data == "form" && kind == html.StartTagToken:
			forms = append(forms, form{method: strings.ToUpper(value("method")), action: value("action")})
			open = &forms[len(forms)-1]
		case tag.Data == "form":
			open = nil
		case open != nil && kind != html.EndTagToken && value("name") != "" &&
			slices.Contains([]string{"input", "select", "textarea", "button"}, tag.Data):
			open.names = append(open.names, value("name"))
		}
	}
}

// fit checks that each form of the documents leads to an address of its method whose handler asks for its fields.
func fit(t *testing.T, documents map[string]document) {
	t.Helper()
	all, sent := routes(t), map[string]bool{}
	for name, d := range documents {
		for _, f := range formsOf(t, d) {
			if f.method == "DIALOG" || f.action == "/catalogue" || f.action == "/en/catalogue" { // nothing is sent
				continue
			}
			address, query, _ := strings.Cut(f.action, "?")
			if rest, ok := strings.CutPrefix(address, "/en"); ok {
				address = "/" + strings.TrimPrefix(rest, "/")
			}
			i := slices.IndexFunc(all, func(r route) bool {
				matched, err := path.Match(r.pattern, address)
				return err == nil && matched && r.method == f.method
			})
			if i < 0 {
				t.Errorf("%s: nothing takes the form %s %s", name, f.method, f.action)
				continue
			}
			sent[f.method+" "+all[i].pattern] = true
			for part := range strings.SplitSeq(query, "&") {
				if key, _, ok := strings.Cut(part, "="); ok {
					f.names = append(f.names, key)
				}
			}
			for _, field := range f.names {
				if !all[i].names[field] {
					t.Errorf("%s: %s %s does not ask for %q", name, f.method, all[i].pattern, field)
				}
			}
		}
	}
	// Each address that takes forms has one in some state.
	for _, r := range all {
		if r.method == "POST" && !sent["POST "+r.pattern] {
			t.Errorf("no page has a form for %s", r.pattern)
		}
	}
}
