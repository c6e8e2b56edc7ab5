package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"risingstars/app"
	"risingstars/platform/web/bareecho"
)

// The first argument of a child process says what it is.
const (
	childPrefix = "child-"
	childApp    = "child-app"  // the application's command line
	childBare   = "child-bare" // the bare handlers
)

// profileAddr is the variable with the address at which a child shows its profiles.
const profileAddr = "BENCHWEB_PROFILE_ADDR"

// runChild does not return before the child's work ends.
func runChild(kind string, args []string) error {
	if addr := os.Getenv(profileAddr); addr != "" {
		mux := http.NewServeMux()
		mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
		go func() { _ = http.ListenAndServe(addr, mux) }() //nolint:gosec // for whoever measures, on this host
	}
	if kind == childApp {
		os.Args = append([]string{"app"}, args...)
		app.Main()
	}
	answers := map[string][]byte{}
	for _, arg := range args[2:] {
		path, file, _ := strings.Cut(arg, "=")
		body, err := os.ReadFile(file) //nolint:gosec // this program's own
		if err != nil {
			return err
		}
		answers[path] = body
	}
	return bareecho.Serve(context.Background(), args[0], args[1], answers)
}

// child is a server in a process of its own.
type child struct {
	addr     string
	profiles string // address
	cmd      *exec.Cmd
}

// command is this program again.
func command(ctx context.Context, env []string, args []string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, args...) //nolint:gosec // this program itself
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) }
	cmd.WaitDelay = clientTimeout
	cmd.Env = append(os.Environ(), env...)
	return cmd, nil
}

// runApp runs a command of the application.
func (b *bench) runApp(ctx context.Context, env, args []string) error {
	cmd, err := command(ctx, env, append([]string{childApp}, args...))
	if err != nil {
		return err
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &said
	began := time.Now()
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("app %s: %w\n%s", args[0], err, &said)
	}
	fmt.Fprintf(os.Stderr, "app %s took %.1f s\n", args[0], time.Since(began).Seconds())
	return nil
}

// startServe starts the application on a port that is free. It logs into a file, as it does behind a supervisor.
func (b *bench) startServe(ctx context.Context, env []string) (*child, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	c, err := b.start(ctx, append(env, "HTTP_ADDR="+addr), []string{childApp, "serve"}, addr)
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (b *bench) startChild(ctx context.Context, kind string, env, args []string) (*child, error) {
	addr, err := freeAddr(ctx)
	if err != nil {
		return nil, err
	}
	return b.start(ctx, env, append([]string{kind, addr}, args...), addr)
}

func (b *bench) start(ctx context.Context, env, args []string, addr string) (*child, error) {
	c := &child{addr: addr}
	if b.s.profiles != "" {
		profiles, err := freeAddr(ctx)
		if err != nil {
			return nil, err
		}
		c.profiles, env = profiles, append(env, profileAddr+"="+profiles)
	}
	log, err := os.Create(filepath.Join(b.dir, args[0]+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	if c.cmd, err = command(context.WithoutCancel(ctx), env, args); err != nil {
		return nil, err
	}
	c.cmd.Stdout, c.cmd.Stderr = log, log
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	var outcome error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		outcome = c.cmd.Wait()
	}()
	b.closers = append(b.closers, func() {
		_ = c.cmd.Process.Signal(syscall.SIGTERM)
		<-ended
	})
	for deadline := time.Now().Add(clientTimeout); ; time.Sleep(20 * time.Millisecond) {
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
		if err == nil {
			return c, conn.Close()
		}
		select {
		case <-ended:
			said, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("%s: %w\n%s", args[0], outcome, said)
		default:
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%s: %w", args[0], err)
		}
	}
}

// freeAddr returns an address of this host on which nobody listens at the moment.
func freeAddr(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// profile begins a profile of the application, if it is asked for. The function that it returns waits for its end.
func (b *bench) profile(row string) (ended func()) {
	if b.s.profiles == "" {
		return func() {}
	}
	done := make(chan error, 1)
	go func() { done <- b.keepProfile(row) }()
	return func() {
		if err := <-done; err != nil {
			fmt.Fprintf(os.Stderr, "the profile of %s: %v\n", row, err)
		}
	}
}

func (b *bench) keepProfile(row string) error {
	at := fmt.Sprintf("http://%s/debug/pprof/profile?seconds=%d", b.serve.profiles, max(1, int(b.s.length.Seconds())))
	answer, err := http.Get(at) //nolint:gosec,noctx // a child's; it ends by itself
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	name := strings.Trim(regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(row), "-"), "-")
	file, err := os.Create(filepath.Join(b.s.profiles, name+".pprof"))
	if err != nil {
		return err
	}
	_, err = io.Copy(file, answer.Body)
	return errors.Join(err, file.Close())
}
