package app

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"risingstars/config"
)

// The files that must list every variable of the configuration. The templates of infra/aws have a test of their own.
const (
	readme     = "../README.md"
	envExample = "../.env.example"
	compose    = "../compose.yaml"
)

// absent lists the variables that a file leaves out, and why.
var absent = map[string]map[string]string{
	readme: {
		"ECS_AGENT_URI": "ECS sets it by itself",
	},
	envExample: {
		"ECS_AGENT_URI":   "ECS sets it by itself",
		"AUTH_RATE_LIMIT": "the older name of RATE_LIMITS",
	},
	compose: {
		"HTTP_ADDR":              "the image sets it, and nginx knows it",
		"DOMAIN":                 "nginx is in front, and a proxy before it has the certificate",
		"HTTPS_ADDR":             "see DOMAIN",
		"ACME_URL":               "see DOMAIN",
		"ACME_EMAIL":             "see DOMAIN",
		"DATA_DIR":               "the image sets it: the volume that nginx reads from",
		"FILES_DIR":              "in DATA_DIR, where nginx reads it",
		"WORK_DIR":               "in DATA_DIR, so that renditions are moved and not copied",
		"SQS_QUEUE_URL":          "the queue is the Redis of compose.yaml",
		"SQS_DLQ_URL":            "the queue is the Redis of compose.yaml",
		"SQS_WAIT_TIME_SECONDS":  "the queue is the Redis of compose.yaml",
		"SQS_VISIBILITY_TIMEOUT": "the queue is the Redis of compose.yaml",
		"S3_UPLOAD_PREFIX":       "the folders are fixed: nginx publishes one of them without signatures",
		"S3_PROCESSED_PREFIX":    "the folders are fixed: nginx publishes one of them without signatures",
		"ECS_AGENT_URI":          "ECS sets it by itself",
	},
}

// others are the names in a file that the configuration does not read.
var others = map[string][]string{
	envExample: { // compose.yaml reads them
		"POSTGRES_PASSWORD", "POSTGRES_APP_PASSWORD", "REDIS_PASSWORD", "GRAFANA_PASSWORD", "VERSION", "PORT",
		"REAL_IP_FROM", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
	},
	compose: { // the Go runtime reads the first, the AWS SDK the others
		"GOMEMLIMIT", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
	},
}

// A setting that one of the lists lacks fails this test, and so does a listed name that is no longer a setting.
func TestEveryListOfSettingsIsComplete(t *testing.T) {
	t.Parallel()
	for file, namesIn := range map[string]func(*testing.T, string) []string{
		readme: namesInReadme, envExample: namesInEnvExample, compose: namesInCompose,
	} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		named := namesIn(t, string(content))
		known := slices.Clone(others[file])
		for _, v := range config.Variables() {
			known = append(known, v.Name)
			_, excepted := absent[file][v.Name]
			if listed := slices.Contains(named, v.Name); listed == excepted {
				t.Errorf("%s names %s: %v; it is left out on purpose: %v", file, v.Name, listed, excepted)
			}
		}
		for _, name := range named {
			if !slices.Contains(known, name) {
				t.Errorf("%s names %s, which the configuration does not read", file, name)
			}
		}
		for name := range absent[file] {
			if !slices.Contains(known, name) {
				t.Errorf("%s is left out of %s, but is not a variable of the configuration", name, file)
			}
		}
	}
}

var variableName = regexp.MustCompile("`([A-Z][A-Z0-9_]+)`")

// namesInReadme reads the first column of the table of variables; a row may begin with `NAME`, `_SUFFIX`.
func namesInReadme(t *testing.T, content string) []string {
	t.Helper()
	_, table, found := strings.Cut(content, "| Variable | Default | Meaning |\n")
	if !found {
		t.Fatal("README.md has no table of variables")
	}
	var names []string
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		for _, match := range variableName.FindAllStringSubmatch(strings.SplitN(line, "|", 3)[1], -1) {
			names = append(names, match[1])
		}
	}
	return names
}

// namesInEnvExample reads the assignments, including those that are commented out.
func namesInEnvExample(_ *testing.T, content string) []string {
	var names []string
	for _, match := range regexp.MustCompile(`(?m)^#? ?([A-Z][A-Z0-9_]+)=`).FindAllStringSubmatch(content, -1) {
		names = append(names, match[1])
	}
	return names
}

// namesInCompose reads the environment of the services that run the app.
func namesInCompose(t *testing.T, content string) []string {
	t.Helper()
	var file struct {
		Services map[string]struct {
			Environment map[string]string `yaml:"environment"`
		} `yaml:"services"`
	}
	if err := yaml.Unmarshal([]byte(content), &file); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, service := range []string{"migrate", "api", "worker"} {
		if len(file.Services[service].Environment) == 0 {
			t.Fatalf("the service %s of compose.yaml has no environment", service)
		}
		for name := range file.Services[service].Environment {
			names = append(names, name)
		}
	}
	return names
}
