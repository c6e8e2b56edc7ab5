package app

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

const observability = "../infra/observability"

// composeService is a part of a service of compose.yaml.
type composeService struct {
	Command, Entrypoint       any
	Environment               map[string]string
	Networks, Ports, Profiles []string
	Volumes                   []string
}

// mounts returns the folders of the repository that the service sees, by where it sees them.
func (s composeService) mounts() map[string]string {
	folders := map[string]string{}
	for _, volume := range s.Volumes {
		if from, to, found := strings.Cut(volume, ":"); found && strings.HasPrefix(from, ".") {
			to, _, _ = strings.Cut(to, ":")
			folders[to] = filepath.Join("..", from)
		}
	}
	return folders
}

func composeServices(t *testing.T) map[string]composeService {
	t.Helper()
	var file struct{ Services map[string]composeService }
	parseYAML(t, compose, &file)
	return file.Services
}

func parseYAML(t *testing.T, file string, v any) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(content, v)
	}
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

// What watches the others is reached from its own host alone, and the one that has no password starts only when asked
// for.
func TestWhatWatchesInContainersIsReachedFromTheHostAlone(t *testing.T) {
	t.Parallel()
	services := composeServices(t)
	for name, port := range map[string]string{
		"prometheus": "127.0.0.1:9090:9090", "grafana": "127.0.0.1:3001:3000", "asynqmon": "127.0.0.1:8081:8080",
	} {
		if got := services[name].Ports; !slices.Equal(got, []string{port}) {
			t.Errorf("%s is reached at %q, want %s", name, got, port)
		}
		wanted := map[string][]string{"asynqmon": {"asynqmon"}}[name]
		if got := services[name].Profiles; !slices.Equal(got, wanted) {
			t.Errorf("%s has the profiles %q, want %q", name, got, wanted)
		}
	}
	if services["asynqmon"].Environment["READ_ONLY"] != "true" {
		t.Error("asynqmon, which has no password, may change tasks")
	}
}

// Grafana's own default password is "admin", so that without one of ours it does not start.
func TestGrafanaNeedsAPassword(t *testing.T) {
	t.Parallel()
	grafana := composeServices(t)["grafana"]
	const variable = "GF_SECURITY_ADMIN_PASSWORD"
	if got := grafana.Environment[variable]; got != "${GRAFANA_PASSWORD:-}" {
		t.Errorf("%s is %s", variable, got)
	}
	example, err := os.ReadFile(envExample)
	if err != nil || !regexp.MustCompile(`(?m)^GRAFANA_PASSWORD=$`).Match(example) {
		t.Errorf("GRAFANA_PASSWORD has a value in %s, %v", envExample, err)
	}
	entrypoint, _ := grafana.Entrypoint.([]any)
	if len(entrypoint) != 3 {
		t.Fatalf("the entrypoint is %v", entrypoint)
	}
	script := strings.NewReplacer("$$", "$", "/run.sh", "echo it starts", "sleep 2147483647", "true").
		Replace(fmt.Sprint(entrypoint[2]))
	for password, want := range map[string]string{"": "set GRAFANA_PASSWORD in .env\n", "s3cret": "it starts\n"} {
		shell := exec.CommandContext(t.Context(), "sh", "-c", script)
		shell.Env = []string{"PATH=" + os.Getenv("PATH"), variable + "=" + password}
		if out, err := shell.CombinedOutput(); err != nil || string(out) != want {
			t.Errorf("with the password %q: %q, %v", password, out, err)
		}
	}
}

