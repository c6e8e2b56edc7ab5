package app

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

func TestTheCommittedCatalogueIsThatOfTheCode(t *testing.T) {
	t.Parallel()
	compare(t, "errors.md", catalogueText())
}

// catalogueText returns the catalogue of errors in Markdown.
func catalogueText() string {
	d := documentation()
	var sb strings.Builder
	sb.WriteString("# Errors of the API\n\n" +
		"Every refused request is answered with a problem document (RFC 9457). Programs decide by its `code`, which\n" +
		"never changes; `type` leads to a page about the code, such as /errors/invalid. Made from the code by\n" +
		"`make openapi`.\n\n" +
		"| Code | Status | Kind | Spanish | English |\n|---|---|---|---|---|\n")
	entries := web.Catalogue(d.Faults, d.Reasons)
	kinds := map[string]fault.Text{}
	for _, e := range entries {
		if e.Status == 0 {
			continue
		}
		kinds[e.Kind] = e.Advice
		for i, text := range e.Texts {
			head := fmt.Sprintf("`%s` | %d | %s", e.Code, e.Status, e.Kind)
			if i > 0 {
				head = "| |"
			}
			fmt.Fprintf(&sb, "| %s | %s | %s |\n", head, text.ES, text.EN)
		}
	}
	sb.WriteString("\n## What a program does\n\n| Kind | Spanish | English |\n|---|---|---|\n")
	for _, kind := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&sb, "| %s | %s | %s |\n", kind, kinds[kind].ES, kinds[kind].EN)
	}
	sb.WriteString("\n## Codes of videos\n\nA video that failed, or that lacks something, says why.\n\n" +
		"| Code | Field | Spanish | English |\n|---|---|---|---|\n")
	for _, e := range entries {
		if e.Status == 0 {
			fmt.Fprintf(&sb, "| `%s` | `%s` | %s | %s |\n", e.Code, e.Kind, e.Texts[0].ES, e.Texts[0].EN)
		}
	}
	return sb.String()
}

// Every fault that the code declares stands in the catalogue, and thus in the document's reach.
func TestEveryFaultIsInTheCatalogue(t *testing.T) {
	t.Parallel()
	declared := declaredFaults(t, "..")
	if len(declared) < 30 {
		t.Errorf("only %d codes are declared", len(declared))
	}
	listed := map[string]int{}
	for _, f := range documentation().Faults {
		listed[f.Code]++
		if f.Text.ES == "" || f.Text.EN == "" || f.Kind.String() == "" || f.Kind.Advice().ES == "" {
			t.Errorf("%s lacks a text", f.Code)
		}
		if web.StatusOf(f) < 400 {
			t.Errorf("%s has the status %d", f.Code, web.StatusOf(f))
		}
	}
	if diff := gocmp.Diff(declared, listed); diff != "" {
		t.Errorf("how often each code is declared (-) and listed by a function Faults (+):\n%s", diff)
	}
}

// The tree of mistakes declares a fault that nobody lists.
func TestAFaultOutsideTheCatalogueIsNoticed(t *testing.T) {
	t.Parallel()
	if declared := declaredFaults(t, "testdata/boundaries/bad"); declared["gone"] == 0 {
		t.Errorf("found %v, and not the fault gone", declared)
	}
}

// declaredFaults counts the calls of fault.New under root by code.
func declaredFaults(t *testing.T, root string) map[string]int {
	t.Helper()
	folders, err := goFolders(root)
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]int{}
	for _, dir := range folders {
		files, err := parseFolder(root, dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range faultsIn(files) {
			if !strings.HasSuffix(f.file, "_test.go") {
				declared[f.code]++
			}
		}
	}
	return declared
}

// goFolders returns the folders under root that the go command builds.
func goFolders(root string) ([]string, error) {
	var folders []string
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case !entry.IsDir():
			return nil
		case name != root && isSkipped(name, entry.Name()):
			return fs.SkipDir
		}
		dir, err := filepath.Rel(root, name)
		folders = append(folders, dir)
		return err
	})
	return folders, err
}

// The proxies' own answers repeat the texts of the catalogue: make openapi writes nginx's, the balancer's are by hand.
func TestProxiesAnswerWithTheTextsOfTheCatalogue(t *testing.T) {
	t.Parallel()
	const begin, end = "make openapi writes them.\n", "# end of the app's texts\n"
	const name = "../nginx/showcase.conf.template"
	content, err := os.ReadFile(filepath.Join(documents, name))
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(content), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("the template has no place for the texts")
	}
	compare(t, name, before+begin+nginxTexts(t)+end+after)

	balancer, err := os.ReadFile("../infra/aws/balancer.yaml")
	if err != nil {
		t.Fatal(err)
	}
	answer := regexp.MustCompile(`(?s)\{"type".*?\}`).Find(balancer)
	var got web.Problem
	if err := json.Unmarshal(answer, &got); err != nil {
		t.Fatalf("%s: %v", answer, err)
	}
	missing := proxyFault(t, http.StatusNotFound)
	if got.Type != "/errors/"+missing.Code || got.Code != missing.Code || got.Detail != missing.Text.ES ||
		got.Status != http.StatusNotFound || got.Title != http.StatusText(http.StatusNotFound) {
		t.Errorf("the balancer answers %+v, and the catalogue has %+v", got, missing.Text)
	}
}

func proxyFault(t *testing.T, status int) *fault.Error {
	t.Helper()
	for _, f := range web.ProxyFaults() {
		if web.StatusOf(f) == status {
			return f
		}
	}
	t.Fatalf("no proxy answers %d", status)
	return nil
}

// nginxTexts returns nginx's maps from a status to what a problem document says about it. Other statuses are 404.
func nginxTexts(t *testing.T) string {
	t.Helper()
	var details, codes, names strings.Builder
	for _, f := range web.ProxyFaults() {
		status := web.StatusOf(f)
		for _, text := range []string{f.Text.ES, f.Text.EN, f.Code} {
			if strings.ContainsAny(text, "\"\\$'") {
				t.Fatalf("nginx would read more than text in %q", text)
			}
		}
		fmt.Fprintf(&details, "\t\"es %d\" \"%s\";\n\t\"en %d\" \"%s\";\n", status, f.Text.ES, status, f.Text.EN)
		fmt.Fprintf(&codes, "\t%d %s;\n", status, f.Code)
		fmt.Fprintf(&names, "\t%d '\"title\":\"%s\",\"status\":%d';\n", status, http.StatusText(status), status)
	}
	missing := proxyFault(t, http.StatusNotFound)
	fmt.Fprintf(&details, "\tdefault  \"%s\";\n", missing.Text.ES)
	fmt.Fprintf(&codes, "\tdefault %s;\n", missing.Code)
	names.WriteString("\tdefault '\"title\":\"Not Found\",\"status\":404';\n")
	return "map \"$problem_language $status\" $problem_detail {\n" + details.String() + "}\n" +
		"map $status $problem_code {\n" + codes.String() + "}\n" +
		"map $status $problem_name {\n" + names.String() + "}\n"
}
