package app

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"risingstars/config"
	"risingstars/infra/aws/cfntest"
)

// notOnAWS lists the variables that no template sets, and why.
var notOnAWS = map[string]string{
	"DOMAIN":                             "the balancer has the certificate",
	"HTTPS_ADDR":                         "see DOMAIN",
	"ACME_URL":                           "see DOMAIN",
	"ACME_EMAIL":                         "see DOMAIN",
	"AUTH_RATE_LIMIT":                    "off for load tests only",
	"RATE_LIMITS":                        "off for load tests only",
	"AWS_CA_BUNDLE":                      "every system trusts AWS's certificates",
	"AWS_ENDPOINT_URL":                   "for servers other than AWS",
	"BRANDING_DIR":                       "an image with the folder sets it, for all tasks: infra/BRANDING.md",
	"DATABASE_STATEMENT_TIMEOUT_SECONDS": "the default fits",
	"DATA_DIR":                           "the image's own volume, /data",
	"DISK_RESERVE_BYTES":                 "the default fits",
	"FILES_DIR":                          "storage is S3",
	"MEDIA_KEEP_FAILED_DAYS":             "the default fits",
	"WORK_DIR":                           "in DATA_DIR",
	"ECS_AGENT_URI":                      "ECS sets it in every container",
	"LOAD_TEST_ENDPOINTS":                "on for load tests only",
	"LOG_FORMAT":                         "the image sets it to JSON",
	"OTEL_EXPORTER_OTLP_ENDPOINT":        "a receiver beside the tasks sets it: infra/observability",
	"OTEL_EXPORTER_OTLP_PROTOCOL":        "there is only one",
	"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "see OTEL_EXPORTER_OTLP_ENDPOINT",
	"OTEL_SDK_DISABLED":                  "see OTEL_EXPORTER_OTLP_ENDPOINT",
	"OTEL_TRACES_EXPORTER":               "see OTEL_EXPORTER_OTLP_ENDPOINT",
	"REDIS_URL":                          "the queue is SQS",
	"S3_URL_EXPIRE_SECONDS":              "the default fits",
	"SESSION_DAYS":                       "the default fits",
	"SQS_WAIT_TIME_SECONDS":              "the default is the longest that SQS allows",
	"SITE_CONTACT":                       "set by hand",
	"SITE_REGION":                        "set by hand",
	"SITE_ZONE":                          "set by hand",
	"WEBHOOKS_ALLOW_PRIVATE":             "tasks reach nothing private that is not AWS's own",
	"UPLOADS_BYTES_PER_ACCOUNT":          "the default fits",
	"UPLOADS_PER_DAY_PER_ACCOUNT":        "the default fits",
	"UPLOADS_UNPUBLISHED_PER_ACCOUNT":    "the default fits",
}

