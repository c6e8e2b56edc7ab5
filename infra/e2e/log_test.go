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
	"an e-mail":     regexp.MustCompile(`@example\.(com|org)\b`),
	"a password":    regexp.MustCompile(regexp.QuoteMeta(password)),
	// Of a network only the length follows, as in 203.0.113.0/24. In errors about connections, what is of this machine
	// may be a server, but the addresses of the documentation (RFC 5737, RFC 3849) are visitors of tests.
	"a visitor's address": regexp.MustCompile(`"client":"[\da-fA-F.:]+"` +
		`|\b(192\.0\.2|198\.51\.100|203\.0\.113)\.\d+([^\d/]|$)|\b2001:db8:[\da-f:]*[^\da-f:/]`),
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
	for what, texts := range map[string][]string{
		"a token":       {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.c2lnbmF0dXJl"},
		"a signed link": {"/media/x.mp4?expires=1&signature=AbCdEfGhIjKl"},
		"a hash":        {"$argon2id$v=19$m=19456"},
		"an e-mail":     {"person12@example.com", "ana@example.org"},
		"a password":    {password},
		"a visitor's address": {
			`{"client":"127.0.0.1"}`, `{"client":"2001:db8::9"}`, "198.51.100.2", "[2001:db8:1::9]:5555",
			"read tcp 10.0.0.1:8000->203.0.113.77:5555: i/o timeout",
		},
	} {
		for _, text := range texts {
			if !secretsInLogs[what].MatchString("before " + text + " after") {
				t.Errorf("%s is not found in %s", what, text)
			}
		}
	}
	const fine = `{"client":"203.0.113.0/24"} {"client":"2001:db8::/48"} {"client":""} contest.example.org`
	for what, pattern := range secretsInLogs {
		if found := pattern.FindString(fine); found != "" {
			t.Errorf("%s is found in %s: %s", what, fine, found)
		}
	}
}
