package app

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const documents = "../infra/openapi"

// compare compares what the code says with a committed file. With UPDATE_OPENAPI=1, which `make openapi` sets, it
// writes the file instead.
func compare(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join(documents, name)
	if os.Getenv("UPDATE_OPENAPI") == "1" {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	committed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := changes(t, string(committed), got); diff != "" {
		t.Errorf("%s differs from the code. If the change is meant, commit what make openapi writes:\n%s", name, diff)
	}
}

// changes returns the lines that differ, as diff shows them: - as they are and + as they would be.
func changes(t *testing.T, committed, got string) string {
	t.Helper()
	dir := t.TempDir()
	var names []string
	for name, content := range map[string]string{"committed": committed, "new": got} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		names = append(names, path)
	}
	slices.Sort(names)
	diff, err := exec.CommandContext(t.Context(), "diff", "-u", names[0], names[1]).Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) { // 1: they differ
		t.Fatal(err)
	}
	return string(diff)
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
		if !server.ForBrowsers(route) && !slices.Contains(described, route) {
			t.Errorf("%s is not described", route)
		}
	}
	if len(described) < 40 {
		t.Errorf("only %d routes", len(described))
	}
}

// A reviewer sees in a diff of the committed document what an operation no longer answers, or answers beside it.
func TestAChangeOfTheContractIsReadable(t *testing.T) {
	t.Parallel()
	server := routedServer()
	before, err := server.YAML()
	if err != nil {
		t.Fatal(err)
	}
	vote := server.OpenAPI().Paths["/api/public/videos/{id}/vote"].Post
	delete(vote.Responses, "404")
	vote.Summary = "Vote as often as you like"
	after, err := server.YAML()
	if err != nil {
		t.Fatal(err)
	}
	diff := changes(t, string(before), string(after))
	for _, line := range []string{
		`-        "404":`, `-          $ref: "#/components/responses/NotFound_`,
		`-      summary: Vote for a video, once`, `+      summary: Vote as often as you like`,
	} {
		if !strings.Contains(diff, line) {
			t.Errorf("the diff does not show %q:\n%s", line, diff)
		}
	}
	if lines := strings.Count(diff, "\n"); lines > 40 {
		t.Errorf("the diff has %d lines:\n%s", lines, diff)
	}
	if diff := changes(t, string(before), string(before)); diff != "" {
		t.Errorf("no change is shown as\n%s", diff)
	}
}
