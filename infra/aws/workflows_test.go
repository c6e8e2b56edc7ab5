package aws_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
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
