package certificate_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/platform/certificate"
	"risingstars/platform/certificate/certificatetest"
)

// site is a manager with the listeners at which the authority asks.
type site struct {
	*certificate.Manager
	o   certificate.Options
	log *log
	end func() // stops it as a process does
}

type log struct {
	mu sync.Mutex
	sb strings.Builder
}

func (l *log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sb.Write(p)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sb.String()
}

// start opens a manager on a folder, listens and runs it.
func start(t *testing.T, server *certificatetest.Server, folder string, names ...string) *site {
	t.Helper()
	return startAt(t, server, front{server.Directory, server.Root}, folder, names...)
}

func startAt(t *testing.T, server *certificatetest.Server, authority front, folder string, names ...string) *site {
	t.Helper()
	s := &site{log: &log{}}
	s.o = certificate.Options{
		Folder: folder, Names: names, Directory: authority.address, Host: "127.0.0.1", HTTPPort: server.HTTPPort,
		TLSPort: server.TLSPort, RenewEvery: time.Second, AskEvery: 50 * time.Millisecond, Roots: authority.roots,
		Logger: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	var err error
	if s.Manager, err = certificate.Open(t.Context(), s.o); err != nil {
		t.Fatal(err)
	}
	plain := listen(t, server.HTTPPort)
	secure := tls.NewListener(listen(t, server.TLSPort), &tls.Config{
		GetCertificate: s.Certificate, NextProtos: []string{"http/1.1", "acme-tls/1"},
	})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.Challenge(w, r) {
			w.WriteHeader(http.StatusTeapot)
		}
	})
	quiet := slog.NewLogLogger(slog.DiscardHandler, 0)
	one, other := &http.Server{Handler: handler}, &http.Server{Handler: handler, ErrorLog: quiet}
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	group.Go(func() { _ = one.Serve(plain) })
	group.Go(func() { _ = other.Serve(secure) })
	group.Go(func() { s.Run(ctx) })
	s.end = sync.OnceFunc(func() {
		cancel()
		_, _ = one.Close(), other.Close()
		group.Wait()
		_ = s.Close()
	})
	t.Cleanup(func() {
		s.end()
		if t.Failed() {
			t.Logf("the log:\n%s", s.log)
		}
	})
	return s
}

func listen(t *testing.T, port int) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// served returns the certificate that a client gets for a name; nil: none.
func (s *site) served(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	config := &tls.Config{InsecureSkipVerify: true, ServerName: name}
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 10 * time.Second}, Config: config}
	conn, err := dialer.DialContext(t.Context(), "tcp", fmt.Sprintf("127.0.0.1:%d", s.o.TLSPort))
	if err != nil {
		return nil
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0]
}

func (s *site) awaitAll(t *testing.T) {
	t.Helper()
	certificatetest.Eventually(t, "all names have certificates", func() bool { return s.Check(t.Context()) == nil })
}

func TestCertificatesAreObtainedKeptAndNotAskedForAgain(t *testing.T) {
	t.Parallel()
	server := certificatetest.New(t, 24*time.Hour)
	server.Start(t)
	folder := filepath.Join(t.TempDir(), "certificates")
	first := start(t, server, folder, "contest.test", "www.contest.test")
	defer first.end()
	first.awaitAll(t)
	leaf := first.served(t, "contest.test")
	if leaf == nil || leaf.VerifyHostname("contest.test") != nil {
		t.Fatalf("contest.test is served with %v", leaf)
	}
	if other := first.served(t, "www.contest.test"); other == nil || other.VerifyHostname("www.contest.test") != nil {
		t.Errorf("www.contest.test is served with %v", other)
	}
	for _, stranger := range []string{"", "elsewhere.test", "x.contest.test"} {
		if got := first.served(t, stranger); got != nil {
			t.Errorf("%q is served with the certificate of %v", stranger, got.DNSNames)
		}
	}
	wantClosed(t, folder)
	kept, err := certificate.Look(first.o)
	if err != nil || len(kept) != 2 || !kept[0].NotAfter.Equal(leaf.NotAfter) || !kept[1].Valid(time.Now()) ||
		kept[0].Due(time.Now()) {
		t.Errorf("kept are %+v, %v", kept, err)
	}

	first.end()
	orders := server.Orders()
	if orders != 2 {
		t.Errorf("the authority was asked for %d certificates", orders)
	}
	server.Stop() // a restart needs nobody
	second := start(t, server, folder, "contest.test", "www.contest.test")
	if err := second.Check(t.Context()); err != nil {
		t.Error(err)
	}
	if got := second.served(t, "contest.test"); got == nil || got.SerialNumber.Cmp(leaf.SerialNumber) != 0 {
		t.Errorf("after a restart it is served with %v", got)
	}
	if server.Orders() != orders {
		t.Error("a restart asks again")
	}
}

