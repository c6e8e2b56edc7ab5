package config

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// minSecretBytes is the shortest key that HS256 allows: the size of its hash (RFC 7518 §3.2).
const minSecretBytes = 32

// createSecret tells the operator how to get a good key.
const createSecret = "create one with: openssl rand -hex 32"

// exampleSecret matches keys that were copied from a README or an example file.
var exampleSecret = regexp.MustCompile(
	`(?i)(change.?(me|this|in)|your.?(super.?)?secret|example|secret.?key.?here|insecure|default.?secret)`)

// report adds a problem of a variable.
type report func(name, format string, args ...any)

// normalize fills in what is derived from other variables and adds the rules that are broken.
func (c *Config) normalize(problems *Problems) {
	report := report(problems.add)
	c.checkDomains(report)
	c.checkAddresses(report)
	c.checkFolders(report)
	c.checkDatabase(report)
	c.checkQueue(report)
	c.checkStorage(report)
	c.checkSecrets(report)
	c.checkMail(report)
	c.checkSite(report)
	oneOf := func(name, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			report(name, "%q must be one of %s", value, strings.Join(allowed, ", "))
		}
	}
	oneOf("MEDIA_AUDIO", c.Media.Audio, "keep", "remove")
	oneOf("LOG_LEVEL", c.Log.Level, "debug", "info", "warn", "error")
	oneOf("LOG_FORMAT", c.Log.Format, "auto", "json", "text")
	oneOf("OTEL_EXPORTER_OTLP_PROTOCOL", c.Traces.Protocol, "http/protobuf")
	oneOf("OTEL_TRACES_EXPORTER", c.Traces.Exporter, "otlp", "none")

	between := func(name string, value, low, high int64) {
		if value < low || value > high {
			report(name, "%d must be between %d and %d", value, low, high)
		}
	}
	between("ACCESS_TOKEN_EXPIRE_MINUTES", int64(c.Auth.TokenMinutes), 1, 60*24*30)
	between("SESSION_DAYS", int64(c.Auth.SessionDays), 1, 3650)
	if days := c.Auth.SessionDays; c.Auth.TokenMinutes > 60*24*days {
		report("ACCESS_TOKEN_EXPIRE_MINUTES", "%d must not be above SESSION_DAYS, which is %d minutes",
			c.Auth.TokenMinutes, 60*24*days)
	}
	between("SHUTDOWN_GRACE_SECONDS", int64(c.HTTP.GraceSeconds), 0, 3600)
	between("SHUTDOWN_DRAIN_SECONDS", int64(c.HTTP.DrainSeconds), -1, 3600)
	between("DATABASE_MAX_CONNS", int64(c.Data.MaxConns), 0, 1000)
	between("DATABASE_STATEMENT_TIMEOUT_SECONDS", int64(c.Data.StatementSeconds), 1, 3600)
	between("MAX_UPLOAD_BYTES", c.Upload.MaxBytes, 1<<20, 50<<30)
	between("UPLOADS_UNPUBLISHED_PER_ACCOUNT", int64(c.Upload.Unpublished), 0, 1_000_000)
	between("UPLOADS_PER_DAY_PER_ACCOUNT", int64(c.Upload.PerDay), 0, 1_000_000)
	between("UPLOADS_BYTES_PER_ACCOUNT", c.Upload.Bytes, 0, 1<<50)
	between("DISK_RESERVE_BYTES", c.Data.DiskReserve, 0, 1<<50)
	between("MEDIA_KEEP_FAILED_DAYS", int64(c.Media.KeepFailedDays), 0, 3650)
	between("MEDIA_MAX_CLIP_SECONDS", int64(c.Media.MaxClipSeconds), 1, 600)
	between("MEDIA_MIN_SECONDS", int64(c.Media.MinSeconds), 0, 86400)
	between("MEDIA_MAX_SECONDS", int64(c.Media.MaxSeconds), 0, 86400)
	between("MEDIA_MIN_HEIGHT", int64(c.Media.MinHeight), 0, 8640)
	between("WORKER_CONCURRENCY", int64(c.Worker.Concurrency), 0, 256)
	between("FFMPEG_THREADS", int64(c.Worker.FFmpegThreads), 0, 256)
	between("S3_URL_EXPIRE_SECONDS", int64(c.Storage.URLExpireSeconds), 1, 7*24*3600)
	between("SQS_WAIT_TIME_SECONDS", int64(c.Queue.SQSWaitSeconds), 1, 20)
	between("SQS_VISIBILITY_TIMEOUT", int64(c.Queue.SQSVisibilitySeconds), 10, 3600)
	if high := c.Media.MaxSeconds; high > 0 && c.Media.MinSeconds > high {
		report("MEDIA_MIN_SECONDS", "%d must not be above MEDIA_MAX_SECONDS, which is %d", c.Media.MinSeconds, high)
	}
}

// appPassword matches the passwords that need no encoding in a URL and no preparation for SCRAM (RFC 4013).
var appPassword = regexp.MustCompile(`^[A-Za-z0-9]{16,}$`)

