package racetest_test

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"risingstars/infra/racetest"
)

func TestMain(m *testing.M) {
	if os.Getenv("TEST_RACED") != "" { // of a child of the test below, or of the suite
		racetest.Watch(TestOne, TestEachTestRunsOnce)
	}
	os.Exit(m.Run())
}

func TestOne(*testing.T) {}

func TestOther(*testing.T) {}

func TestEachTestRunsOnce(t *testing.T) {
	list := func(raced string, args ...string) []string {
		cmd := exec.Command(os.Args[0], append([]string{"-test.v", "-test.skip=TestEachTestRunsOnce"}, args...)...)
		if raced == "others" {
			cmd.Args = append(cmd.Args[:1:1], append([]string{"-test.v"}, args...)...)
		}
		cmd.Env = append(os.Environ(), "TEST_RACED="+raced)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		var ran []string
		for line := range strings.Lines(string(out)) {
			if name, ok := strings.CutPrefix(line, "=== RUN   "); ok {
				ran = append(ran, strings.TrimSpace(name))
			}
		}
		return ran
	}
	for _, c := range []struct {
		raced string
		args  []string
		want  []string
	}{
		{"watched", nil, []string{"TestOne"}},
		{"others", nil, []string{"TestOther"}},
		{"watched", []string{"-test.run=^TestOther$"}, []string{"TestOther"}},
	} {
		if got := list(c.raced, c.args...); !slices.Equal(got, c.want) {
			t.Errorf("with %s and %v run %v, want %v", c.raced, c.args, got, c.want)
		}
	}
}
