package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

const observability = "../observability"

// promtool's own test fires each alert and clears it again.
func TestEachAlertFiresAndClears(t *testing.T) {
	onlyInStage(t, embedded)
	skipIfShort(t)
	t.Parallel()
	for _, args := range [][]string{{"check", "config", "prometheus.yml"}, {"test", "rules", "alerts_test.yml"}} {
		tool := exec.Command("promtool", args...)
		tool.Dir = observability
		out, err := tool.CombinedOutput()
		t.Logf("promtool %s:\n%s", strings.Join(args, " "), out)
		if err != nil {
			t.Fatalf("%v (make test installs it)", err)
		}
	}
	var tests struct {
		Tests []struct {
			Cases []struct {
				Alert    string `yaml:"alertname"`
				Expected []any  `yaml:"exp_alerts"`
			} `yaml:"alert_rule_test"`
		}
	}
	readYAML(t, "alerts_test.yml", &tests)
	fires, clears := map[string]bool{}, map[string]bool{}
	for _, test := range tests.Tests {
		for _, c := range test.Cases {
			if len(c.Expected) > 0 {
				fires[c.Alert] = true
			} else if fires[c.Alert] {
				clears[c.Alert] = true
			}
		}
	}
	for _, rule := range alertRules(t) {
		if !fires[rule.Alert] || !clears[rule.Alert] {
			t.Errorf("%s fires in the test: %v, and clears after that: %v",
				rule.Alert, fires[rule.Alert], clears[rule.Alert])
		}
	}
}

// Each alert links to a part of a page that says what it means, where to look and what to do.
func TestEachAlertHasARunbook(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	parts := map[string]string{} // of RUNBOOKS.md, by anchor
	for _, part := range strings.Split(readFile(t, filepath.Join(observability, "RUNBOOKS.md")), "\n## ")[1:] {
		heading, text, _ := strings.Cut(part, "\n")
		parts[strings.ToLower(strings.ReplaceAll(heading, " ", "-"))] = text
	}
	linked := map[string]bool{}
	for _, rule := range alertRules(t) {
		page, anchor, _ := strings.Cut(rule.Annotations["runbook"], "#")
		linked[anchor] = true
		if page != "infra/observability/RUNBOOKS.md" || parts[anchor] == "" {
			t.Errorf("the runbook of %s is not there: %s", rule.Alert, rule.Annotations["runbook"])
		}
		if rule.Annotations["summary"] == "" || !slices.Contains([]string{"page", "ticket"}, rule.Labels["severity"]) {
			t.Errorf("%s lacks a summary or a severity", rule.Alert)
		}
	}
	for anchor, text := range parts {
		if !linked[anchor] {
			t.Errorf("no alert links to #%s", anchor)
		}
		for _, question := range []string{"**It means**", "**Look**", "**Do**"} {
			if !strings.Contains(text, question) {
				t.Errorf("the runbook %s does not say %s", anchor, question)
			}
		}
	}
}

type alertRule struct {
	Alert, Expr         string
	Labels, Annotations map[string]string
}

func alertRules(t *testing.T) []alertRule {
	t.Helper()
	var file struct {
		Groups []struct{ Rules []alertRule }
	}
	readYAML(t, "alerts.yml", &file)
	if len(file.Groups) != 1 || len(file.Groups[0].Rules) < 10 {
		t.Fatalf("alerts.yml has the groups %v", file.Groups)
	}
	return file.Groups[0].Rules
}

func readYAML(t *testing.T, name string, v any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(readFile(t, filepath.Join(observability, name))), v); err != nil {
		t.Fatal(err)
	}
}

// panel is a graph of a dashboard, with the expressions of its lines.
type panel struct {
	Dashboard, Title string
	Targets          []struct{ Expr string }
}

func panels(t *testing.T) (all []panel) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(observability, "grafana/dashboards/*.json"))
	if err != nil || len(files) != 3 {
		t.Fatalf("the dashboards are %q (%v)", files, err)
	}
	for _, file := range files {
		var d struct {
			UID    string
			Panels []panel
		}
		if err := json.Unmarshal([]byte(readFile(t, file)), &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, p := range d.Panels {
			p.Dashboard = d.UID
			all = append(all, p)
		}
	}
	return all
}

