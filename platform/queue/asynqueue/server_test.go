package asynqueue_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// server is a test's own Redis, which it may stop, flush and start again.
type server struct {
	t    *testing.T
	port int
	args []string
	tls  bool
	run  *exec.Cmd
}

func startServer(t *testing.T, args ...string) *server {
	t.Helper()
	s := &server{t: t, args: args}
	s.mustStart()
	return s
}

// startTLSServer starts a server whose certificate nobody trusts.
func startTLSServer(t *testing.T) *server {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{{127, 0, 0, 1}},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "server.pem")
	both := slices.Concat(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	)
	if err := os.WriteFile(file, both, 0o600); err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, tls: true, args: []string{
		"--port", "0", "--tls-auth-clients", "no",
		"--tls-cert-file", file, "--tls-key-file", file, "--tls-ca-cert-file", file,
	}}
	s.mustStart()
	return s
}

func (s *server) mustStart() {
	s.t.Helper()
	if testing.Short() {
		s.t.Skip("-short: needs Redis")
	}
	s.args = append(s.args, "--dir", s.t.TempDir(), "--bind", "127.0.0.1", "--save", "")
	for range 5 {
		// Not a port that systems give to outgoing connections, so that the server can come back to it.
		s.port = 10_000 + mathrand.IntN(10_000)
		if s.start() {
			return
		}
	}
	s.t.Fatal("redis-server does not start: run make test, which installs it")
}

// start returns false if another process has the port.
func (s *server) start() bool {
	s.t.Helper()
	port := "--port"
	if s.tls {
		port = "--tls-port"
	}
	s.run = exec.Command("redis-server", append([]string{port, fmt.Sprint(s.port)}, s.args...)...)
	out, err := s.run.StdoutPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.run.Start(); err != nil {
		s.t.Fatalf("%v: run make test, which installs it", err)
	}
	ready, exited := make(chan struct{}), make(chan struct{})
	run := s.run
	go func() {
		defer close(exited)
		isReady := sync.OnceFunc(func() { close(ready) })
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.Contains(lines.Text(), "Ready to accept connections") {
				isReady()
			}
		}
		run.Wait()
	}()
	s.t.Cleanup(func() {
		run.Process.Kill()
		<-exited
	})
	select {
	case <-ready:
		return true
	case <-exited:
		return false
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

func (s *server) signal(signal syscall.Signal) {
	s.t.Helper()
	if err := s.run.Process.Signal(signal); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

func (s *server) url(user *url.Userinfo, db string) string {
	scheme := "redis"
	if s.tls {
		scheme = "rediss"
	}
	return (&url.URL{Scheme: scheme, User: user, Host: s.address(), Path: db}).String()
}
