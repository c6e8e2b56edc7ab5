package mail_test

import (
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"risingstars/platform/mail"
	"risingstars/platform/mail/mailtest"
)

func message() mail.Message {
	return mail.Message{
		ID: "act", From: "no-reply@show.example", To: "ana@example.com", Subject: "Hola", Text: "Hola",
		HTML: "<p>Hola</p>", At: time.Now(),
	}
}

// outside is an address of this machine that is not loopback.
func outside(t *testing.T) string {
	t.Helper()
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.To4() != nil && !network.IP.IsLoopback() {
			return network.IP.String()
		}
	}
	t.Skip("this machine has no other address than loopback")
	return ""
}

// Passwords and links go over lines that nobody reads: TLS is required, with a certificate to trust, but to this host.
func TestTheLineIsSecureUnlessItIsLoopback(t *testing.T) {
	t.Parallel()
	host := outside(t)
	for name, test := range map[string]struct {
		server  mailtest.Options
		scheme  string
		trusted bool
		user    string
		works   bool
	}{
		"loopback, plain":               {mailtest.Options{}, "smtp", false, "", true},
		"loopback, own certificate":     {mailtest.Options{TLS: true}, "smtp", false, "", true},
		"STARTTLS":                      {mailtest.Options{Host: host, TLS: true}, "smtp", true, "", true},
		"no STARTTLS":                   {mailtest.Options{Host: host}, "smtp", true, "", false},
		"STARTTLS, unknown certificate": {mailtest.Options{Host: host, TLS: true}, "smtp", false, "", false},
		"smtps":                         {mailtest.Options{Host: host, Implicit: true}, "smtps", true, "", true},
		"smtps, unknown certificate":    {mailtest.Options{Host: host, Implicit: true}, "smtps", false, "", false},
		"smtps to a server without TLS": {mailtest.Options{Host: host}, "smtps", true, "", false},
		"the right password": {
			mailtest.Options{Host: host, TLS: true, User: "u@x", Password: "p@ß"},
			"smtp", true, "u%40x:p%40%C3%9F@", true,
		},
		"a wrong password": {
			mailtest.Options{Host: host, TLS: true, User: "u", Password: "p"}, "smtp", true, "u:wrong@", false,
		},
		"no password where one is asked": {
			mailtest.Options{TLS: true, User: "u", Password: "p"}, "smtp", true, "", false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mailtest.Start(t, test.server)
			o := mail.SMTPOptions{URL: test.scheme + "://" + test.user + server.Addr, Roots: x509.NewCertPool()}
			if test.trusted {
				o.Roots.AppendCertsFromPEM(server.CA)
			}
			carrier, err := mail.OpenSMTP(o)
			if err != nil {
				t.Fatal(err)
			}
			err = carrier.Carry(t.Context(), message())
			if (err == nil) != test.works || errors.Is(err, mail.ErrRefused) {
				t.Errorf("the letter is sent: %v", err)
			}
			for _, l := range server.Letters() {
				if !l.Secure && test.server.Host != "" || !test.works {
					t.Errorf("a letter went over a line that is secure: %v", l.Secure)
				}
			}
			if err != nil && (strings.Contains(err.Error(), "wrong") || strings.Contains(err.Error(), "ana@")) {
				t.Errorf("the error says too much: %v", err)
			}
		})
	}
}

// A server that says nothing holds up a letter for no longer than a step's time, wherever it stops, and is told of.
func TestASilentServerIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"connect", "mail", "rcpt", "data", "done"} {
		t.Run(at, func(t *testing.T) {
			t.Parallel()
			var address string
			if at == "connect" {
				listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
				if err != nil {
					t.Fatal(err)
				}
				defer listener.Close()
				address = listener.Addr().String() // where nobody accepts
			} else {
				server := mailtest.Start(t, mailtest.Options{})
				silence := make(chan struct{})
				defer close(silence)
				server.Answer(func(step, _ string, _ int) error {
					if step == at {
						<-silence
					}
					return nil
				})
				address = server.Addr
			}
			carrier, err := mail.OpenSMTP(mail.SMTPOptions{URL: "smtp://" + address, Step: 200 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			err = carrier.Carry(t.Context(), message())
			if err == nil || err.Error() != "the SMTP server does not answer in time" {
				t.Errorf("the letter is sent: %v", err)
			}
		})
	}
}

// Without a server, letters are files that others cannot read, and the log says where without the link.
func TestWithoutAServerLettersAreFiles(t *testing.T) {
	t.Parallel()
	log := &lines{}
	folder := filepath.Join(t.TempDir(), "mail")
	carrier := mail.NewFolder(folder, slog.New(slog.NewTextHandler(log, nil)))
	m := message()
	m.ID, m.Text = "../confirm/a b", "https://show.example/confirm?token=secret"
	for range 2 {
		if err := carrier.Carry(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 || !strings.HasSuffix(files[0].Name(), ".eml") {
		t.Fatalf("the files are %v, %v", files, err)
	}
	name := filepath.Join(folder, files[0].Name())
	about, err := os.Stat(name)
	if err != nil || about.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", about.Mode(), err)
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if l, err := mailtest.Read(raw); err != nil || l.Token() != "secret" {
		t.Errorf("the letter is %+v, %v", l, err)
	}
	if !strings.Contains(log.String(), name) || strings.Contains(log.String(), "secret") {
		t.Errorf("the log says %s", log)
	}
}

// A wrong address of a server is told at the start.
func TestAWrongServerAddressIsRefused(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"", "mail.example:587", "http://mail.example", "smtp://", "smtp://mail.example:x",
	} {
		if _, err := mail.OpenSMTP(mail.SMTPOptions{URL: address}); err == nil {
			t.Errorf("%q is accepted", address)
		}
	}
}
