package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority is a certificate authority of a test's own.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	file        string // its certificate
}

func newAuthority(t *testing.T) authority {
	t.Helper()
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test"}, NotBefore: now.Add(-time.Hour),
		NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	content, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	a := authority{template, key, filepath.Join(t.TempDir(), "ca.pem")}
	writePEM(t, a.file, "CERTIFICATE", content)
	return a
}

// issue writes a certificate for the host, and its key, and returns the files.
func (a authority) issue(t *testing.T, template x509.Certificate) (certificate, key string) {
	t.Helper()
	template.SerialNumber = big.NewInt(2)
	template.NotBefore, template.NotAfter = a.certificate.NotBefore, a.certificate.NotAfter
	pair, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	content, err := x509.CreateCertificate(rand.Reader, &template, a.certificate, &pair.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(pair)
	if err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "certificate-") // not t.TempDir, which PostgreSQL's user cannot enter
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	certificate, key = filepath.Join(dir, "server.pem"), filepath.Join(dir, "server.key")
	writePEM(t, certificate, "CERTIFICATE", content)
	writePEM(t, key, "PRIVATE KEY", private)
	if os.Geteuid() == 0 { // PostgreSQL does not run as root, and wants its key for itself
		user := credential(t, "postgres")
		if err := os.Chown(key, int(user.Uid), int(user.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	return certificate, key
}

func writePEM(t *testing.T, path, kind string, content []byte) {
	t.Helper()
	mode := os.FileMode(0o644)
	if kind != "CERTIFICATE" {
		mode = 0o600
	}
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), mode); err != nil {
		t.Fatal(err)
	}
}

// With verify-full, as on AWS, the app talks only to a server that shows a certificate of the named authority for the
// very host of DATABASE_URL.
func TestCertificateOfTheDatabaseIsVerified(t *testing.T) {
	onlyInStage(t, onehost)
	skipIfShort(t)
	t.Parallel()
	ours, other := newAuthority(t), newAuthority(t)
	certificate, key := ours.issue(t, x509.Certificate{
		IPAddresses: []net.IP{net.ParseIP("127.0.0.1")}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	server := startPostgres(t, "ssl=on", "ssl_cert_file="+certificate, "ssl_key_file="+key)
	s := &site{DataDir: t.TempDir()}
	for name, test := range map[string]struct{ host, authority, want string }{
		"right":             {"127.0.0.1", ours.file, ""},
		"another authority": {"127.0.0.1", other.file, "certificate"},
		"another host":      {"localhost", ours.file, "certificate"},
		"no such file":      {"127.0.0.1", "/none/global-bundle.pem", "/none/global-bundle.pem"},
	} {
		url := strings.NewReplacer("127.0.0.1", test.host,
			"sslmode=disable", "sslmode=verify-full&sslrootcert="+test.authority).Replace(server.URL)
		env := []string{"DATABASE_URL=" + url, "SECRET_KEY=" + rand.Text() + rand.Text()}
		out, errs, code := s.runAppWith(t, env, "migrate", "up")
		if (code == 0) != (test.want == "") || !strings.Contains(errs, test.want) {
			t.Errorf("%s: exit code %d, %s%s", name, code, out, errs)
		}
	}
}
