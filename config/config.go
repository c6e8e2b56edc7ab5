// Package config reads the process's configuration: defaults, then a .env file, then the environment, then flags. Every
// problem is found in one pass and named by its variable. It knows the variables, not what is built from them.
package config

import (
	"net/netip"
	"path/filepath"
	"time"
)

// Config is the whole configuration. Each leaf names its environment variable; README.md documents them.
type Config struct {
	HTTP    HTTP
	Data    Data
	Queue   Queue
	Storage Storage
	AWS     AWS
	Auth    Auth
	Upload  Upload
	Media   Media
	Worker  Worker
	Voting  Voting
	Log     Log

	LoadTestEndpoints bool `env:"LOAD_TEST_ENDPOINTS" default:"false"`
}

// HTTP is where and how requests are served.
type HTTP struct {
	Addr           string         `env:"HTTP_ADDR" default:":8080" flag:"http-addr" usage:"address to listen on"`
	PublicURL      string         `env:"PUBLIC_URL"`
	TrustedProxies []netip.Prefix `env:"TRUSTED_PROXIES"`
	CORSOrigins    []string       `env:"CORS_ORIGINS"`
	// GraceSeconds is how long a stop waits for requests and jobs under way.
	GraceSeconds int `env:"SHUTDOWN_GRACE_SECONDS" default:"25"`
	// DrainSeconds is how long a stop first lets proxies find out; -1: as long as nginx needs, or 0 in the embedded stage.
	DrainSeconds int `env:"SHUTDOWN_DRAIN_SECONDS" default:"-1"`
}

// Data is where rows live. Without a URL it is SQLite in Dir.
type Data struct {
	DatabaseURL string `env:"DATABASE_URL"`
	// MaxConns is the size of this process's connection pool; StatementSeconds ends a PostgreSQL statement that takes longer.
	MaxConns         int    `env:"DATABASE_MAX_CONNS" default:"0"`
	StatementSeconds int    `env:"DATABASE_STATEMENT_TIMEOUT_SECONDS" default:"30"`
	Dir              string `env:"DATA_DIR" default:"./data" flag:"data-dir" usage:"folder of the embedded stage's data"`
}

// Queue selects how tasks travel.
type Queue struct {
	Backend              string `env:"QUEUE_BACKEND"` // embedded, redis, sqs
	RedisURL             string `env:"REDIS_URL"`
	SQSQueueURL          string `env:"SQS_QUEUE_URL"`
	SQSDeadURL           string `env:"SQS_DLQ_URL"`
	SQSWaitSeconds       int    `env:"SQS_WAIT_TIME_SECONDS" default:"20"`
	SQSVisibilitySeconds int    `env:"SQS_VISIBILITY_TIMEOUT" default:"120"`
}

// Storage selects where files live.
type Storage struct {
	Backend          string `env:"STORAGE_BACKEND" default:"local"` // local, s3
	UploadPrefix     string `env:"S3_UPLOAD_PREFIX" default:"uploads"`
	ProcessedPrefix  string `env:"S3_PROCESSED_PREFIX" default:"processed"`
	URLExpireSeconds int    `env:"S3_URL_EXPIRE_SECONDS" default:"3600"`
	DeleteOriginal   bool   `env:"S3_DELETE_ORIGINAL" default:"false"`
	// PublicURL is where everyone reads renditions: a CDN before the bucket. Empty: by signed links to the bucket itself.
	PublicURL string `env:"S3_PUBLIC_URL"`
}

// AWS is shared by S3 and SQS. Credentials come from the SDK's own chain, never from here.
type AWS struct {
	Region      string `env:"AWS_REGION"`
	Bucket      string `env:"AWS_S3_BUCKET"`
	EndpointURL string `env:"AWS_ENDPOINT_URL"`
	// ECSAgentURI is set by ECS itself.
	ECSAgentURI string `env:"ECS_AGENT_URI"`
	// CABundle is a file of certificates to trust. The SDK finds it by itself, in the environment; ffmpeg is told.
	CABundle string `env:"AWS_CA_BUNDLE"`
}

// Auth is about tokens and the limits on guessing.
type Auth struct {
	SecretKey    string `env:"SECRET_KEY"`
	TokenMinutes int    `env:"ACCESS_TOKEN_EXPIRE_MINUTES" default:"60"`
	RateLimit    bool   `env:"AUTH_RATE_LIMIT" default:"true"`
}

// Upload bounds what is taken.
type Upload struct {
	MaxBytes int64 `env:"MAX_UPLOAD_BYTES" default:"209715200"`
}

// Media holds the rules of the contest for clips. Zero means no rule.
type Media struct {
	MaxClipSeconds int    `env:"MEDIA_MAX_CLIP_SECONDS" default:"30"`
	Audio          string `env:"MEDIA_AUDIO" default:"keep"` // keep, remove
	MinSeconds     int    `env:"MEDIA_MIN_SECONDS" default:"0"`
	MaxSeconds     int    `env:"MEDIA_MAX_SECONDS" default:"0"`
	MinHeight      int    `env:"MEDIA_MIN_HEIGHT" default:"0"`
}

// Worker sizes the processing. Zero lets the machine decide.
type Worker struct {
	Concurrency   int `env:"WORKER_CONCURRENCY" default:"0"`
	FFmpegThreads int `env:"FFMPEG_THREADS" default:"0"`
	// HTTPAddr is where `app work` answers health checks and metrics; empty: nowhere.
	HTTPAddr string `env:"WORKER_HTTP_ADDR"`
}

// Voting holds the rules of the vote.
type Voting struct {
	SelfVotes bool `env:"VOTING_SELF_VOTES" default:"true"`
}

// Log is what operators read.
type Log struct {
	Level  string `env:"LOG_LEVEL" default:"info" flag:"log-level" usage:"debug, info, warn or error"`
	Format string `env:"LOG_FORMAT" default:"auto"`
}

// Embedded tells whether this is the laptop's stage, which keeps itself: it migrates and makes its own secret.
func (c *Config) Embedded() bool { return c.Data.DatabaseURL == "" }

// DatabasePath is the SQLite file of the embedded stage.
func (c *Config) DatabasePath() string { return filepath.Join(c.Data.Dir, "showcase.db") }

// FilesPath is the root of local storage.
func (c *Config) FilesPath() string { return filepath.Join(c.Data.Dir, "files") }

// WorkPath holds what outlives no process.
func (c *Config) WorkPath() string { return filepath.Join(c.Data.Dir, "work") }

// BumperPath holds the rendered intros and outros, which can be made again.
func (c *Config) BumperPath() string { return filepath.Join(c.Data.Dir, "bumpers") }

// SecretPath is where the embedded stage keeps the secret that it made.
func (c *Config) SecretPath() string { return filepath.Join(c.Data.Dir, "secret_key") }

// drainSeconds is above the keepalive_timeout of the proxy's connections in infra/nginx.
const drainSeconds = 5

// Drain is how long a stop lets kept connections carry their last answer.
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

// Grace is how long a stop waits for work under way.
func (c *Config) Grace() time.Duration { return time.Duration(c.HTTP.GraceSeconds) * time.Second }
