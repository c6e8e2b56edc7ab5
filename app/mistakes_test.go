package app

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"risingstars/config"
)

var update = flag.Bool("update", false, "write the golden file anew")

// mistake is what an operator may get wrong: settings, what .env holds, or arguments.
type mistake struct {
	env  string // NAME=value, separated by spaces
	file string // of .env; \n separates lines
	args string // "" means config
}

const validSecret = "SECRET_KEY=4f1d0b8b6c5e49a7a3b2c1d0e9f8a7b6"

func mistakes() []mistake {
	return []mistake{
		{env: "HTTP_ADDR=8080"},
		{env: "HTTP_ADDR=localhost"},
		{env: "HTTP_ADDR=:http"},
		{env: "HTTP_ADDR=:99999"},
		{env: "METRICS_ADDR=9090"},
		{env: "WORKER_HTTP_ADDR=9090"},
		{env: "PUBLIC_URL=contest.example"},
		{env: "CORS_ORIGINS=contest.example"},
		{env: "CORS_ORIGINS=https://contest.example/"},
		{env: "CORS_ORIGINS=https://contest.example/app"},
		{env: "TRUSTED_PROXIES=10.0.0.0/99"},
		{env: "TRUSTED_PROXIES=proxy"},
		{env: "TRUSTED_PROXIES=0.0.0.0/0"},
		{env: "DATA_DIR=~/data"},
		{env: "DATA_DIR=$HOME/data"},
		{env: `DATA_DIR="/data"`},
		{env: "DATA_DIR=/data\r"},
		{file: "FILES_DIR=~/files"},
		{env: "BRANDING_DIR=~/brand"},
		{env: "BRANDING_DIR=brand", args: "branding"},
		{env: "BRANDING_DIR=.env", file: "X=1", args: "branding preview out.mp4"},
		{env: "DATABASE_URL=mysql://u:hunter2@db/x " + validSecret},
		{env: "DATABASE_URL=postgresql://u:hun@ter2@db/x " + validSecret},
		{env: "DATABASE_URL=postgresql://u:hun#ter2@db/x " + validSecret},
		{env: "DATABASE_URL=postgresql://u:hun/ter2@db/x " + validSecret},
		{env: "DATABASE_URL=postgresql://u:hunter2@db/x"},
		{env: "DATABASE_URL=postgresql://u:hunter2@db/x SECRET_KEY=short"},
		{env: "SECRET_KEY=your-secret-key-change-in-production"},
		{env: "DATABASE_URL=postgresql://u:hunter2@db/x DATABASE_APP_URL=postgresql://u:hunter2hunter2hunter2@db/x " +
			validSecret},
		{env: "REDIS_URL=localhost:6379"},
		{env: "REDIS_URL=redis://:hun@ter2@r:6379"},
		{env: "REDIS_URL=redis://r:6379 QUEUE_BACKEND=embedded"},
		{env: "QUEUE_BACKEND=rabbit"},
		{env: "QUEUE_BACKEND=redis"},
		{env: "QUEUE_BACKEND=sqs"},
		{env: "REDIS_URL=redis://r:6379 SQS_QUEUE_URL=https://sqs.example/1/q"},
		{env: "STORAGE_BACKEND=s3"},
		{env: "STORAGE_BACKEND=disk"},
		{env: "S3_UPLOAD_PREFIX=Uploads"},
		{env: "S3_UPLOAD_PREFIX=processed/originals"},
		{env: "MAX_UPLOAD_BYTES=200MB"},
		{env: "MAX_UPLOAD_BYTES=0"},
		{env: "MEDIA_AUDIO=off"},
		{env: "MEDIA_MIN_SECONDS=60 MEDIA_MAX_SECONDS=20"},
		{env: "VOTING_SELF_VOTES=maybe"},
		{env: "WORKER_CONCURRENCY=-1"},
		{env: "LOG_LEVEL=verbose LOG_FORMAT=xml"},
		{env: "MAX_UPLOAD_BYTE=1"},
		{file: "HTTP_ADR=:1"},
		{file: "SECRET_KEY hunter2"},
		{env: "ENV_FILE=.env.production"},
		{args: "serv"},
		{args: "serve now"},
		{args: "serve --port 80"},
		{args: "process clip.mp4"},
		{args: "process clip.mp4 out.mp4 --start never"},
		{args: "migrate sideways"},
		{args: "rebrand everything"},
		{args: "rebrand --stop --dry-run"},
		{args: "queue redrive", env: "DATA_DIR=~"},
	}
}

// run makes a mistake in an empty folder and returns what the operator reads, and the exit code.
func (m mistake) run(t *testing.T) (said string, code int) {
	t.Helper()
	for _, v := range config.Variables() {
		t.Setenv(v.Name, "")
		_ = os.Unsetenv(v.Name) // the test's end restores it
	}
	t.Chdir(t.TempDir())
	for pair := range strings.SplitSeq(m.env, " ") {
		if name, value, ok := strings.Cut(pair, "="); ok {
			t.Setenv(name, value)
		}
	}
	if m.file != "" {
		if err := os.WriteFile(".env", []byte(m.file+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	args := strings.Fields(m.args)
	if m.args == "" {
		args = []string{"config"}
	}
	var out, errs bytes.Buffer
	code = execute(t.Context(), args, &out, &errs)
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(line, "warning: ") {
			errs.WriteString(line)
		}
	}
	if left, err := os.ReadDir("."); err != nil || len(left) > 1 || len(left) == 1 && left[0].Name() != ".env" {
		t.Errorf("%+v leaves %v behind (%v)", m, left, err)
	}
	return errs.String(), code
}

// The golden file is what an operator reads after each mistake: it says what to change and gives no secret away.
func TestEveryMistakeIsExplained(t *testing.T) {
	var all strings.Builder
	for _, m := range mistakes() {
		t.Run(m.env+m.file+m.args, func(t *testing.T) {
			said, code := m.run(t)
			if strings.Contains(said, "ter2") {
				t.Errorf("a secret is shown: %s", said)
			}
			what := strings.TrimSpace(m.env + " " + m.file + " " + m.args)
			fmt.Fprintf(&all, "%s\n  exit %d\n", strings.ReplaceAll(what, "\r", `\r`), code)
			for line := range strings.Lines(said) {
				fmt.Fprintf(&all, "  %s", line)
			}
			all.WriteString("\n")
		})
	}
	golden := filepath.Join("testdata", "mistakes.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(all.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), all.String()); diff != "" {
		t.Errorf("(- golden, + now; write it anew with: go test ./app -run Mistake -update)\n%s", diff)
	}
}
