package asynqueue_test

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os/exec"
	"testing"
	"time"
)

// server is a Redis of a test's own, to be stopped, flushed and started again.
type server struct {
	t    *testing.T
	port int
	args []string
	run  *exec.Cmd
}

func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: needs Redis")
	}
	s := &server{t: t, args: append([]string{"--dir", t.TempDir(), "--bind", "127.0.0.1", "--save", ""}, args...)}
	for range 5 {
		s.port = freePort(t)
		if s.start() {
			return s
		}
	}
	t.Fatal("redis-server does not start: run make test, which installs it")
	return nil
}

// start is false when somebody else has taken the port.
func (s *server) start() bool {
	s.t.Helper()
	s.run = exec.Command("redis-server", append([]string{"--port", fmt.Sprint(s.port)}, s.args...)...)
	s.run.Stdout = io.Discard
	if err := s.run.Start(); err != nil {
		s.t.Fatalf("%v: run make test, which installs it", err)
	}
	exited := make(chan struct{})
	run := s.run
	go func() {
		defer close(exited)
		run.Wait()
	}()
	s.t.Cleanup(func() {
		run.Process.Kill()
		<-exited
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if connection, err := net.Dial("tcp", s.address()); err == nil {
			connection.Close()
			select {
			case <-exited: // it was somebody else's
				return false
			default:
				return true
			}
		}
		select {
		case <-exited:
			return false
		case <-tick.C:
		}
	}
}

func (s *server) kill() {
	s.t.Helper()
	if err := s.run.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	for {
		connection, err := net.Dial("tcp", s.address())
		if err != nil {
			return
		}
		connection.Close()
	}
}

func (s *server) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

func (s *server) url(user *url.Userinfo, db string) string {
	return (&url.URL{Scheme: "redis", User: user, Host: s.address(), Path: db}).String()
}

func freePort(t *testing.T) int {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port
}