// The Prometheus of compose.yaml reads the file that is mounted, and asks where the app answers.
func TestPrometheusInContainersFindsWhatItScrapes(t *testing.T) {
	t.Parallel()
	services := composeServices(t)
	prometheus := services["prometheus"]
	file := "/etc/prometheus/prometheus.yml"
	if command := fmt.Sprint(prometheus.Command); !strings.Contains(command, "--config.file="+file+" ") {
		t.Errorf("Prometheus is started by %s", command)
	}
	folder := prometheus.mounts()[path.Dir(file)]
	if folder != observability {
		t.Fatalf("%s is %q", path.Dir(file), folder)
	}
	var config struct {
		RuleFiles     []string `yaml:"rule_files"`
		ScrapeConfigs []struct {
			JobName      string `yaml:"job_name"`
			DNSSDConfigs []struct {
				Names []string
				Type  string
				Port  int
			} `yaml:"dns_sd_configs"`
		} `yaml:"scrape_configs"`
	}
	parseYAML(t, filepath.Join(folder, path.Base(file)), &config)
	for _, name := range config.RuleFiles {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	asked := map[string]string{}
	for _, job := range config.ScrapeConfigs {
		for _, dns := range job.DNSSDConfigs {
			for _, name := range dns.Names {
				asked[job.JobName] = fmt.Sprintf("%s:%d", name, dns.Port)
				if !slices.Contains(services[name].Networks, "back") {
					t.Errorf("Prometheus does not reach %s in its networks %q", name, services[name].Networks)
				}
			}
		}
	}
	answers := map[string]string{
		"serve": "api" + services["api"].Environment["METRICS_ADDR"],
		"work":  "worker" + services["worker"].Environment["WORKER_HTTP_ADDR"],
	}
	if len(config.RuleFiles) != 2 || !slices.Contains(prometheus.Networks, "back") || !maps.Equal(asked, answers) {
		t.Errorf("it reads %q, and asks %v in %q; the app answers at %v",
			config.RuleFiles, asked, prometheus.Networks, answers)
	}
}

// The Grafana of compose.yaml finds the dashboards where they are mounted, and each panel its Prometheus.
func TestGrafanaInContainersFindsItsDashboards(t *testing.T) {
	t.Parallel()
	services := composeServices(t)
	mounts := services["grafana"].mounts()
	provisioning := mounts["/etc/grafana/provisioning"]
	var providers struct {
		Providers []struct {
			Type    string
			Options struct{ Path string }
		}
	}
	parseYAML(t, filepath.Join(provisioning, "dashboards/showcase.yml"), &providers)
	var sources struct {
		Datasources []struct{ UID, Type, URL string }
	}
	parseYAML(t, filepath.Join(provisioning, "datasources/prometheus.yml"), &sources)
	if len(providers.Providers) != 1 || len(sources.Datasources) != 1 {
		t.Fatalf("%+v, %+v", providers, sources)
	}
	source, provider := sources.Datasources[0], providers.Providers[0]
	if source.URL != "http://prometheus:9090" || !slices.ContainsFunc(services["grafana"].Networks,
		func(name string) bool { return slices.Contains(services["prometheus"].Networks, name) }) {
		t.Errorf("Grafana does not reach %s", source.URL)
	}
	files, err := filepath.Glob(filepath.Join(mounts[provider.Options.Path], "*.json"))
	if err != nil || len(files) != 3 || provider.Type != "file" {
		t.Errorf("at %s Grafana finds %q, %v", provider.Options.Path, files, err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		type datasource struct{ UID, Type string }
		var dashboard struct {
			Panels []struct {
				Title      string
				Datasource datasource
				Targets    []struct{ Datasource datasource }
			}
		}
		if err := json.Unmarshal(content, &dashboard); err != nil || len(dashboard.Panels) == 0 {
			t.Fatalf("%s: %d panels, %v", file, len(dashboard.Panels), err)
		}
		want := datasource{source.UID, source.Type}
		for _, panel := range dashboard.Panels {
			asked := []datasource{panel.Datasource}
			for _, target := range panel.Targets {
				asked = append(asked, target.Datasource)
			}
			for _, got := range asked {
				if got != want {
					t.Errorf("%s: %s asks %v, want %v", filepath.Base(file), panel.Title, got, want)
				}
			}
		}
	}
}
