// Package config reads the configuration of a process: defaults, then a .env file, then the environment, then flags. It
// finds all problems in one pass and names each by its variable. It knows the variables and their rules; it opens
// nothing and does not check that an address answers.
package config

import (
	"cmp"
	"net/netip"
	"path/filepath"
	"time"
)

// Config is the whole configuration. The tags of each leaf field name its environment variable (env), its default, the
// flag that overrides it, if any, and what of it nobody may see (mask: all of it, or the password in a URL). meaning.go
// says what the variables mean.
type Config struct {
	HTTP    HTTP
	Site    Site
	Data    Data
	Queue   Queue
	Storage Storage
	AWS     AWS
	Auth    Auth
	Limits  Limits
	Upload  Upload
	Media   Media
	Worker  Worker
	Voting  Voting
	Mail    Mail
	Log     Log
	Traces  Traces

	Webhooks Webhooks

	LoadTestEndpoints bool `env:"LOAD_TEST_ENDPOINTS" default:"false"`
}

// HTTP says where and how requests are served.
type HTTP struct {
	// Addr is :8080 unless it is set, and :80 with Domains.
	Addr string `env:"HTTP_ADDR" flag:"http-addr"`
	// Domains are the names of the site, which gets its own certificates for them and serves https at SecureAddr; the
	// first is its address. Empty: it serves plain HTTP at Addr.
	Domains    []string `env:"DOMAIN"`
	SecureAddr string   `env:"HTTPS_ADDR" default:":443"`
	// ACMEURL is the directory of the authority, ACMEEmail the address to which it may write.
	ACMEURL   string `env:"ACME_URL" default:"https://acme-v02.api.letsencrypt.org/directory"`
	ACMEEmail string `env:"ACME_EMAIL"`
	// MetricsAddr is the address of /metrics alone; empty: Addr serves it to programs on this host.
	MetricsAddr    string         `env:"METRICS_ADDR"`
	PublicURL      string         `env:"PUBLIC_URL"`
	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES"`
	CORSOrigins    []string       `env:"CORS_ORIGINS"`
	// GraceSeconds is how long a stop waits for running requests and jobs.
	GraceSeconds int `env:"SHUTDOWN_GRACE_SECONDS" default:"25"`
	// DrainSeconds is how long a stop first waits for proxies to notice it; -1: as long as nginx needs, or 0 in the
	// embedded stage.
	DrainSeconds int `env:"SHUTDOWN_DRAIN_SECONDS" default:"-1"`
}

// Site says how pages write times and numbers, and whom people can ask.
type Site struct {
	// Zone is a name of the tz database, such as America/Bogota.
	Zone string `env:"SITE_ZONE" default:"America/Bogota"`
	// Region is a country's code of ISO 3166-1: whose way of writing numbers pages follow.
	Region string `env:"SITE_REGION" default:"CO"`
	// Contact is an e-mail address or a page; empty: pages name none.
	Contact string `env:"SITE_CONTACT"`
}

// Data says where rows are kept: in PostgreSQL at DatabaseURL or, if that is empty, in SQLite in Dir.
type Data struct {
	DatabaseURL string `env:"DATABASE_URL" mask:"password"`
	// AppURL is for `app migrate up` alone: the DATABASE_URL of serve and work, whose user it allows to read and change
	// rows; empty: they use the same user.
	AppURL string `env:"DATABASE_APP_URL" mask:"password"`
	// MaxConns is the size of this process's connection pool; 0: the default of the database package.
	MaxConns int `env:"DATABASE_MAX_CONNS" default:"0"`
	// StatementSeconds is the longest that a PostgreSQL statement may run.
	StatementSeconds int    `env:"DATABASE_STATEMENT_TIMEOUT_SECONDS" default:"30"`
	Dir              string `env:"DATA_DIR" default:"./data" flag:"data-dir"`
	FilesDir         string `env:"FILES_DIR"` // of local storage; empty: files in Dir
	WorkDir          string `env:"WORK_DIR"`  // of temporary files; empty: work in Dir
	// DiskReserve is how many bytes of each volume stay free; 0: by its size and by MAX_UPLOAD_BYTES.
	DiskReserve int64 `env:"DISK_RESERVE_BYTES" default:"0"`
}

