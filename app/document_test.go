package app

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

const documents = "../infra/openapi"

// compare compares what the code says with a committed file. With UPDATE_OPENAPI=1, which `make openapi` sets, it
// writes the file instead.
func compare(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(documents, name)
	if os.Getenv("UPDATE_OPENAPI") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil { //nolint:gosec // everybody may read it
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := changes(string(committed), got); diff != "" {
		t.Errorf("%s is not what the code says. If the change is meant, run make openapi and commit it:\n%s", name, diff)
	}
}

// changes returns the lines that differ, - as they are and + as they would be.
func changes(committed, got string) string {
	return gocmp.Diff(strings.Split(committed, "\n"), strings.Split(got, "\n"))
}

func TestTheCommittedDocumentIsThatOfTheCode(t *testing.T) {
	t.Parallel()
	yaml, err := routedServer().YAML()
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "openapi.yaml", string(yaml))
}

func TestTheDocumentDescribesEveryRoute(t *testing.T) {
	t.Parallel()
	server := routedServer()
	described := server.Documented()
	for _, route := range server.Routes() {
		if !slices.Contains(described, route) {
			t.Errorf("%s is not described", route)
		}
	}
	if len(described) < 40 {
		t.Errorf("only %d routes", len(described))
	}
}
