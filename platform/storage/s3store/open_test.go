package s3store_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"risingstars/platform/storage"
	"risingstars/platform/storage/s3store"
	"risingstars/platform/storage/s3store/s3test"
)

func TestOpenExplainsWhyABucketCannotBeUsed(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	r := s3test.New(t)
	good := options(t, r.Name)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	type options = s3store.Options
	type env = map[string]string
	for name, c := range map[string]struct {
		ctx    context.Context
		change func(*options)
		env    env
		want   string
	}{
		"no such bucket": {
			ctx: t.Context(), change: func(o *options) { o.Bucket = r.Name + "-none" }, want: "there is no S3 bucket",
		},
		"no bucket": {
			ctx: t.Context(), change: func(o *options) { o.Bucket = "" }, want: "no bucket is configured",
		},
		"no region": {
			ctx: t.Context(), change: func(o *options) { o.Region = "" }, want: "no region is configured",
		},
		"another region": {
			ctx: t.Context(), change: func(o *options) { o.Region = "eu-west-1" }, want: "another region",
		},
		"no credentials": {
			ctx: t.Context(), env: env{"AWS_ACCESS_KEY_ID": ""}, want: "credentials",
		},
		"wrong secret": {
			ctx: t.Context(), env: env{"AWS_SECRET_ACCESS_KEY": "wrongsecret"}, want: "denies access",
		},
		"no server": {
			ctx:    t.Context(),
			change: func(o *options) { o.EndpointURL = "http://127.0.0.1:1" },
			want:   "cannot be reached",
		},
		"endpoint, not a URL": {
			ctx:    t.Context(),
			change: func(o *options) { o.EndpointURL = "me:topsecret@127.0.0.1" },
			want:   "not an http or https URL",
		},
		"endpoint with query": {
			ctx:    t.Context(),
			change: func(o *options) { o.EndpointURL += "?key=topsecret" },
			want:   "must have only a scheme",
		},
		"endpoint with user": {
			ctx:    t.Context(),
			change: func(o *options) { o.EndpointURL = "http://me:topsecret@127.0.0.1" },
			want:   "must have only a scheme",
		},
		"context has ended": {
			ctx: ended, want: "context canceled",
		},
	} {
		t.Run(name, func(t *testing.T) {
			for variable, value := range c.env {
				t.Setenv(variable, value)
			}
			opts := good
			if c.change != nil {
				c.change(&opts)
			}
			_, err := s3store.Open(c.ctx, opts)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("Open: %v, want %q in it", err, c.want)
			}
			wantNoSecrets(t, err)
		})
	}
	open(t, good)
}

func TestRegionAndEndpointMayComeFromTheEnvironment(t *testing.T) {
	r := s3test.New(t)
	t.Setenv("AWS_REGION", s3test.Region)
	// The host is a name, because with a name the SDK puts the bucket into the host unless it is told not to.
	t.Setenv("AWS_ENDPOINT_URL", "http://localhost:"+server(t).Port())
	b := bucket(t, open(t, s3store.Options{Bucket: r.Name}))
	if _, err := b.Put(t.Context(), key, strings.NewReader("x"), storage.PutOptions{}); err != nil {
		t.Error(err)
	}
}

// AWS_ENDPOINT_URL is for every service, and the application passes it on. The variable for S3 alone takes precedence.
func TestTheEndpointVariableForS3TakesPrecedence(t *testing.T) {
	opts := options(t, s3test.New(t).Name)
	t.Setenv("AWS_ENDPOINT_URL_S3", opts.EndpointURL)
	const unreachable = "http://127.0.0.1:1"
	opts.EndpointURL = unreachable
	open(t, opts)
	t.Setenv("AWS_ENDPOINT_URL", unreachable)
	open(t, opts)
}

func TestACustomCAIsTrusted(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	certificate, bundle := selfSigned(t)
	p := newProxy(t, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil)
	opts := options(t, s3test.New(t).Name)
	opts.EndpointURL = "https://" + p.listener.Addr().String()
	if _, err := s3store.Open(t.Context(), opts); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Fatalf("Open: %v, want an unknown certificate", err)
	}

	t.Setenv("AWS_CA_BUNDLE", bundle)
	b := bucket(t, open(t, opts))
	if _, err := b.Put(t.Context(), key, io.LimitReader(endless(), parts), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	f, obj, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n, err := io.Copy(io.Discard, f); err != nil || n != obj.Size || n != parts {
		t.Errorf("%d bytes read (%v), want %d", n, err, parts)
	}
}

// selfSigned creates a certificate for this host and a file that contains it.
func selfSigned(t *testing.T) (certificate tls.Certificate, file string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}, file
}

// Errors are logged, and with a presigned URL anyone who reads the log could access the bucket.
func TestErrorsCarryNoURLAndNoCredential(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	r := s3test.New(t)
	p := newProxy(t, nil, nil)
	opts := options(t, r.Name)
	opts.EndpointURL = p.url()
	store := open(t, opts)
	b := bucket(t, store)
	ctx := t.Context()
	id, err := b.BeginDirect(ctx, key, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	part := []storage.Part{{Number: 1, ETag: `"x"`, Size: 1}}
	p.listener.Close()
	p.closeConnections()
	calls := map[string]func() error{
		"Put": func() error {
			_, err := b.Put(ctx, key, strings.NewReader("x"), storage.PutOptions{})
			return err
		},
		"Put in parts": func() error {
			_, err := b.Put(ctx, key, io.LimitReader(endless(), parts), storage.PutOptions{})
			return err
		},
		"Open":           func() error { _, _, err := b.Open(ctx, key); return err },
		"Stat":           func() error { _, err := b.Stat(ctx, key); return err },
		"Delete":         func() error { return b.Delete(ctx, key) },
		"List":           func() error { return b.List(ctx, "", func(storage.Object) error { return nil }) },
		"BeginDirect":    func() error { _, err := b.BeginDirect(ctx, key, "", 0); return err },
		"CompleteDirect": func() error { _, err := b.CompleteDirect(ctx, key, id, part); return err },
		"AbortDirect":    func() error { return b.AbortDirect(ctx, key, id) },
		"DirectParts":    func() error { _, err := b.DirectParts(ctx, key, id); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			err := call()
			if err == nil || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNoUpload) {
				t.Fatalf("without a server: %v, want an error that it cannot be reached", err)
			}
			wantNoSecrets(t, err)
		})
	}
}

func wantNoSecrets(t *testing.T, err error) {
	t.Helper()
	for _, secret := range []string{
		"://", "X-Amz-", "Signature", "topsecret", os.Getenv("AWS_SECRET_ACCESS_KEY"), "Credential=",
	} {
		if secret != "" && strings.Contains(err.Error(), secret) {
			t.Errorf("%v\ncontains %q", err, secret)
		}
	}
}
