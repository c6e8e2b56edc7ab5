package s3store_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"
)

// ownServer is an S3 server that a test can stop and start. Its buckets are folders in folder.
type ownServer struct {
	addr, folder, access, secret string
	process                      *exec.Cmd
}

func newOwnServer(t *testing.T) *ownServer {
	t.Helper()
	server(t) // for its message if there is none
	s := &ownServer{
		folder: t.TempDir(),
		access: os.Getenv("AWS_ACCESS_KEY_ID"),
		secret: os.Getenv("AWS_SECRET_ACCESS_KEY"),
	}
	for range 5 {
		// Systems do not use these ports for outgoing connections, so the server can have its port again after a
		// restart.
		s.addr = fmt.Sprintf("127.0.0.1:%d", 10_000+rand.IntN(10_000))
		if conn, err := net.Dial("tcp", s.addr); err == nil { // another program uses the port
			conn.Close()
			continue
		}
		s.start(t)
		t.Cleanup(func() { s.kill() })
		return s
	}
	t.Fatal("no port is free")
	return nil
}

func (s *ownServer) start(t *testing.T) {
	t.Helper()
	s.process = exec.Command(
		os.Getenv("TEST_S3_SERVER"), "--quiet", "--keep-alive", "--port", s.addr, "--health", "/health",
		"posix", s.folder,
	)
	s.process.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+s.access, "ROOT_SECRET_KEY="+s.secret)
	if err := s.process.Start(); err != nil {
		t.Fatalf("TEST_S3_SERVER: %v", err)
	}
	deadline := time.After(timeout)
	for {
		res, err := http.Get((&url.URL{Scheme: "http", Host: s.addr, Path: "/health"}).String())
		if err == nil {
			res.Body.Close()
			return
		}
		select {
		case <-deadline:
			t.Fatalf("the S3 server does not start: %v", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (s *ownServer) kill() {
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
}
