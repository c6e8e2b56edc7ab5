package config

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
)

// variables are all environment variables that the configuration reads, sorted. A mistyped tag fails the test below.
const variables = `
ACCESS_TOKEN_EXPIRE_MINUTES ACME_EMAIL ACME_URL ADMIN_REQUIRE_TOTP
AUTH_RATE_LIMIT AWS_CA_BUNDLE AWS_ENDPOINT_URL AWS_REGION AWS_S3_BUCKET BRANDING_DIR
CORS_ORIGINS DATABASE_APP_URL DATABASE_MAX_CONNS DATABASE_STATEMENT_TIMEOUT_SECONDS DATABASE_URL DATA_DIR
DISK_RESERVE_BYTES DOMAIN ECS_AGENT_URI FFMPEG_THREADS FILES_DIR HTTPS_ADDR HTTP_ADDR
LOAD_TEST_ENDPOINTS LOG_FORMAT LOG_LEVEL
MAIL_FROM MAX_UPLOAD_BYTES MEDIA_AUDIO MEDIA_KEEP_FAILED_DAYS MEDIA_MAX_CLIP_SECONDS MEDIA_MAX_SECONDS MEDIA_MIN_HEIGHT
MEDIA_MIN_SECONDS MEDIA_SMALL METRICS_ADDR OTEL_EXPORTER_OTLP_ENDPOINT OTEL_EXPORTER_OTLP_PROTOCOL
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT OTEL_SDK_DISABLED OTEL_TRACES_EXPORTER PUBLIC_URL QUEUE_BACKEND RATE_LIMITS REDIS_URL
S3_DELETE_ORIGINAL
S3_PROCESSED_PREFIX S3_PUBLIC_URL S3_UPLOAD_PREFIX S3_URL_EXPIRE_SECONDS SECRET_KEY SECRET_KEY_PREVIOUS
SESSION_DAYS
SHUTDOWN_DRAIN_SECONDS SHUTDOWN_GRACE_SECONDS
SITE_CONTACT SITE_REGION SITE_ZONE SMTP_URL SQS_DLQ_URL SQS_QUEUE_URL SQS_VISIBILITY_TIMEOUT
SQS_WAIT_TIME_SECONDS STORAGE_BACKEND TRUSTED_PROXIES UPLOADS_BYTES_PER_ACCOUNT UPLOADS_PER_DAY_PER_ACCOUNT
UPLOADS_UNPUBLISHED_PER_ACCOUNT
UPLOAD_REQUIRE_VERIFIED VOTING_REQUIRE_VERIFIED VOTING_SELF_VOTES WEBHOOKS_ALLOW_PRIVATE
WORKER_CONCURRENCY WORKER_HTTP_ADDR WORK_DIR
`

// clean empties every variable of ours, so that the result does not depend on the developer's own environment.
func clean(t *testing.T) {
	t.Helper()
	for _, v := range Variables() {
		t.Setenv(v.Name, "")
		_ = os.Unsetenv(v.Name) // the test's end restores it
	}
}

func TestVariablesAreThoseOfTheContract(t *testing.T) {
	var names []string
	for _, v := range Variables() {
		names = append(names, v.Name)
	}
	slices.Sort(names)
	if diff := cmp.Diff(strings.Fields(variables), names); diff != "" {
		t.Fatal(diff)
	}
}