// wantClosed fails unless the folder and all in it are for their owner alone.
func wantClosed(t *testing.T, folder string) {
	t.Helper()
	keys := 0
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %s", path, info.Mode())
		}
		if filepath.Ext(path) == ".key" {
			keys++
		}
		return err
	})
	if err != nil || keys < 2 {
		t.Errorf("%d keys are kept, %v", keys, err)
	}
}

// A folder that an operator has copied with the wrong modes is closed again.
func TestTheFolderIsClosedToOthers(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	m, err := certificate.Open(t.Context(), certificate.Options{
		Folder: folder, Names: []string{"contest.test"}, Directory: "https://127.0.0.1:1/dir",
	})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	wantMode(t, folder)
	if err := m.Check(t.Context()); err == nil {
		t.Error("a name without a certificate is covered")
	}
}

func wantMode(t *testing.T, folder string) {
	t.Helper()
	info, err := os.Stat(folder)
	if err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("%v, %v", info, err)
	}
}

func TestCertificatesAreRenewedBeforeTheyEnd(t *testing.T) {
	t.Parallel()
	server := certificatetest.New(t, 20*time.Second)
	server.Start(t)
	s := start(t, server, t.TempDir(), "contest.test")
	s.awaitAll(t)
	first := s.served(t, "contest.test")
	if first == nil {
		t.Fatal("there is no certificate")
	}
	var second *x509.Certificate
	certificatetest.Eventually(t, "there is another certificate", func() bool {
		second = s.served(t, "contest.test")
		return second != nil && second.SerialNumber.Cmp(first.SerialNumber) != 0
	})
	if !second.NotBefore.Before(first.NotAfter.Add(time.Hour)) || !second.NotAfter.After(first.NotAfter) {
		t.Errorf("the first ends at %s; the second lasts from %s to %s",
			first.NotAfter, second.NotBefore, second.NotAfter)
	}
}

// What is there serves while the authority is away, however old it is, and is replaced once the authority is back.
func TestAnAuthorityThatIsAwayIsTriedUntilItAnswers(t *testing.T) {
	t.Parallel()
	server := certificatetest.New(t, 3*time.Second)
	folder := t.TempDir()
	s := start(t, server, folder, "contest.test")
	certificatetest.Eventually(t, "the log says why", func() bool {
		return strings.Contains(s.log.String(), "no certificate can be asked for yet") &&
			strings.Contains(s.log.String(), "the ACME server cannot be reached from here")
	})
	if err := s.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "contest.test") {
		t.Errorf("Check says %v", err)
	}
	server.Start(t)
	certificatetest.Eventually(t, "there is a certificate", func() bool { return s.served(t, "contest.test") != nil })
	s.end()
	server.Stop()

	old := start(t, server, folder, "contest.test")
	certificatetest.Eventually(t, "it has ended", func() bool { return old.Check(t.Context()) != nil })
	leaf := old.served(t, "contest.test")
	if leaf == nil {
		t.Fatal("nothing is served")
	}
	kept, err := certificate.Look(old.o)
	if err != nil || kept[0].Valid(time.Now()) || !kept[0].Due(time.Now()) {
		t.Errorf("kept is %+v, %v", kept, err)
	}
}

