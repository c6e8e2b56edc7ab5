// Package certificatetest runs a real ACME server for tests: pebble, of Let's Encrypt, with a DNS server of its own
// that lets all names under .test lead to this machine.
package certificatetest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// Patience is how long a test waits for something that must happen, even on a busy machine.
const Patience = time.Minute

// Server is an ACME server. It refuses names that begin with "refused.", and finds none that begin with "nowhere.".
type Server struct {
	Directory string
	Root      *x509.CertPool // of its own certificate
	RootFile  string
	// The authority asks at these ports of this machine instead of 80 and 443.
	HTTPPort, TLSPort int

	folder string
	manage string // its address for tests
	cmd    *exec.Cmd
	exited chan struct{}

	mu    sync.Mutex
	lines []string
}

// New prepares a server that does not run yet. What it issues is valid for a time.
func New(t *testing.T, validity time.Duration) *Server {
	t.Helper()
	if testing.Short() {
		t.Skip("needs an ACME server")
	}
	if _, err := os.Stat(program()); err != nil {
		t.Fatalf("%v; build it with: make .cache/bin/pebble", err)
	}
	s := &Server{folder: t.TempDir(), HTTPPort: Port(t), TLSPort: Port(t)}
	port, management := Port(t), Port(t)
	s.manage = fmt.Sprintf("https://127.0.0.1:%d", management)
	s.Directory = fmt.Sprintf("https://127.0.0.1:%d/dir", port)
	s.writeCertificate(t)
	config := map[string]any{"pebble": map[string]any{
		"listenAddress":           fmt.Sprintf("127.0.0.1:%d", port),
		"managementListenAddress": fmt.Sprintf("127.0.0.1:%d", management),
		"certificate":             s.file("server.pem"), "privateKey": s.file("server.key"),
		"httpPort": s.HTTPPort, "tlsPort": s.TLSPort, "domainBlocklist": []string{"refused.test"},
		"retryAfter": map[string]int{"authz": 1, "order": 1}, "keyAlgorithm": "ecdsa",
		"profiles": map[string]any{"default": map[string]any{
			"description": "the only one", "validityPeriod": int(validity.Seconds()),
		}},
	}}
	content, err := json.Marshal(config)
	if err == nil {
		err = os.WriteFile(s.file("config.json"), content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func program() string {
	if named := os.Getenv("TEST_ACME_SERVER"); named != "" {
		return named
	}
	return ".cache/bin/pebble"
}

func (s *Server) file(name string) string { return filepath.Join(s.folder, name) }

// Start runs the server. It ends with the test, if Stop does not end it before.
func (s *Server) Start(t *testing.T) {
	t.Helper()
	s.cmd = exec.Command(program(), "-config", s.file("config.json"), "-dnsserver", startDNS(t), "-strict=false")
	s.cmd.Env = []string{"PEBBLE_VA_NOSLEEP=1"}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Stderr = s.cmd.Stdout
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.exited = make(chan struct{})
	cmd, exited := s.cmd, s.exited
	go func() {
		defer close(exited)
		s.collect(out)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("the ACME server says:\n%s", s.Log())
		}
	})
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.ClientConfig(), DisableKeepAlives: true}}
	Eventually(t, "the ACME server answers", func() bool {
		response, err := client.Get(s.Directory)
		if err != nil {
			return false
		}
		return response.Body.Close() == nil && response.StatusCode == http.StatusOK
	})
}

// Issuers are those whom clients of the site must trust. They change with each Start.
func (s *Server) Issuers(t *testing.T) *x509.CertPool {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.ClientConfig(), DisableKeepAlives: true}}
	response, err := client.Get(s.manage + "/roots/0")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	pool := x509.NewCertPool()
	if err != nil || !pool.AppendCertsFromPEM(content) {
		t.Fatalf("%s, %v", content, err)
	}
	return pool
}

// Stop ends the server, which forgets everything. Start runs it again.
func (s *Server) Stop() {
	_ = s.cmd.Process.Kill()
	<-s.exited
}

func (s *Server) collect(out io.Reader) {
	for lines := bufio.NewScanner(out); lines.Scan(); {
		s.mu.Lock()
		s.lines = append(s.lines, lines.Text())
		s.mu.Unlock()
	}
}

// Log is what the server has said.
func (s *Server) Log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.lines, "\n")
}

// Orders is how many certificates the server was asked for.
func (s *Server) Orders() int { return strings.Count(s.Log(), "POST /order-plz") }

// Port returns a free port, below those that the system gives to outgoing connections.
func Port(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 4_000 + mathrand.IntN(5_000)
		listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err == nil {
			_ = listener.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

// Eventually polls until the condition is true.
func Eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !condition(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", Patience, what)
		}
	}
}

// writeCertificate writes the certificate by which clients know the server.
func (s *Server) writeCertificate(t *testing.T) {
	t.Helper()
	certificate, key := SelfSigned(t, time.Now().Add(-time.Hour), time.Now().Add(24*time.Hour))
	s.RootFile = s.file("server.pem")
	s.Root = x509.NewCertPool()
	s.Root.AppendCertsFromPEM(certificate)
	for name, content := range map[string][]byte{"server.pem": certificate, "server.key": key} {
		if err := os.WriteFile(s.file(name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// SelfSigned returns a certificate for 127.0.0.1 and names that signs itself, and its key.
func SelfSigned(t *testing.T, from, to time.Time, names ...string) (certificate, key []byte) {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "ACME"}, NotBefore: from, NotAfter: to, IsCA: true,
		BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: names,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, &pair.PublicKey, pair)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: content}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})
}

// startDNS answers questions about names under .test until the test ends, and returns its address. They come by TCP.
func startDNS(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerNames(conn)
		}
	}()
	return listener.Addr().String()
}

// answerNames answers until the client closes. The length of a message precedes it (RFC 1035 §4.2.2).
func answerNames(conn net.Conn) {
	defer conn.Close()
	for {
		var length uint16
		if binary.Read(conn, binary.BigEndian, &length) != nil {
			return
		}
		content := make([]byte, length)
		if _, err := io.ReadFull(conn, content); err != nil {
			return
		}
		answer, err := answerName(content)
		if err != nil {
			return
		}
		if _, err := conn.Write(binary.BigEndian.AppendUint16(nil, uint16(len(answer)))); err != nil {
			return
		}
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}

func answerName(content []byte) ([]byte, error) {
	var question dnsmessage.Message
	if err := question.Unpack(content); err != nil || len(question.Questions) != 1 {
		return nil, fmt.Errorf("not one question: %w", err)
	}
	asked := question.Questions[0]
	answer := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: question.ID, Response: true, RecursionAvailable: true, Authoritative: true},
		Questions: question.Questions,
	}
	name := strings.ToLower(asked.Name.String())
	switch {
	case !strings.HasSuffix(name, ".test."), strings.HasPrefix(name, "nowhere."):
		answer.RCode = dnsmessage.RCodeNameError
	case asked.Type == dnsmessage.TypeA:
		answer.Answers = []dnsmessage.Resource{{
			Header: dnsmessage.ResourceHeader{Name: asked.Name, Class: dnsmessage.ClassINET, TTL: 1},
			Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
		}}
	}
	return answer.Pack()
}

// ClientConfig is that of a client who trusts the ACME server itself.
func (s *Server) ClientConfig() *tls.Config {
	return &tls.Config{RootCAs: s.Root, MinVersion: tls.VersionTLS12}
}