// Queue selects the queue that carries tasks to workers.
type Queue struct {
	Backend              string `env:"QUEUE_BACKEND"` // embedded, redis, sqs
	RedisURL             string `env:"REDIS_URL" mask:"password"`
	SQSQueueURL          string `env:"SQS_QUEUE_URL"`
	SQSDeadURL           string `env:"SQS_DLQ_URL"`
	SQSWaitSeconds       int    `env:"SQS_WAIT_TIME_SECONDS" default:"20"`
	SQSVisibilitySeconds int    `env:"SQS_VISIBILITY_TIMEOUT" default:"120"`
}

// Storage selects where files are kept.
type Storage struct {
	Backend          string `env:"STORAGE_BACKEND" default:"local"` // local, s3
	UploadPrefix     string `env:"S3_UPLOAD_PREFIX" default:"uploads"`
	ProcessedPrefix  string `env:"S3_PROCESSED_PREFIX" default:"processed"`
	URLExpireSeconds int    `env:"S3_URL_EXPIRE_SECONDS" default:"3600"`
	DeleteOriginal   bool   `env:"S3_DELETE_ORIGINAL" default:"false"`
	// PublicURL is the address from which everyone reads renditions: a CDN in front of the bucket. Empty: renditions
	// are read through signed links to the bucket itself.
	PublicURL string `env:"S3_PUBLIC_URL"`
}

// AWS is shared by S3 and SQS. Credentials are not part of it: the SDK finds them by itself.
type AWS struct {
	Region      string `env:"AWS_REGION"`
	Bucket      string `env:"AWS_S3_BUCKET"`
	EndpointURL string `env:"AWS_ENDPOINT_URL"`
	// ECSAgentURI is set by ECS in every container.
	ECSAgentURI string `env:"ECS_AGENT_URI"`
	// CABundle is a file of certificates to trust. The SDK reads the variable by itself.
	CABundle string `env:"AWS_CA_BUNDLE"`
}

// Auth configures access tokens and sessions. RateLimit is an older name of Limits.Rates: rates are off if either is.
type Auth struct {
	SecretKey string `env:"SECRET_KEY" mask:"all"`
	// PreviousKey is the SECRET_KEY that the present one has replaced.
	PreviousKey  string `env:"SECRET_KEY_PREVIOUS" mask:"all"`
	TokenMinutes int    `env:"ACCESS_TOKEN_EXPIRE_MINUTES" default:"60"`
	// SessionDays is how long browsers and refresh tokens live after their last use.
	SessionDays int `env:"SESSION_DAYS" default:"30"`
	// AdminTOTP requires a second factor for what admins do.
	AdminTOTP bool `env:"ADMIN_REQUIRE_TOTP" default:"false"`
	RateLimit bool `env:"AUTH_RATE_LIMIT" default:"true"`
}

// Limits configure the budgets of clients and accounts.
type Limits struct {
	Rates bool `env:"RATE_LIMITS" default:"true"`
}

// Upload limits what is accepted.
type Upload struct {
	MaxBytes int64 `env:"MAX_UPLOAD_BYTES" default:"209715200"`
	// What one account may have; 0: as much as it likes. The bytes are those of the originals that are kept and of
	// unfinished uploads. The default holds 25 uploads of the largest size, of which contestants delete what they do
	// not need.
	Unpublished int   `env:"UPLOADS_UNPUBLISHED_PER_ACCOUNT" default:"5"`
	PerDay      int   `env:"UPLOADS_PER_DAY_PER_ACCOUNT" default:"20"`
	Bytes       int64 `env:"UPLOADS_BYTES_PER_ACCOUNT" default:"5368709120"`

	RequireVerified bool `env:"UPLOAD_REQUIRE_VERIFIED" default:"false"`
}

// Media holds the contest's default rules for clips. For MaxSeconds and the minimums, zero means no limit.
type Media struct {
	MaxClipSeconds int    `env:"MEDIA_MAX_CLIP_SECONDS" default:"30"`
	Audio          string `env:"MEDIA_AUDIO" default:"keep"` // keep, remove
	Small          bool   `env:"MEDIA_SMALL" default:"true"`
	MinSeconds     int    `env:"MEDIA_MIN_SECONDS" default:"0"`
	MaxSeconds     int    `env:"MEDIA_MAX_SECONDS" default:"0"`
	MinHeight      int    `env:"MEDIA_MIN_HEIGHT" default:"0"`
	// BrandingDir is a folder with the operator's own branding; empty: all is built in.
	BrandingDir string `env:"BRANDING_DIR"`
	// KeepFailedDays is how long the original of a failed video stays; 0: for ever.
	KeepFailedDays int `env:"MEDIA_KEEP_FAILED_DAYS" default:"7"`
}

