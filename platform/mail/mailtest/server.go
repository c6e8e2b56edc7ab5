// Package mailtest runs an SMTP server for tests.
package mailtest

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Letter is what the server has accepted.
type Letter struct {
	From, To   string // of the envelope
	Header     mail.Header
	Raw        string
	Text, HTML string
	Secure     bool // it came over TLS
	User       string
}

// Subject returns the subject as people read it.
func (l Letter) Subject() string {
	subject, _ := new(mime.WordDecoder).DecodeHeader(l.Header.Get("Subject"))
	return subject
}

var link = regexp.MustCompile(`https?://\S+`)

// Link returns the first link of the text.
func (l Letter) Link() string { return link.FindString(l.Text) }

// Token returns that of the link.
func (l Letter) Token() string {
	u, err := url.Parse(l.Link())
	if err != nil {
		return ""
	}
	return u.Query().Get("token")
}

// Server is an SMTP server. What it does with a letter can be changed while it runs.
type Server struct {
	Addr string
	CA   []byte // PEM of its certificate, with Options.TLS

	server *smtp.Server

	mu      sync.Mutex
	letters []Letter
	seen    int
	// at is asked at each step of a conversation: "mail", "rcpt", "data", "done", and "reset" after the answer to that.
	// An error is the server's answer.
	at func(step, to string, nth int) error
}

// Options of a Server.
type Options struct {
	Host     string // an address of this machine; "": 127.0.0.1
	TLS      bool   // it offers STARTTLS
	Implicit bool   // it begins with TLS
	User     string
	Password string
}

// Start runs a server until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	o.Host = cmp.Or(o.Host, "127.0.0.1")
	s := &Server{}
	s.server = smtp.NewServer(&backend{s, o})
	s.server.Domain, s.server.AllowInsecureAuth, s.server.EnableSMTPUTF8 = "localhost", true, true
	s.server.ReadTimeout, s.server.WriteTimeout = time.Minute, time.Minute
	s.server.ErrorLog = quiet{}
	if o.TLS || o.Implicit {
		certificate, ca := certify(t, o.Host)
		s.CA, s.server.TLSConfig = ca, &tls.Config{Certificates: []tls.Certificate{certificate}}
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", net.JoinHostPort(o.Host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	s.Addr = listener.Addr().String()
	if o.Implicit {
		listener = tls.NewListener(listener, s.server.TLSConfig)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.server.Serve(listener) // it ends with Close
	}()
	t.Cleanup(func() {
		_ = s.server.Close()
		<-done
	})
	return s
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// Answer changes what the server says at each step ("mail", "rcpt", "data", "done" once it has the letter, or "reset"
// once it has answered); nth
// counts conversations from 1. nil accepts all.
func (s *Server) Answer(at func(step, to string, nth int) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at = at
}

// Code is an answer of the server.
func Code(code int) error { return &smtp.SMTPError{Code: code, Message: "as the test wants it"} }

// Policy is an answer by which the server refuses whoever sends, not the recipient.
func Policy(code int) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{5, 7, 1}, Message: "relaying denied"}
}

// ErrDrop closes the connection.
var ErrDrop = errors.New("drop")

// Letters returns those that were accepted, the earliest first.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter(nil), s.letters...)
}

// To returns those to an address.
func (s *Server) To(address string) (letters []Letter) {
	for _, l := range s.Letters() {
		if strings.EqualFold(l.To, address) {
			letters = append(letters, l)
		}
	}
	return letters
}

// Seen returns how many conversations there were about a letter.
func (s *Server) Seen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// Await returns the nth letter to the address, counted from 1, as soon as there is one. A letter that a killed process
// held waits for more than a minute.
func (s *Server) Await(t testing.TB, address string, nth int) Letter {
	t.Helper()
	deadline := time.Now().Add(3 * time.Minute)
	for time.Now().Before(deadline) {
		if letters := s.To(address); len(letters) >= nth {
			return letters[nth-1]
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("no letter %d to %s has arrived; there are %d in all", nth, address, len(s.Letters()))
	return Letter{}
}

type backend struct {
	s *Server
	o Options
}

func (b *backend) NewSession(c *smtp.Conn) (smtp.Session, error) { return &session{b: b, c: c}, nil }

type session struct {
	b              *backend
	c              *smtp.Conn
	nth            int
	user, from, to string
}

func (s *session) AuthMechanisms() []string {
	if s.b.o.User == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != s.b.o.User || password != s.b.o.Password {
			return smtp.ErrAuthFailed
		}
		s.user = user
		return nil
	}), nil
}

func (s *session) step(step string) error {
	s.b.s.mu.Lock()
	at := s.b.s.at
	s.b.s.mu.Unlock()
	if at == nil {
		return nil
	}
	err := at(step, s.to, s.nth)
	if errors.Is(err, ErrDrop) {
		_ = s.c.Conn().Close()
	}
	return err
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	if s.b.o.User != "" && s.user == "" {
		return smtp.ErrAuthRequired
	}
	s.b.s.mu.Lock()
	s.b.s.seen++
	s.nth = s.b.s.seen
	s.b.s.mu.Unlock()
	s.from = from
	return s.step("mail")
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return s.step("rcpt")
}

func (s *session) Data(r io.Reader) error {
	if err := s.step("data"); err != nil {
		return err
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	_, secure := s.c.TLSConnectionState()
	l, err := Read(raw)
	if err != nil {
		return err
	}
	l.From, l.To, l.Secure, l.User = s.from, s.to, secure, s.user
	s.b.s.mu.Lock()
	s.b.s.letters = append(s.b.s.letters, l)
	s.b.s.mu.Unlock()
	return s.step("done")
}

// Reset follows the answer to a letter. Nobody is told of its error, but for ErrDrop.
func (s *session) Reset()      { _ = s.step("reset") }
func (*session) Logout() error { return nil }

// Read parses a letter with a text and a page.
func Read(raw []byte) (l Letter, err error) {
	m, err := mail.ReadMessage(strings.NewReader(string(raw)))
	if err != nil {
		return l, err
	}
	l.Header, l.Raw = m.Header, string(raw)
	_, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return l, err
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return l, err
		}
		content, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return l, err
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			l.Text = string(content)
		} else {
			l.HTML = string(content)
		}
	}
}

// certify makes a certificate for this host that signs for itself.
func certify(t testing.TB, host string) (certificate tls.Certificate, ca []byte) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mailtest"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		IPAddresses: []net.IP{net.ParseIP(host)},
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
