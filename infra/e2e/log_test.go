package e2e

import (
	"regexp"
	"strings"
	"testing"
)

// secretsInLogs are what no process of any test may log. Together with the addresses and passwords of all tests' people
// they make the whole run a test of the log.
var secretsInLogs = map[string]*regexp.Regexp{
	"a token":       regexp.MustCompile(`eyJ[\w-]{8,}\.[\w-]{8,}`),
	"a signed link": regexp.MustCompile(`(?i)signature=[\w%-]{8,}`),
	"a hash":        regexp.MustCompile(`\$argon2`),
	"an e-mail":     regexp.MustCompile(`person\d+@example\.com`),
	"a password":    regexp.MustCompile(regexp.QuoteMeta(password)),
}

// checkLog fails the test if a log has a secret.
func checkLog(t *testing.T, log *logBuffer) {
	t.Helper()
	content := log.String()
	for what, pattern := range secretsInLogs {
		if at := pattern.FindStringIndex(content); at != nil {
			from := strings.LastIndex(content[:at[0]], "\n") + 1
			line, _, _ := strings.Cut(content[from:], "\n")
			t.Errorf("the log has %s: %s", what, line)
		}
	}
}

// What the checks look for is found in lines that have it.
func TestSecretsInALogWouldBeFound(t *testing.T) {
	t.Parallel()
	for what, text := range map[string]string{
		"a token":       "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.c2lnbmF0dXJl",
		"a signed link": "/media/x.mp4?expires=1&signature=AbCdEfGhIjKl",
		"a hash":        "$argon2id$v=19$m=19456",
		"an e-mail":     "person12@example.com",
		"a password":    password,
	} {
		if !secretsInLogs[what].MatchString("before " + text + " after") {
			t.Errorf("%s is not found in %s", what, text)
		}
	}
}