// A Prometheus with the rules of the service scrapes a running app, while people use it and some of what they do is
// wrong, and some of what the service does. Then each line of each panel has a value, what went wrong is counted, each
// rule can be evaluated, and no series has a label whose values come from what people send.
func TestEveryPanelShowsValues(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	s := newSite(t)
	s.start(t, s.forFaults(t)...)
	prometheus := startPrometheus(t, s.URL)
	used := s.useForAWhile(t)

	missing := map[string]string{}
	eventually(t, "every panel shows values", func() bool {
		clear(missing)
		for _, expr := range happened() {
			if prometheus.values(t, expr) == "" {
				missing[expr] = "what happened"
			}
		}
		for _, p := range panels(t) {
			for _, target := range p.Targets {
				if values := prometheus.values(t, target.Expr); values == "" {
					missing[target.Expr] = p.Dashboard + ": " + p.Title
				}
			}
		}
		if len(missing) > 0 {
			t.Logf("still empty: %v", missing)
			time.Sleep(time.Second) // until the next scrape
		}
		return len(missing) == 0
	})
	for _, expr := range happened() {
		t.Logf("what happened | %s: %s", expr, prometheus.values(t, expr))
	}
	for _, p := range panels(t) {
		for _, target := range p.Targets {
			t.Logf("%s | %s | %s = %s", p.Dashboard, p.Title, target.Expr, prometheus.values(t, target.Expr))
		}
	}
	prometheus.checkRules(t)
	s.checkLabels(t, used)
}

// useForAWhile does what people do, until each kind of it has happened in more than one scrape. It returns what must
// not appear in metrics.
func (s *site) useForAWhile(t *testing.T) (private []string) {
	t.Helper()
	ana := s.newPerson(t, "")
	clip := tinyClip(t)
	id := ana.upload(t, clip, "Mine")
	broken := filepath.Join(t.TempDir(), "broken.mp4")
	if err := os.WriteFile(broken, []byte(readFile(t, clip)[:2000]), 0o600); err != nil {
		t.Fatal(err)
	}
	ana.upload(t, broken, "Broken")
	ana.postUploadForm(t, part{"file", "no video", "clip.mp4"}, part{Name: "title", Value: "No video"}).
		want(t, http.StatusBadRequest, "not_a_video")
	if v := ana.waitForFinal(t, id); v.Status != "processed" {
		t.Fatalf("the clip is %+v", v)
	}
	vote := "/api/public/videos/" + id + "/vote"
	var people sync.WaitGroup
	for n := range 4 {
		people.Go(func() {
			voter := s.newPerson(t, "")
			for range 3 { // in several scrapes, and twice each time
				s.do(t, http.MethodPost, vote, voter.Token, "", nil)
				s.do(t, http.MethodPost, vote, voter.Token, "", nil)
				s.do(t, http.MethodDelete, vote, voter.Token, "", nil)
				s.get(t, "/api/public/videos?q=mine", "")
				s.get(t, "/api/public/videos", "")
				s.get(t, fmt.Sprintf("/api/public/rankings?city=Nowhere%d", n), "")
				s.get(t, "/api/nothing/here", "")
				time.Sleep(700 * time.Millisecond) // so that scrapes come between
			}
		})
	}
	people.Wait()
	for range 30 { // until a budget refuses
		if s.login(t, ana.Email, "a wrong password").Status == http.StatusTooManyRequests {
			break
		}
	}
	// The first value of a series is no increase: so each kind of job ends once more.
	second := ana.upload(t, broken, "Broken, too")
	if v := ana.waitForFinal(t, second); v.Status != "failed" {
		t.Fatalf("the broken clip is %+v", v)
	}
	return append(s.suffer(t, ana, broken), id, second, ana.ID, ana.Email, "Nowhere", "127.0.0.1", ana.Token)
}