// awsReaders lists the commands that read each variable, all of which must get it. Where serve and work share the code
// that reads a variable, a value on one side only would make them disagree.
var awsReaders = map[string]string{
	"DATABASE_URL":                "migrate serve work",
	"DATABASE_APP_URL":            "migrate",
	"SECRET_KEY":                  "migrate serve work",
	"LOG_LEVEL":                   "migrate serve work",
	"DATABASE_MAX_CONNS":          "serve work",
	"SHUTDOWN_DRAIN_SECONDS":      "serve work",
	"SHUTDOWN_GRACE_SECONDS":      "serve work",
	"AWS_REGION":                  "serve work",
	"AWS_S3_BUCKET":               "serve work",
	"STORAGE_BACKEND":             "serve work",
	"S3_UPLOAD_PREFIX":            "serve work",
	"S3_PROCESSED_PREFIX":         "serve work",
	"S3_DELETE_ORIGINAL":          "serve work",
	"MAX_UPLOAD_BYTES":            "serve work",
	"QUEUE_BACKEND":               "serve work",
	"SQS_QUEUE_URL":               "serve work",
	"SQS_DLQ_URL":                 "serve work",
	"SECRET_KEY_PREVIOUS":         "serve work",
	"SMTP_URL":                    "serve work",
	"MAIL_FROM":                   "serve work",
	"PUBLIC_URL":                  "serve work",
	"VOTING_REQUIRE_VERIFIED":     "serve",
	"UPLOAD_REQUIRE_VERIFIED":     "serve",
	"ADMIN_REQUIRE_TOTP":          "serve",
	"GOMEMLIMIT":                  "serve",
	"HTTP_ADDR":                   "serve",
	"METRICS_ADDR":                "serve",
	"TRUSTED_PROXIES":             "serve",
	"CORS_ORIGINS":                "serve",
	"S3_PUBLIC_URL":               "serve",
	"ACCESS_TOKEN_EXPIRE_MINUTES": "serve",
	"VOTING_SELF_VOTES":           "serve",
	"WORKER_HTTP_ADDR":            "work",
	"WORKER_CONCURRENCY":          "work",
	"FFMPEG_THREADS":              "work",
	"SQS_VISIBILITY_TIMEOUT":      "work",
	"MEDIA_MAX_CLIP_SECONDS":      "work",
	"MEDIA_AUDIO":                 "work",
	"MEDIA_MIN_SECONDS":           "work",
	"MEDIA_MAX_SECONDS":           "work",
	"MEDIA_MIN_HEIGHT":            "work",
	"MEDIA_SMALL":                 "work",
}

// runtimeVariables are read by the Go runtime and not by the configuration.
var runtimeVariables = []string{"GOMEMLIMIT"}

func TestAWSTasksGetTheVariablesThatTheyRead(t *testing.T) {
	t.Parallel()
	given := map[string]string{}
	for _, c := range awsContainers(t) {
		command := strings.TrimSuffix(strings.Replace(c.File, "cluster", "migrate", 1), ".yaml")
		for _, v := range c.Variables {
			given[v.Name] = strings.TrimSpace(given[v.Name] + " " + command)
		}
	}
	if diff := cmp.Diff(awsReaders, given); diff != "" {
		t.Errorf("the commands that get each variable (-want +got)\n%s", diff)
	}
	known := slices.Clone(runtimeVariables)
	for _, v := range config.Variables() {
		known = append(known, v.Name)
	}
	for _, name := range known {
		if awsReaders[name] == "" && notOnAWS[name] == "" {
			t.Errorf("%s: no command reads it on AWS, and no reason is given", name)
		}
	}
	for _, names := range []map[string]string{awsReaders, notOnAWS} {
		for name := range names {
			if !slices.Contains(known, name) {
				t.Errorf("%s is not a variable of the configuration", name)
			}
		}
	}
	for name := range notOnAWS {
		if awsReaders[name] != "" {
			t.Errorf("%s is set, although notOnAWS lists it", name)
		}
	}
}

// awsValues are examples of the values that depend on the AWS account.
var awsValues = map[string]string{
	"DATABASE_URL": "postgresql://showcase:4f1d0b8b6c5e49a7@db.example.us-east-1.rds.amazonaws.com:5432/showcase" +
		"?sslmode=verify-full&sslrootcert=/usr/local/share/rds/global-bundle.pem",
	"DATABASE_APP_URL": "postgresql://app:9c0d6b5a4f3e2d1c@db.example.us-east-1.rds.amazonaws.com:5432/showcase" +
		"?sslmode=verify-full&sslrootcert=/usr/local/share/rds/global-bundle.pem",
	"SECRET_KEY":          "q3JtYWw0dGVzdHNvbmx5bm90YXNlY3JldGF0YWxs4f1d0b8b6c5e49a7a3b2c1d0",
	"SECRET_KEY_PREVIOUS": "a9s8d7f6g5h4j3k2l1q0w9e8r7t6y5u4i3o2p1a0s9d8f7g6h5j4k3l2",
	"SMTP_URL":            "smtp://AKIAEXAMPLE:BPa%2Fx%2Bq8@email-smtp.us-east-1.amazonaws.com:587",
	"MAIL_FROM":           "Rising Stars <no-reply@contest.example.org>",

	"PUBLIC_URL":    "http://showcase-1234567890.us-east-1.elb.amazonaws.com",
	"S3_PUBLIC_URL": "https://d111111abcdef8.cloudfront.net",
	"AWS_REGION":    "us-east-1",
	"AWS_S3_BUCKET": "showcase-media",
	"SQS_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/123456789012/showcase",
	"SQS_DLQ_URL":   "https://sqs.us-east-1.amazonaws.com/123456789012/showcase-dead",
}

