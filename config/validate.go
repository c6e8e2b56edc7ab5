package config

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// minSecretBytes is the shortest key that HS256 should be used with: the hash's own size (RFC 7518 §3.2).
const minSecretBytes = 32

// exampleSecret recognises keys that were copied from a README or an example file.
var exampleSecret = regexp.MustCompile(`(?i)(change.?(me|this|in)|your.?(super.?)?secret|example|secret.?key.?here|insecure|default.?secret)`)

// normalize fills what is derived from other variables and returns the rules that are broken.
func (c *Config) normalize() Problems {
	var problems Problems
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }

	c.Data.DatabaseURL = strings.Replace(c.Data.DatabaseURL, "postgresql+psycopg2://", "postgresql://", 1)
	if u := c.Data.DatabaseURL; u != "" {
		// The URL holds a password, so it is never repeated in a message.
		if parsed, err := url.Parse(u); err != nil || parsed.Host == "" || (parsed.Scheme != "postgresql" && parsed.Scheme != "postgres") {
			say("DATABASE_URL: is not a postgresql://user:password@host:port/name address; leave it empty for SQLite")
		}
	}
	c.checkQueue(say)
	c.checkStorage(say)

	if key := c.Auth.SecretKey; key != "" || !c.Embedded() {
		switch {
		case key == "":
			say("SECRET_KEY: is required with DATABASE_URL; make one with: openssl rand -hex 32")
		case len(key) < minSecretBytes:
			say("SECRET_KEY: has %d bytes, needs at least %d; make one with: openssl rand -hex 32", len(key), minSecretBytes)
		case isExampleSecret(key):
			say("SECRET_KEY: is a known example; make one with: openssl rand -hex 32")
		}
	}
	for name, address := range map[string]*string{"PUBLIC_URL": &c.HTTP.PublicURL, "S3_PUBLIC_URL": &c.Storage.PublicURL} {
		*address = strings.TrimSuffix(*address, "/")
		if !isWebAddress(*address) {
			say("%s: %q is not an http:// or https:// address", name, *address)
		}
	}
	if !isWebAddress(c.AWS.EndpointURL) {
		say("AWS_ENDPOINT_URL: is not an http:// or https:// address")
	}
	oneOf := func(name, value string, allowed ...string) {
		if !slices.Contains(allowed, value) {
			say("%s: %q is not one of %s", name, value, strings.Join(allowed, ", "))
		}
	}
	oneOf("MEDIA_AUDIO", c.Media.Audio, "keep", "remove")
	oneOf("LOG_LEVEL", c.Log.Level, "debug", "info", "warn", "error")
	oneOf("LOG_FORMAT", c.Log.Format, "auto", "json", "text")

	between := func(name string, value, low, high int64) {
		if value < low || value > high {
			say("%s: %d is not between %d and %d", name, value, low, high)
		}
	}
	between("ACCESS_TOKEN_EXPIRE_MINUTES", int64(c.Auth.TokenMinutes), 1, 60*24*30)
	between("SHUTDOWN_GRACE_SECONDS", int64(c.HTTP.GraceSeconds), 0, 3600)
	between("SHUTDOWN_DRAIN_SECONDS", int64(c.HTTP.DrainSeconds), -1, 3600)
	between("DATABASE_MAX_CONNS", int64(c.Data.MaxConns), 0, 1000)
	between("DATABASE_STATEMENT_TIMEOUT_SECONDS", int64(c.Data.StatementSeconds), 1, 3600)
	between("MAX_UPLOAD_BYTES", c.Upload.MaxBytes, 1<<20, 50<<30)
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
		say("MEDIA_MIN_SECONDS: %d is above MEDIA_MAX_SECONDS, %d", c.Media.MinSeconds, high)
	}
	return problems
}

// isWebAddress is also true of nothing.
func isWebAddress(address string) bool {
	parsed, err := url.Parse(address)
	return address == "" || err == nil && parsed.Host != "" && (parsed.Scheme == "http" || parsed.Scheme == "https")
}

func isExampleSecret(key string) bool {
	return exampleSecret.MatchString(key) || strings.Count(key, key[:1]) == len(key)
}

func (c *Config) checkQueue(say func(string, ...any)) {
	q := &c.Queue
	if q.Backend == "" {
		switch {
		case q.RedisURL != "" && q.SQSQueueURL != "":
			say("QUEUE_BACKEND: REDIS_URL and SQS_QUEUE_URL are both set; say redis or sqs")
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
			say("REDIS_URL: is set although QUEUE_BACKEND=embedded; remove one of the two")
		}
		if q.SQSQueueURL != "" {
			say("SQS_QUEUE_URL: is set although QUEUE_BACKEND=embedded; remove one of the two")
		}
	case "redis":
		if parsed, err := url.Parse(q.RedisURL); err != nil || (parsed.Scheme != "redis" && parsed.Scheme != "rediss") {
			say("REDIS_URL: QUEUE_BACKEND=redis needs an address such as redis://host:6379/0")
		}
	case "sqs":
		if q.SQSQueueURL == "" {
			say("SQS_QUEUE_URL: is required with QUEUE_BACKEND=sqs")
		}
		if c.AWS.Region == "" {
			say("AWS_REGION: is required with QUEUE_BACKEND=sqs")
		}
	default:
		say("QUEUE_BACKEND: %q is not one of embedded, redis, sqs", q.Backend)
	}
}

func (c *Config) checkStorage(say func(string, ...any)) {
	switch c.Storage.Backend {
	case "local":
	case "s3":
		if c.AWS.Bucket == "" {
			say("AWS_S3_BUCKET: is required with STORAGE_BACKEND=s3")
		}
		if c.AWS.Region == "" {
			say("AWS_REGION: is required with STORAGE_BACKEND=s3")
		}
	default:
		say("STORAGE_BACKEND: %q is not one of local, s3", c.Storage.Backend)
	}
	for name, prefix := range map[string]*string{
		"S3_UPLOAD_PREFIX": &c.Storage.UploadPrefix, "S3_PROCESSED_PREFIX": &c.Storage.ProcessedPrefix,
	} {
		*prefix = strings.Trim(*prefix, "/")
		if !prefixPattern.MatchString(*prefix) {
			say("%s: %q is not a folder name of a-z, 0-9, - and _", name, *prefix)
		}
	}
	if up, processed := c.Storage.UploadPrefix+"/", c.Storage.ProcessedPrefix+"/"; strings.HasPrefix(up, processed) || strings.HasPrefix(processed, up) {
		say("S3_UPLOAD_PREFIX: one of it and S3_PROCESSED_PREFIX is within the other, which would make originals public")
	}
}

var prefixPattern = regexp.MustCompile(`^[a-z0-9_-]+(/[a-z0-9_-]+)*$`)
