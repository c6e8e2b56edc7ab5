package site_test

import (
	"os/exec"
	"path/filepath"
	"testing"
)

// Scripts are served as written, so their types are checked as they stand.
func TestScriptsHaveTypes(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("needs node")
	}
	scripts, err := filepath.Glob("../../assets/site/static/*.js")
	if err != nil || len(scripts) < 5 {
		t.Fatalf("found %q, %v", scripts, err)
	}
	arguments := append([]string{
		"--allowJs", "--checkJs", "--strict", "--noEmit", "--target", "es2022", "--module", "es2022", "--lib",
		"dom,dom.iterable,es2022", "--typeRoots", t.TempDir(),
	}, scripts...)
	out, err := exec.CommandContext(t.Context(), filepath.Join(tools, ".bin/tsc"), arguments...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