func TestARefusedNameKeepsNoOtherFromItsCertificate(t *testing.T) {
	t.Parallel()
	server := certificatetest.New(t, 24*time.Hour)
	server.Start(t)
	s := start(t, server, t.TempDir(), "refused.test", "nowhere.test", "contest.test")
	certificatetest.Eventually(t, "the others are told of", func() bool {
		said := s.log.String()
		const failed = `msg="no certificate was obtained; it will be tried again" domain=`
		return strings.Contains(said, failed+"refused.test") && strings.Contains(said, failed+"nowhere.test")
	})
	certificatetest.Eventually(t, "one is served", func() bool { return s.served(t, "contest.test") != nil })
	err := s.Check(t.Context())
	if err == nil || err.Error() != "no valid certificate for refused.test, nowhere.test" {
		t.Errorf("Check says %v", err)
	}
	for _, none := range []string{"refused.test", "nowhere.test"} {
		if got := s.served(t, none); got != nil {
			t.Errorf("%s is served with %v", none, got.DNSNames)
		}
	}
}

// With a wrong clock, what the authority gives would seem not yet valid or expired, and be asked for again and again.
func TestNothingIsAskedForWhileTheClocksAreApart(t *testing.T) {
	t.Parallel()
	server := certificatetest.New(t, 24*time.Hour)
	server.Start(t)
	for name, apart := range map[string]time.Duration{"behind": 3 * time.Hour, "ahead": -26 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			front := inFront(t, server, func(h http.Header) {
				h.Set("Date", time.Now().Add(apart).UTC().Format(http.TimeFormat))
			}, time.Now().Add(time.Hour))
			err := certificate.Ask(t.Context(), front.address, front.roots)
			if err == nil || !strings.Contains(err.Error(), "the clock of this machine is wrong") ||
				!strings.Contains(certificate.Hint(err), "NTP") {
				t.Errorf("%v; %s", err, certificate.Hint(err))
			}
		})
	}
	t.Run("so far that TLS fails", func(t *testing.T) {
		front := inFront(t, server, func(http.Header) {}, time.Now().Add(-time.Minute))
		err := certificate.Ask(t.Context(), front.address, front.roots)
		if err == nil || !strings.Contains(certificate.Hint(err), "NTP") {
			t.Errorf("%v; %s", err, certificate.Hint(err))
		}
	})
	t.Run("nobody trusts the server", func(t *testing.T) {
		front := inFront(t, server, func(http.Header) {}, time.Now().Add(time.Hour))
		err := certificate.Ask(t.Context(), front.address, nil)
		if err == nil || !strings.Contains(certificate.Hint(err), "SSL_CERT_FILE") {
			t.Errorf("%v; %s", err, certificate.Hint(err))
		}
	})
	if err := certificate.Ask(t.Context(), server.Directory, server.Root); err != nil {
		t.Error(err)
	}
	wrong := inFront(t, server, func(h http.Header) {
		h.Set("Date", time.Now().Add(2*time.Hour).UTC().Format(http.TimeFormat))
	}, time.Now().Add(time.Hour))
	s := startAt(t, server, wrong, t.TempDir(), "contest.test")
	certificatetest.Eventually(t, "the log tells of the clock, once", func() bool {
		return strings.Count(s.log.String(), "run an NTP client") == 1
	})
	s.end()
	if server.Orders() != 0 {
		t.Error("a certificate was asked for")
	}
}

type front struct {
	address string
	roots   *x509.CertPool
}

// inFront passes requests on to the ACME server and changes the headers of answers. Its certificate ends at a time.
func inFront(t *testing.T, server *certificatetest.Server, change func(http.Header), end time.Time) front {
	t.Helper()
	to, err := url.Parse(server.Directory)
	if err != nil {
		t.Fatal(err)
	}
	content, key := certificatetest.SelfSigned(t, time.Now().Add(-time.Hour), end)
	pair, err := tls.X509KeyPair(content, key)
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.Out.URL.Scheme, r.Out.URL.Host = to.Scheme, to.Host },
		Transport: &http.Transport{TLSClientConfig: server.ClientConfig()},
		ModifyResponse: func(r *http.Response) error {
			change(r.Header)
			return nil
		},
	}
	s := &http.Server{Handler: proxy, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() { _ = s.Close() })
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(content)
	return front{"https://" + l.Addr().String() + to.Path, roots}
}
