package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// site is what a scenario puts under load.
type site struct {
	url     string
	name    string // the stage, or the address of a site elsewhere
	metrics string // address of the worker's metrics; "" of a site elsewhere
	watch   processes

	app       string
	dir       string
	env       []string
	processes []*exec.Cmd
}

// own are the settings of a site for a load test. The generator has one address, so what one client may do is not
// bounded.
func own() []string {
	return []string{
		"RATE_LIMITS=false", "LOAD_TEST_ENDPOINTS=true", "LOG_FORMAT=json", "LOG_LEVEL=warn", "ENV_FILE=",
		"UPLOADS_UNPUBLISHED_PER_ACCOUNT=0", "UPLOADS_PER_DAY_PER_ACCOUNT=0", "UPLOADS_BYTES_PER_ACCOUNT=0",
	}
}

// inherited is the part of this process's environment that a site gets. The rest may name somebody's real database.
func inherited() []string {
	return slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		known := []string{"PATH", "HOME", "TMPDIR", "LC_ALL", "TZ", "GORACE", "GOGC", "GOMEMLIMIT", "GOMAXPROCS"}
		return !slices.Contains(known, name) && !strings.HasPrefix(name, "RISING_STARS_")
	})
}

// openSite returns the target, or starts a site of the stage; env are NAME=value settings beside those of own. The
// caller closes it.
func openSite(ctx context.Context, o options, env ...string) (*site, error) {
	if o.target != "" {
		return &site{url: o.target, name: o.target, watch: o.watch}, check(ctx, o.target)
	}
	s := &site{name: o.stage, app: o.app}
	err := s.start(ctx, o.stage, env, o.set)
	if err == nil {
		err = check(ctx, s.url)
	}
	if err != nil {
		err = errors.Join(err, s.close())
		return nil, err
	}
	return s, nil
}

func (s *site) start(ctx context.Context, stage string, env, set []string) (err error) {
	if s.dir, err = os.MkdirTemp("", "load-"); err != nil {
		return err
	}
	s.env = append(inherited(), own()...)
	s.env = append(s.env, "DATA_DIR="+filepath.Join(s.dir, "data"))
	s.env = append(s.env, env...)
	s.env = append(s.env, set...)
	roles := []string{"serve"}
	if stage != "embedded" {
		servers, err := stageServers(ctx, stage)
		if err != nil {
			return err
		}
		s.env = append(s.env, servers...)
		if out, err := s.command(ctx, "migrate", "up").CombinedOutput(); err != nil {
			return fmt.Errorf("migrate: %w\n%s", err, out)
		}
		roles = append(roles, "work")
	}
	for _, role := range roles {
		address, err := s.launch(ctx, role)
		if err != nil {
			return err
		}
		if role == "serve" {
			s.url = "http://" + address
		}
		s.metrics = "http://" + address + "/metrics"
	}
	return nil
}

func (s *site) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.app, args...)
	cmd.Env = s.env
	cmd.Dir = s.dir // which has no .env
	return cmd
}

// launch starts a process of the site and returns its address once it is ready.
func (s *site) launch(ctx context.Context, role string) (address string, err error) {
	if address, err = freeAddress(ctx); err != nil {
		return "", err
	}
	// A context would kill the process instead of letting it stop.
	cmd := s.command(context.WithoutCancel(ctx), role)
	cmd.Env = append(cmd.Env, "HTTP_ADDR="+address)
	if role == "work" {
		cmd.Env = append(cmd.Env, "WORKER_HTTP_ADDR="+address)
	}
	path := filepath.Join(s.dir, role+".log")
	log, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return "", err
	}
	s.processes = append(s.processes, cmd)
	s.watch = append(s.watch, watched{role, cmd.Process.Pid})
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if status, _ := get(ctx, "http://"+address+"/readyz", nil); status == http.StatusOK {
			return address, nil
		}
		select {
		case <-ctx.Done():
			content, _ := os.ReadFile(path)
			return "", fmt.Errorf("app %s does not start: %s", role, bytes.TrimSpace(content))
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// freeAddress returns an address of this machine on which nothing listens.
func freeAddress(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// close stops the site's processes, unless they belong to somebody else, and removes its files.
func (s *site) close() error {
	var errs []error
	for _, cmd := range s.processes {
		errs = append(errs, cmd.Process.Signal(syscall.SIGTERM))
	}
	for _, cmd := range s.processes {
		if err := cmd.Wait(); err != nil {
			errs = append(errs, fmt.Errorf("app %s: %w", cmd.Args[1], err))
		}
	}
	if s.dir != "" {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// check explains what keeps a site from being put under load.
func check(ctx context.Context, site string) error {
	if status, err := get(ctx, site+"/health", nil); status != http.StatusOK {
		return fmt.Errorf("%s/health does not answer with 200 (%d, %w)", site, status, err)
	}
	status, err := post(ctx, site+"/api/videos/upload-mock", "text/plain", strings.NewReader("-"), nil)
	if err != nil {
		return err
	}
	if status == http.StatusNotFound {
		return errors.New("upload-mock is off: start the site with LOAD_TEST_ENDPOINTS=true")
	}
	// Eight wrong passwords of somebody who does not exist are too many in a minute.
	for range 8 {
		login := fmt.Sprintf(`{"email":"nobody-%s@example.com","password":"wrong-wrong-wrong"}`, "load-check")
		status, err := post(ctx, site+"/api/auth/login", "application/json", strings.NewReader(login), nil)
		if err != nil {
			return err
		}
		if status == http.StatusTooManyRequests {
			return errors.New("the site bounds how often one address may do something, and a load generator has only " +
				"one address: start the site with RATE_LIMITS=false (for the test only)")
		}
	}
	return nil
}

// get decodes a JSON answer into out, unless that is nil.
func get(ctx context.Context, url string, out any) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return 0, err
	}
	return send(request, out)
}

func post(ctx context.Context, url, contentType string, body io.Reader, out any) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, body)
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", contentType)
	return send(request, out)
}

func send(request *http.Request, out any) (status int, err error) {
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err == nil && out != nil && response.StatusCode < http.StatusMultipleChoices {
		err = json.Unmarshal(content, out)
	}
	return response.StatusCode, err
}

// secret is long enough for every setting.
func secret() string { return rand.Text() + rand.Text() }

// version asks the site which version it is; "" if it does not say.
func (s *site) version(ctx context.Context) string {
	var health struct{ Version string }
	_, _ = get(ctx, s.url+"/health", &health)
	return health.Version
}
