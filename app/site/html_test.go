package site_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// validate checks documents with html-validate, all at once because its start takes a second.
func validate(t *testing.T, documents map[string]document) {
	t.Helper()
	folder := t.TempDir()
	for name, d := range documents {
		if err := os.WriteFile(filepath.Join(folder, name+".html"), []byte(d.body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rules, err := filepath.Abs("testdata/htmlvalidate.json")
	if err != nil {
		t.Fatal(err)
	}
	command, err := filepath.Abs(filepath.Join(tools, ".bin/html-validate"))
	if err != nil {
		t.Fatal(err)
	}
	// What it prints is cut off at 64 KB.
	results := filepath.Join(t.TempDir(), "results.json")
	arguments := []string{"--config", rules, "--formatter", "json=" + results, folder}
	cmd := exec.CommandContext(t.Context(), command, arguments...)
	printed, err := cmd.CombinedOutput()
	var report []struct {
		FilePath string
		Messages []struct {
			RuleID, Message string
			Line, Column    int
		}
	}
	out, readErr := os.ReadFile(results)
	if readErr == nil {
		readErr = json.Unmarshal(out, &report)
	}
	if readErr != nil {
		t.Fatalf("html-validate: %v, %v\n%s", err, readErr, printed)
	}
	seen := map[string]bool{}
	for _, file := range report {
		for _, m := range file.Messages {
			line := ""
			if content, err := os.ReadFile(file.FilePath); err == nil {
				line = strings.Split(string(content), "\n")[m.Line-1]
			}
			if finding := m.RuleID + ": " + m.Message + ": " + line; !seen[finding] {
				seen[finding] = true
				t.Errorf("%s:%d: %s", filepath.Base(file.FilePath), m.Line, finding)
			}
		}
	}
}
