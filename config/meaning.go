package config

import "strings"

// meaningLines say in one line what each variable means to an operator.
const meaningLines = `
HTTP_ADDR: address to listen on; none: :8080, with DOMAIN :80
DOMAIN: names of the site, the first its address: it gets certificates and serves https; none: plain HTTP
HTTPS_ADDR: address to listen on for https, with DOMAIN
ACME_URL: directory of the authority that gives certificates
ACME_EMAIL: address to which that authority may write
METRICS_ADDR: address of /metrics alone; none: HTTP_ADDR serves it to programs on this host
PUBLIC_URL: address of the site for its visitors; none: by DOMAIN, or the one that each request names
SITE_ZONE: time zone in which pages write times
SITE_REGION: country whose way of writing numbers pages follow
SITE_CONTACT: e-mail or page where people can ask; none: pages name none
TRUSTED_PROXIES: networks whose X-Forwarded-* headers are believed
CORS_ORIGINS: origins of other sites whose pages may call the API
SHUTDOWN_GRACE_SECONDS: how long a stop waits for requests and jobs under way
SHUTDOWN_DRAIN_SECONDS: how long a stop first waits for proxies to notice it; -1: 5, with SQLite 0
DATABASE_URL: PostgreSQL database; none: SQLite in DATA_DIR
DATABASE_APP_URL: for migrate up: the DATABASE_URL of serve and work, whose user changes rows only
DATABASE_MAX_CONNS: database connections of this process; 0: 16, with SQLite 8
DATA_DIR: folder of local data
FILES_DIR: folder of local storage; none: files in DATA_DIR
WORK_DIR: folder of temporary files; none: work in DATA_DIR
DISK_RESERVE_BYTES: what stays free on each volume; 0: 5 %, at most 10 GiB, at least two uploads
QUEUE_BACKEND: embedded, redis or sqs; none: by REDIS_URL and SQS_QUEUE_URL
REDIS_URL: Redis of the queue and of the limits that processes share
SQS_QUEUE_URL: queue of tasks
SQS_DLQ_URL: queue of dead letters; none: the one of the redrive policy
SQS_WAIT_TIME_SECONDS: how long a poll waits
SQS_VISIBILITY_TIMEOUT: seconds after which another worker gets the task of one that vanished
STORAGE_BACKEND: local or s3
S3_UPLOAD_PREFIX: folder of originals
S3_PROCESSED_PREFIX: folder of renditions
S3_URL_EXPIRE_SECONDS: life of signed links
S3_DELETE_ORIGINAL: whether originals are deleted once published
S3_PUBLIC_URL: CDN in front of the bucket, where everyone reads renditions; none: signed links
AWS_REGION: region of the bucket and the queue
AWS_S3_BUCKET: bucket of s3
AWS_ENDPOINT_URL: server of S3 and SQS; none: AWS
ECS_AGENT_URI: set by ECS in every container
AWS_CA_BUNDLE: file of certificates to trust
SECRET_KEY: signs tokens and links; none: created once in DATA_DIR, with SQLite only
SECRET_KEY_PREVIOUS: the SECRET_KEY that the present one has replaced, which is still accepted
AUTH_RATE_LIMIT: older name of RATE_LIMITS; either switches rates off
RATE_LIMITS: whether it is bounded how often a client or an account may do something
MAX_UPLOAD_BYTES: largest upload
MEDIA_MAX_CLIP_SECONDS: how much of a clip is shown
MEDIA_AUDIO: keep or remove the sound of clips
MEDIA_SMALL: whether clips also get a small rendition, for phones on a bad line
MEDIA_MIN_SECONDS: shortest clip that the contest accepts; 0: no rule
MEDIA_MAX_SECONDS: longest clip that the contest accepts; 0: no rule
MEDIA_MIN_HEIGHT: fewest pixels of the short side of a clip; 0: no rule
BRANDING_DIR: folder with a watermark, bumpers and pages such as rules of one's own; none: the built-in ones
MEDIA_KEEP_FAILED_DAYS: days after which originals of failed videos are deleted; 0: never
WORKER_CONCURRENCY: jobs at once in this process; 0: half the processors
FFMPEG_THREADS: threads of each ffmpeg; 0: one per processor, at most 4
WORKER_HTTP_ADDR: address of the health checks and metrics of app work; none: it serves none
VOTING_SELF_VOTES: whether contestants may vote for themselves
VOTING_REQUIRE_VERIFIED: whether only those who have proved their e-mail may vote
UPLOAD_REQUIRE_VERIFIED: whether only those who have proved their e-mail may upload
SMTP_URL: server of letters, such as smtp://user:password@host:587; none: files in DATA_DIR/mail
WEBHOOKS_ALLOW_PRIVATE: whether webhooks may have addresses that are not public, and http
MAIL_FROM: sender of letters; none: no-reply at the host of PUBLIC_URL
LOG_LEVEL: debug, info, warn or error
LOG_FORMAT: auto, json or text
OTEL_EXPORTER_OTLP_ENDPOINT: OTLP receiver of traces; none: there are no traces
OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: the receiver's whole address, with its path; none: /v1/traces of the one above
OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf, which is the only one
OTEL_TRACES_EXPORTER: otlp or none
OTEL_SDK_DISABLED: whether there are no traces, whatever else says
LOAD_TEST_ENDPOINTS: whether POST /api/videos/upload-mock is served, for load tests
UPLOADS_PER_DAY_PER_ACCOUNT: uploads of an account in a day; 0: no limit
UPLOADS_BYTES_PER_ACCOUNT: bytes of the files of an account; 0: no limit
UPLOADS_UNPUBLISHED_PER_ACCOUNT: videos of an account on their way to publication; 0: no limit
ACCESS_TOKEN_EXPIRE_MINUTES: life of access tokens
ADMIN_REQUIRE_TOTP: whether admins need a second factor for what they do as admins
SESSION_DAYS: days that browsers and refresh tokens live after their last use
DATABASE_STATEMENT_TIMEOUT_SECONDS: how long a PostgreSQL statement may run
`

// meanings returns the meaning of each variable.
func meanings() map[string]string {
	all := map[string]string{}
	for line := range strings.Lines(meaningLines) {
		if name, meaning, ok := strings.Cut(strings.TrimSpace(line), ": "); ok {
			all[name] = meaning
		}
	}
	return all
}