// The variables of each task are a valid configuration when every parameter has its default.
func TestAWSTasksHaveAConfigurationThatStarts(t *testing.T) {
	for _, c := range awsContainers(t) {
		t.Run(c.File, func(t *testing.T) {
			setVariables(t, c, true)
			if _, _, err := config.Load(config.File{}, nil); err != nil {
				t.Errorf("with what is optional: %v", err)
			}
			setVariables(t, c, false)
			loaded, _, err := config.Load(config.File{}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.File == "cluster.yaml" { // the migrate task, which needs only the database
				return
			}
			got := []string{
				loaded.Queue.Backend, loaded.Storage.Backend,
				loaded.Storage.UploadPrefix, loaded.Storage.ProcessedPrefix,
			}
			if diff := cmp.Diff([]string{"sqs", "s3", "uploads", "processed"}, got); diff != "" {
				t.Error(diff)
			}
			// A stop takes up to 10 s longer than drain and grace together. Fargate allows a stop timeout of at most
			// 120 s.
			limit, err := time.ParseDuration(c.StopTimeout + "s")
			most := loaded.Drain() + loaded.Grace() + 10*time.Second
			if err != nil || most >= limit || limit > 2*time.Minute {
				t.Errorf("a stop may take %s, but the process is killed after %s (%v)", most, limit, err)
			}
		})
	}
}

// A value that a template's parameter accepts must not fail when the tasks start, because the stack would then roll
// back after half an hour.
func TestAWSParametersAreWithinTheConfigurationsBounds(t *testing.T) {
	count := 0
	for _, c := range awsContainers(t) {
		for _, v := range c.Variables {
			if v.Parameter == nil {
				continue
			}
			for _, bound := range []string{v.Parameter.Least, v.Parameter.Most} {
				count++
				t.Run(c.File+" "+v.Parameter.Name+" "+bound, func(t *testing.T) {
					if bound == "" {
						t.Fatal("the parameter lacks a bound")
					}
					setVariables(t, c, false)
					t.Setenv(v.Name, bound)
					if _, _, err := config.Load(config.File{}, nil); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
	if count < 16 {
		t.Errorf("only %d bounds were checked", count)
	}
}

// setVariables gives the test the environment of a container, without any other variable of the configuration.
func setVariables(t *testing.T, c cfntest.Container, withOptional bool) {
	t.Helper()
	for _, v := range config.Variables() {
		t.Setenv(v.Name, "")
	}
	for _, v := range c.Variables {
		value := v.Value
		if v.Optional && !withOptional {
			continue
		}
		if !v.Known || v.Optional {
			if value = awsValues[v.Name]; value == "" {
				t.Fatalf("%s is %q, which depends on the AWS account; add an example to awsValues", v.Name, v.Value)
			}
		}
		t.Setenv(v.Name, value)
	}
}

func awsContainers(t *testing.T) []cfntest.Container {
	t.Helper()
	files, err := cfntest.Read("../infra/aws")
	if err != nil {
		t.Fatal(err)
	}
	containers, err := cfntest.Containers(files)
	if err != nil {
		t.Fatal(err)
	}
	var of []string
	for _, c := range containers {
		of = append(of, c.File)
	}
	if want := []string{"cluster.yaml", "serve.yaml", "work.yaml"}; !slices.Equal(want, of) {
		t.Fatalf("the containers are those of %v, want %v", of, want)
	}
	return containers
}
