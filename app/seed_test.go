package app

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// A transaction of many votes would keep everyone else from writing.
func TestASeedingTransactionIsBoundByPeopleAndVotes(t *testing.T) {
	t.Parallel()
	o := crowd{contestants: 5, voters: 2500}
	votes := []int{15_000, 5000, 1, 90_000, 7}
	var ends []int
	for to := 0; to < o.people(); ends = append(ends, to) {
		to = o.batch(to, votes)
	}
	if want := []int{2, 3, 4, 1004, 2004, 2505}; !slices.Equal(ends, want) {
		t.Errorf("transactions end at %v, want %v", ends, want)
	}
}

// Whoever interrupts the command can sign in as those whom it has added.
func TestSeedTellsThePasswordFirst(t *testing.T) {
	t.Setenv("DATA_DIR", "data")
	t.Setenv("ENV_FILE", "")
	t.Chdir(t.TempDir())
	prepare(t, false)
	var out, errs bytes.Buffer
	code := execute(t.Context(), []string{"seed", "100000"}, &out, &errs)
	if code != exitUsage || out.Len() > 0 {
		t.Errorf("with an argument: exit code %d, %s%s", code, &out, &errs)
	}
	args := []string{"seed", "--contestants=1", "--voters=1", "--votes=1"}
	if code := execute(t.Context(), args, &out, &errs); code != 0 {
		t.Fatalf("exit code %d, %s", code, &errs)
	}
	first, last, _ := strings.Cut(strings.TrimSpace(out.String()), "\n")
	password, told := strings.CutPrefix(first, "the password of all accounts: ")
	if !told || !strings.HasSuffix(last, " with "+password) {
		t.Errorf("it prints\n%s", &out)
	}
}