func TestDefaultsAreTheEmbeddedStage(t *testing.T) {
	clean(t)
	c, _, err := Load(File{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !c.Embedded() || c.Drain() != 0 || c.Queue.Backend != "embedded" || c.Storage.Backend != "local" ||
		c.Upload.MaxBytes != 200<<20 || c.Media.MaxClipSeconds != 30 || !c.Voting.SelfVotes || c.HTTP.Addr != ":8080" {
		t.Fatalf("defaults are %+v", c)
	}
}

func TestFlagsBeatEnvironmentBeatsFile(t *testing.T) {
	clean(t)
	file := filepath.Join(t.TempDir(), ".env")
	text := "HTTP_ADDR=:1\nDATA_DIR=/file\nLOG_LEVEL=warn\nSOMEBODY_ELSES=yes\n" +
		"DATABASE_URL=postgresql+psycopg2://u:p@db:5432/app\nSECRET_KEY=4f1d0b8b6c5e49a7a3b2c1d0e9f8a7b6\n" +
		"TRUSTED_PROXIES=10.0.0.0/8, 127.0.0.1\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HTTP_ADDR", ":2")
	t.Setenv("DATA_DIR", "/env")
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	Flags(set)
	if err := set.Parse([]string{"--http-addr=:3"}); err != nil {
		t.Fatal(err)
	}
	c, _, err := Load(File{path: file}, set)
	if err != nil {
		t.Fatal(err)
	}
	got := []string{c.HTTP.Addr, c.Data.Dir, c.Log.Level, c.Data.DatabaseURL}
	if diff := cmp.Diff([]string{":3", "/env", "warn", "postgresql://u:p@db:5432/app"}, got); diff != "" {
		t.Fatal(diff)
	}
	if c.Drain() != 5*time.Second {
		t.Errorf("outside of the embedded stage, a stop drains for %s, want 5 s", c.Drain())
	}
	if len(c.HTTP.TrustedProxies) != 2 || c.HTTP.TrustedProxies[1].String() != "127.0.0.1/32" {
		t.Fatalf("proxies are %v", c.HTTP.TrustedProxies)
	}
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	clean(t)
	for name, value := range map[string]string{
		"DATABASE_URL": "mysql://u:hunter2@h/x", "SECRET_KEY": "short", "QUEUE_BACKEND": "embedded",
		"REDIS_URL": "redis://h:6379", "STORAGE_BACKEND": "s3", "S3_UPLOAD_PREFIX": "../up",
		"MAX_UPLOAD_BYTES": "many", "MEDIA_AUDIO": "loud", "WORKER_CONCURRENCY": "-1", "VOTING_SELF_VOTES": "perhaps",
		"TRUSTED_PROXIES": "10.0.0.0/99", "PUBLIC_URL": "ftp://x", "LOG_LEVEL": "chatty",
		"METRICS_ADDR": "9090", "DATABASE_APP_URL": "postgresql://u:hunter2@h/x",
	} {
		t.Setenv(name, value)
	}
	_, _, err := Load(File{}, nil)
	if _, ok := errors.AsType[Problems](err); !ok {
		t.Fatalf("Load returned %v", err)
	}
	for _, name := range []string{
		"DATABASE_URL", "SECRET_KEY", "REDIS_URL", "AWS_S3_BUCKET", "AWS_REGION", "S3_UPLOAD_PREFIX",
		"MAX_UPLOAD_BYTES", "MEDIA_AUDIO", "WORKER_CONCURRENCY", "VOTING_SELF_VOTES", "TRUSTED_PROXIES",
		"PUBLIC_URL", "LOG_LEVEL", "METRICS_ADDR", "DATABASE_APP_URL",
	} {
		if !strings.Contains(err.Error(), "- "+name+": ") {
			t.Errorf("%s is not named in:\n%v", name, err)
		}
	}
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the message shows a password:\n%v", err)
	}
}

// The app's user must be another one than the owner of the tables, and its password must fit into a URL.
func TestUserOfTheAppIsNotTheOwner(t *testing.T) {
	clean(t)
	t.Setenv("SECRET_KEY", "4f1d0b8b6c5e49a7a3b2c1d0e9f8a7b6")
	t.Setenv("DATABASE_URL", "postgresql://owner:x@db/showcase")
	for address, ok := range map[string]bool{
		"": true,
		"postgresql://app:0123456789abcdef@db/showcase":    true,
		"postgresql://owner:0123456789abcdef@db/showcase":  false,
		"postgresql://db/showcase":                         false,
		"postgresql://app@db/showcase":                     false,
		"postgresql://app:short@db/showcase":               false,
		"postgresql://app:0123456789%27abcdef@db/showcase": false,
		"redis://app:0123456789abcdef@db/0":                false,
	} {
		t.Setenv("DATABASE_APP_URL", address)
		if _, _, err := Load(File{}, nil); (err == nil) != ok {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestExampleSecretsAreRefused(t *testing.T) {
	clean(t)
	for _, key := range []string{
		"your-secret-key-change-in-production", "CHANGE_ME_CHANGE_ME_CHANGE_ME_CHANGE_ME", strings.Repeat("a", 40),
		"this-is-an-example-secret-of-40-characters",
	} {
		t.Setenv("SECRET_KEY", key)
		if _, _, err := Load(File{}, nil); err == nil || !strings.Contains(err.Error(), "SECRET_KEY") {
			t.Errorf("%q is accepted (%v)", key, err)
		}
	}
}