func (c *Config) checkAppURL(report report) {
	if c.Data.AppURL == "" {
		return
	}
	if needsEncoding(c.Data.AppURL) {
		report("DATABASE_APP_URL", "%s", encodePassword)
		return
	}
	owner, err1 := url.Parse(c.Data.DatabaseURL)
	app, err2 := url.Parse(c.Data.AppURL)
	switch {
	case err1 != nil || err2 != nil || c.Embedded() || (app.Scheme != "postgresql" && app.Scheme != "postgres"):
		report("DATABASE_APP_URL", "must look like DATABASE_URL, with another user, or be empty")
	case app.User.Username() == "" || app.User.Username() == owner.User.Username():
		report("DATABASE_APP_URL", "its user must not be the one of DATABASE_URL, who owns the tables")
	default:
		if password, _ := app.User.Password(); !appPassword.MatchString(password) {
			report("DATABASE_APP_URL", "its password must be 16 or more letters and digits; create one with: "+
				"openssl rand -hex 16")
		}
	}
}

func (c *Config) checkSecrets(report report) {
	if key := c.Auth.SecretKey; key != "" || !c.Embedded() {
		switch {
		case key == "":
			report("SECRET_KEY", "must be set when DATABASE_URL is; %s", createSecret)
		case len(key) < minSecretBytes:
			report("SECRET_KEY", "must have at least %d bytes and has %d; %s", minSecretBytes, len(key), createSecret)
		case isExampleSecret(key):
			report("SECRET_KEY", "must not be a published example; %s", createSecret)
		}
	}
	switch key := c.Auth.PreviousKey; {
	case key == "":
	case len(key) < minSecretBytes:
		report("SECRET_KEY_PREVIOUS", "must have at least %d bytes and has %d: it is the SECRET_KEY of before",
			minSecretBytes, len(key))
	case isExampleSecret(key):
		report("SECRET_KEY_PREVIOUS", "must not be a published example: anyone could sign with it; remove it")
	}
}

func isExampleSecret(key string) bool {
	return exampleSecret.MatchString(key) || strings.Count(key, key[:1]) == len(key)
}

func (c *Config) checkQueue(report report) {
	q := &c.Queue
	if q.Backend == "" {
		switch {
		case q.RedisURL != "" && q.SQSQueueURL != "":
			report("QUEUE_BACKEND", "must be redis or sqs when REDIS_URL and SQS_QUEUE_URL are both set")
			return
		case q.RedisURL != "":
			q.Backend = "redis"
		case q.SQSQueueURL != "":
			q.Backend = "sqs"
		default:
			q.Backend = "embedded"
		}
	}
	switch q.Backend {
	case "embedded":
		if q.RedisURL != "" {
			report("REDIS_URL", "must be empty when QUEUE_BACKEND is embedded; remove one of the two")
		}
		if q.SQSQueueURL != "" {
			report("SQS_QUEUE_URL", "must be empty when QUEUE_BACKEND is embedded; remove one of the two")
		}
	case "redis":
		parsed, err := url.Parse(q.RedisURL)
		switch {
		case needsEncoding(q.RedisURL):
			report("REDIS_URL", "%s", encodePassword)
		case err != nil || (parsed.Scheme != "redis" && parsed.Scheme != "rediss"):
			report("REDIS_URL", "must be an address such as redis://host:6379/0 when QUEUE_BACKEND is redis")
		}
	case "sqs":
		if q.SQSQueueURL == "" {
			report("SQS_QUEUE_URL", "must be set when the queue is sqs")
		}
		if c.AWS.Region == "" {
			report("AWS_REGION", "must be set when the queue is sqs")
		}
	default:
		report("QUEUE_BACKEND", "%q must be one of embedded, redis, sqs", q.Backend)
	}
}

func (c *Config) checkStorage(report report) {
	switch c.Storage.Backend {
	case "local":
	case "s3":
		if c.AWS.Bucket == "" {
			report("AWS_S3_BUCKET", "must be set when STORAGE_BACKEND is s3")
		}
		if c.AWS.Region == "" {
			report("AWS_REGION", "must be set when STORAGE_BACKEND is s3")
		}
	default:
		report("STORAGE_BACKEND", "%q must be one of local, s3", c.Storage.Backend)
	}
	for _, item := range []struct {
		name   string
		prefix *string
	}{{"S3_UPLOAD_PREFIX", &c.Storage.UploadPrefix}, {"S3_PROCESSED_PREFIX", &c.Storage.ProcessedPrefix}} {
		*item.prefix = strings.Trim(*item.prefix, "/")
		if !prefixPattern.MatchString(*item.prefix) {
			report(item.name, "%q must be folder names of a-z, 0-9, - and _, separated by slashes", *item.prefix)
		}
	}
	uploads, processed := c.Storage.UploadPrefix+"/", c.Storage.ProcessedPrefix+"/"
	if strings.HasPrefix(uploads, processed) || strings.HasPrefix(processed, uploads) {
		report("S3_UPLOAD_PREFIX",
			"must neither contain S3_PROCESSED_PREFIX nor lie in it, or originals would be public")
	}
}

var prefixPattern = regexp.MustCompile(`^[a-z0-9_-]+(/[a-z0-9_-]+)*$`)