// Worker sets how much is processed at once. Zero means as much as suits the machine.
type Worker struct {
	Concurrency   int `env:"WORKER_CONCURRENCY" default:"0"`
	FFmpegThreads int `env:"FFMPEG_THREADS" default:"0"`
	// HTTPAddr is the address on which `app work` serves health checks and metrics; empty: it serves none.
	HTTPAddr string `env:"WORKER_HTTP_ADDR"`
}

// Voting holds the rules for votes.
type Voting struct {
	SelfVotes       bool `env:"VOTING_SELF_VOTES" default:"true"`
	RequireVerified bool `env:"VOTING_REQUIRE_VERIFIED" default:"false"`
}

// Mail says how letters are sent.
type Mail struct {
	// SMTPURL is smtp://user:password@host:587 or smtps://…; empty: letters are files in LettersPath.
	SMTPURL string `env:"SMTP_URL" mask:"password"`
	// From is the sender; empty, which SMTPURL does not allow: no-reply at the site's host.
	From string `env:"MAIL_FROM"`
}

// Webhooks says whom webhooks reach.
type Webhooks struct {
	// AllowPrivate lets webhooks have addresses that are not public, and http.
	AllowPrivate bool `env:"WEBHOOKS_ALLOW_PRIVATE" default:"false"`
}

// Log configures the log.
type Log struct {
	Level  string `env:"LOG_LEVEL" default:"info" flag:"log-level"`
	Format string `env:"LOG_FORMAT" default:"auto"`
}

// Traces says where spans go, by the variables of the OpenTelemetry specification. They are off without an address. The
// SDK reads these variables and the others of the specification by itself.
type Traces struct {
	Endpoint       string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	TracesEndpoint string `env:"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"`
	Protocol       string `env:"OTEL_EXPORTER_OTLP_PROTOCOL" default:"http/protobuf"`
	Exporter       string `env:"OTEL_TRACES_EXPORTER" default:"otlp"` // otlp, none
	Disabled       bool   `env:"OTEL_SDK_DISABLED" default:"false"`
}

// On reports whether spans are sent.
func (t Traces) On() bool {
	return t.Endpoint+t.TracesEndpoint != "" && t.Exporter == "otlp" && !t.Disabled
}

// Embedded reports whether this is the embedded stage, which needs no operator: it migrates its own database and
// creates its own secret.
func (c *Config) Embedded() bool { return c.Data.DatabaseURL == "" }

// DatabasePath is the SQLite file of the embedded stage.
func (c *Config) DatabasePath() string { return filepath.Join(c.Data.Dir, "showcase.db") }

// FilesPath is the root of local storage.
func (c *Config) FilesPath() string {
	return cmp.Or(c.Data.FilesDir, filepath.Join(c.Data.Dir, "files"))
}

// WorkPath is the folder of temporary files: nothing in it is needed after its process has ended.
func (c *Config) WorkPath() string { return cmp.Or(c.Data.WorkDir, filepath.Join(c.Data.Dir, "work")) }

// BumperPath is the folder of rendered intros and outros. It is a cache: what is missing is rendered again.
func (c *Config) BumperPath() string { return filepath.Join(c.Data.Dir, "bumpers") }

// CertificatesPath is the folder of the site's certificates and their keys.
func (c *Config) CertificatesPath() string { return filepath.Join(c.Data.Dir, "certificates") }

// LettersPath is the folder of letters that no server sends.
func (c *Config) LettersPath() string { return filepath.Join(c.Data.Dir, "mail") }

// SecretPath is the file in which the embedded stage keeps the secret that it created.
func (c *Config) SecretPath() string { return filepath.Join(c.Data.Dir, "secret_key") }

// drainSeconds is longer than the keepalive_timeout of nginx's connections to us, in infra/nginx.
const drainSeconds = 5

// Drain is how long a stop keeps idle connections open so that each can carry one last answer.
func (c *Config) Drain() time.Duration {
	switch {
	case c.HTTP.DrainSeconds >= 0:
		return time.Duration(c.HTTP.DrainSeconds) * time.Second
	case c.Embedded():
		return 0
	default:
		return drainSeconds * time.Second
	}
}

// Grace is how long a stop waits for running work.
func (c *Config) Grace() time.Duration { return time.Duration(c.HTTP.GraceSeconds) * time.Second }
