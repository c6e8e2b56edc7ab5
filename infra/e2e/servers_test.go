package e2e

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// dedicatedServer is a database or queue server that belongs to one test, which may stop it and start it again.
type dedicatedServer struct {
	URL string

	args    []string
	user    *syscall.Credential
	answers func() bool
	cmd     *exec.Cmd
	exited  chan struct{}
	output  *logBuffer
}

func (s *dedicatedServer) start(t *testing.T) {
	t.Helper()
	reader, writer := io.Pipe()
	s.cmd, s.exited = exec.Command(s.args[0], s.args[1:]...), make(chan struct{})
	s.cmd.Dir = "/"
	s.cmd.Stdout, s.cmd.Stderr = writer, writer
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("%v: make test installs it", err)
	}
	cmd, exited := s.cmd, s.exited
	go func() {
		content := make([]byte, 64<<10)
		for {
			n, err := reader.Read(content)
			if err != nil {
				return
			}
			s.output.add(string(bytes.TrimSuffix(content[:n], []byte("\n"))))
		}
	}()
	go func() {
		defer close(exited)
		_ = cmd.Wait()
		_ = writer.Close()
	}()
	eventually(t, s.args[0]+" answers", func() bool {
		select {
		case <-exited:
			t.Fatalf("%s has exited:\n%s", s.args[0], s.output)
		default:
		}
		return s.answers()
	})
}

// stop shuts the server down at once, even if clients are connected.
func (s *dedicatedServer) stop(t *testing.T) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	<-s.exited
}

func (s *dedicatedServer) stopOnCleanup(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		_ = s.cmd.Process.Signal(syscall.SIGINT)
		<-s.exited
	})
}

// reservedPorts are the ports that reservePort has returned. They stay reserved while their servers are stopped.
var reservedPorts sync.Map

// reservePort returns a free port on which a server can be started again: it is below the range that the system assigns
// to outgoing connections. The stages run at the same time, so each stage has its own range.
func reservePort(t *testing.T) int {
	t.Helper()
	const perStage = 3_000
	first := 10_000 + perStage*slices.Index([]string{embedded, onehost, aws}, stage())
	for range 100 {
		port := first + rand.IntN(perStage)
		if _, reserved := reservedPorts.LoadOrStore(port, true); reserved {
			continue
		}
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func startRedis(t *testing.T) *dedicatedServer {
	t.Helper()
	port := reservePort(t)
	address := fmt.Sprintf("127.0.0.1:%d", port)
	s := &dedicatedServer{
		URL: "redis://" + address + "/0", output: &logBuffer{},
		args: []string{
			"redis-server", "--port", strconv.Itoa(port), "--bind", "127.0.0.1", "--dir", t.TempDir(),
			"--save", "", "--appendonly", "yes",
		},
		answers: func() bool {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				return false
			}
			defer conn.Close()
			reply := make([]byte, 5)
			_, err = fmt.Fprint(conn, "PING\r\n")
			if err == nil {
				_, err = io.ReadFull(conn, reply)
			}
			return err == nil && string(reply) == "+PONG"
		},
	}
	s.start(t)
	s.stopOnCleanup(t)
	return s
}

// startPostgres creates a cluster and runs a server on it; settings are NAME=value pairs as in postgresql.conf.
func startPostgres(t *testing.T, settings ...string) *dedicatedServer {
	t.Helper()
	programs, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if path, missing := exec.LookPath("initdb"); missing == nil {
		programs = append(programs, path)
	}
	if err != nil || len(programs) == 0 {
		t.Fatal("PostgreSQL is missing; make test installs it")
	}
	bin := filepath.Dir(slices.Max(programs))
	dir, err := os.MkdirTemp("", "postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	s := &dedicatedServer{output: &logBuffer{}}
	if os.Geteuid() == 0 { // PostgreSQL refuses to run as root
		s.user = credential(t, "postgres")
		if err := os.Chown(dir, int(s.user.Uid), int(s.user.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"),
		"-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.Dir = "/"
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	port := reservePort(t)
	s.URL = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable&connect_timeout=%.0f",
		port, waitTimeout.Seconds())
	s.args = []string{
		filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port), "-c", "listen_addresses=127.0.0.1",
		"-c", "unix_socket_directories=" + dir, "-c", "fsync=off",
	}
	for _, setting := range settings {
		s.args = append(s.args, "-c", setting)
	}
	s.answers = func() bool {
		conn, err := pgx.Connect(t.Context(), s.URL)
		if err != nil {
			return false
		}
		return conn.Close(t.Context()) == nil
	}
	s.start(t)
	s.stopOnCleanup(t)
	return s
}

// credential returns the ids with which a program runs as the named user.
func credential(t *testing.T, name string) *syscall.Credential {
	t.Helper()
	account, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err1 := strconv.ParseUint(account.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(account.Gid, 10, 32)
	if err1 != nil || err2 != nil {
		t.Fatalf("the user %s has the ids %s and %s", name, account.Uid, account.Gid)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
