package aws_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// The owner of another repository can move a tag to different code, which would then run with our account's roles.
func TestActionsArePinnedByCommit(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../.github/workflows/*.yml")
	if err != nil {
		t.Fatal(err)
	}
	uses := regexp.MustCompile(`(?m)^\s*-? *uses: *(.*)$`)
	pinned := regexp.MustCompile(`^[a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	count := 0
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if secret := regexp.MustCompile(`secrets\.|AWS_(ACCESS_KEY_ID|SECRET)`).Find(text); secret != nil {
			t.Errorf("%s uses a stored key: %s", path, secret)
		}
		for _, match := range uses.FindAllSubmatch(text, -1) {
			count++
			if action := string(match[1]); !strings.HasPrefix(action, "./") && !pinned.MatchString(action) {
				t.Errorf("%s: %s is not pinned by its commit, with the version", path, action)
			}
		}
	}
	if count < 8 {
		t.Errorf("only %d actions were checked in %v", count, paths)
	}
}

// A change passes every check before it is merged, and once a week all of them run again.
func TestWorkflowsRunEveryCheck(t *testing.T) {
	t.Parallel()
	type job struct {
		Uses     string
		With     map[string]any
		Strategy struct{ Matrix map[string][]string }
		Steps    []struct{ Run string }
	}
	var ci, weekly struct {
		On   map[string]any
		Jobs map[string]job
	}
	for file, v := range map[string]any{"ci.yml": &ci, "weekly.yml": &weekly} {
		text, err := os.ReadFile(filepath.Join("../../.github/workflows", file))
		if err == nil {
			err = yaml.Unmarshal(text, v)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, command := range map[string]string{
		"lint": "make lint", "unit": "make test STAGE=unit", "stages": "make test STAGE=${{ matrix.stage }}",
		"coverage": "make coverage", "image": "docker build ", "advisories": "make advisories",
	} {
		var run []string
		for _, step := range ci.Jobs[name].Steps {
			run = append(run, step.Run)
		}
		if !strings.Contains(strings.Join(run, "\n"), command) {
			t.Errorf("the job %s does not run %s, but %q", name, command, run)
		}
	}
	if got := ci.Jobs["stages"].Strategy.Matrix["stage"]; !slices.Equal(got, []string{"embedded", "onehost", "aws"}) {
		t.Errorf("the stages are %q", got)
	}
	if _, found := ci.On["pull_request"]; !found {
		t.Errorf("the checks run on %v", ci.On)
	}
	schedule, again := fmt.Sprint(weekly.On["schedule"]), weekly.Jobs["checks"]
	if !regexp.MustCompile(`^\[map\[cron:\d+ \d+ \* \* [0-6]\]\]$`).MatchString(schedule) {
		t.Errorf("the weekly run is scheduled by %s", schedule)
	}
	if again.Uses != "./.github/workflows/ci.yml" || fmt.Sprint(again.With["whole"]) != "true" {
		t.Errorf("once a week runs %+v", again)
	}
}

// If the credentials expired before the job's end, a release would stop halfway.
func TestCredentialsLastAsLongAsTheDeployingJob(t *testing.T) {
	t.Parallel()
	number := func(file, pattern string) int {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		match := regexp.MustCompile(pattern).FindSubmatch(text)
		if match == nil {
			t.Fatalf("%s does not match %s", file, pattern)
		}
		n, err := strconv.Atoi(string(match[1]))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	const workflow = "../../.github/workflows/deploy.yml"
	job, asked := number(workflow, `timeout-minutes: (\d+)`)*60, number(workflow, `role-duration-seconds: (\d+)`)
	if allowed := number("base.yaml", `MaxSessionDuration: (\d+)`); asked < job || asked > allowed {
		t.Errorf("the job may take %d s, requests %d s, and may request %d s", job, asked, allowed)
	}
}