// checkLabels walks all series of the app.
func (s *site) checkLabels(t *testing.T, private []string) {
	t.Helper()
	perMetric, total := map[string]int{}, 0
	uuid := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-`)
	for line := range strings.Lines(string(s.get(t, "/metrics", "").Body)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		name, _, _ := strings.Cut(line, "{")
		name, _, _ = strings.Cut(name, " ")
		perMetric[name]++
		total++
		if uuid.MatchString(line) {
			t.Errorf("a series has an id: %s", line)
		}
		for _, text := range private {
			if strings.Contains(line, text) {
				t.Errorf("a series has %s: %s", text, line)
			}
		}
	}
	t.Logf("%d series of %d names", total, len(perMetric))
	if len(perMetric) < 60 {
		t.Errorf("only %d metrics", len(perMetric))
	}
	for name, n := range perMetric {
		if limit := 100 + 600*strings.Count(name, "_bucket"); n > limit {
			t.Errorf("%s has %d series", name, n)
		}
	}
}

// prometheusServer is a Prometheus with the repository's configuration, but for what it scrapes and how often.
type prometheusServer struct{ *dedicatedServer }

func startPrometheus(t *testing.T, target string) *prometheusServer {
	t.Helper()
	var config map[string]any
	readYAML(t, "prometheus.yml", &config)
	config["global"] = map[string]any{"scrape_interval": "1s", "evaluation_interval": "1s"}
	var files []string
	for _, name := range []string{"recording.yml", "alerts.yml"} {
		file, err := filepath.Abs(filepath.Join(observability, name))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	config["rule_files"] = files
	config["scrape_configs"] = []any{map[string]any{
		"job_name":       "serve",
		"static_configs": []any{map[string]any{"targets": []string{strings.TrimPrefix(target, "http://")}}},
	}}
	content, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "prometheus.yml")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", reservePort(t))
	s := &dedicatedServer{
		URL: "http://" + address, output: &logBuffer{},
		args: []string{
			"prometheus", "--config.file=" + file, "--storage.tsdb.path=" + filepath.Join(folder, "data"),
			"--web.listen-address=" + address,
		},
		answers: func() bool {
			response, err := http.Get("http://" + address + "/-/ready")
			if err != nil {
				return false
			}
			_ = response.Body.Close()
			return response.StatusCode == http.StatusOK
		},
	}
	s.start(t)
	s.stopOnCleanup(t)
	return &prometheusServer{s}
}

// values evaluates an expression now, and returns its first values; "" if there is none, or if one is no number.
func (p *prometheusServer) values(t *testing.T, expr string) string {
	t.Helper()
	// So long a time holds the whole test, on a busy machine, too.
	expr = strings.ReplaceAll(expr, "$__rate_interval", "10m")
	var answer struct {
		Status, Error string
		Data          struct {
			Result []struct{ Value [2]any }
		}
	}
	p.ask(t, "/api/v1/query?query="+url.QueryEscape(expr), &answer)
	if answer.Status != "success" {
		t.Fatalf("%s: %s", expr, answer.Error)
	}
	var values []string
	for _, result := range answer.Data.Result {
		if value := fmt.Sprint(result.Value[1]); value != "NaN" {
			values = append(values, value)
		}
	}
	return strings.Join(values[:min(len(values), 4)], ", ")
}

// checkRules fails the test if a rule could not be evaluated.
func (p *prometheusServer) checkRules(t *testing.T) {
	t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	p.ask(t, "/api/v1/rules", &answer)
	n := 0
	for _, group := range answer.Data.Groups {
		for _, rule := range group.Rules {
			n++
			if rule.Health != "ok" {
				t.Errorf("%s: %s %s", rule.Name, rule.Health, rule.LastError)
			}
		}
	}
	if n < 30 {
		t.Errorf("only %d rules", n)
	}
}

func (p *prometheusServer) ask(t *testing.T, path string, answer any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	send(t, request).decode(t, answer)
}
