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

func TestOpenSaysWhyABucketCannotBeUsed(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	r := s3test.New(t)
	good := options(t, r.Name)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for name, c := range map[string]struct {
		ctx    context.Context
		change func(*s3store.Options)
		env    map[string]string
		want   string
	}{
		"no such bucket":      {t.Context(), func(o *s3store.Options) { o.Bucket = r.Name + "-none" }, nil, "there is no S3 bucket"},
		"no bucket":           {t.Context(), func(o *s3store.Options) { o.Bucket = "" }, nil, "no bucket is named"},
		"no region":           {t.Context(), func(o *s3store.Options) { o.Region = "" }, nil, "no region is named"},
		"another region":      {t.Context(), func(o *s3store.Options) { o.Region = "eu-west-1" }, nil, "another region"},
		"no credentials":      {t.Context(), nil, map[string]string{"AWS_ACCESS_KEY_ID": ""}, "credentials"},
		"wrong secret":        {t.Context(), nil, map[string]string{"AWS_SECRET_ACCESS_KEY": "wrongsecret"}, "denies access"},
		"nobody listens":      {t.Context(), func(o *s3store.Options) { o.EndpointURL = "http://127.0.0.1:1" }, nil, "cannot be reached"},
		"endpoint, no URL":    {t.Context(), func(o *s3store.Options) { o.EndpointURL = "me:topsecret@127.0.0.1" }, nil, "no http or https URL"},
		"endpoint with query": {t.Context(), func(o *s3store.Options) { o.EndpointURL += "?key=topsecret" }, nil, "more than scheme"},
		"endpoint with user":  {t.Context(), func(o *s3store.Options) { o.EndpointURL = "http://me:topsecret@127.0.0.1" }, nil, "more than scheme"},
		"context has ended":   {ended, nil, nil, "context canceled"},
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

func TestRegionAndEndpointCanBeTheEnvironments(t *testing.T) {
	r := s3test.New(t)
	t.Setenv("AWS_REGION", s3test.Region)
	// A name, as the SDK puts buckets before those if nobody keeps it from doing so.
	t.Setenv("AWS_ENDPOINT_URL", "http://localhost:"+server(t).Port())
	b := bucket(t, open(t, s3store.Options{Bucket: r.Name}))
	if _, err := b.Put(t.Context(), key, strings.NewReader("x"), storage.PutOptions{}); err != nil {
		t.Error(err)
	}
}

// AWS_ENDPOINT_URL is for every service, and the application passes it on; the variable of this one comes before it.
func TestTheServicesOwnEndpointComesFirst(t *testing.T) {
	opts := options(t, s3test.New(t).Name)
	t.Setenv("AWS_ENDPOINT_URL_S3", opts.EndpointURL)
	const nobody = "http://127.0.0.1:1"
	opts.EndpointURL = nobody
	open(t, opts)
	t.Setenv("AWS_ENDPOINT_URL", nobody)
	open(t, opts)
}

func TestACustomCAIsTrusted(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	certificate, bundle := selfSigned(t)
	w := newWire(t, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil)
	opts := options(t, s3test.New(t).Name)
	opts.EndpointURL = "https://" + w.listener.Addr().String()
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

// selfSigned is a certificate of this host and the file with it.
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

// Errors are logged, and what is in a presigned URL opens the bucket to whoever reads the log.
func TestErrorsCarryNoURLAndNoCredential(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	r := s3test.New(t)
	w := newWire(t, nil, nil)
	opts := options(t, r.Name)
	opts.EndpointURL = w.url()
	store := open(t, opts)
	b := bucket(t, store)
	ctx := t.Context()
	id, err := b.BeginDirect(ctx, key, "")
	if err != nil {
		t.Fatal(err)
	}
	part := []storage.Part{{Number: 1, ETag: `"x"`, Size: 1}}
	w.listener.Close()
	w.cut()
	calls := map[string]func() error{
		"Put": func() error { _, err := b.Put(ctx, key, strings.NewReader("x"), storage.PutOptions{}); return err },
		"Put in parts": func() error {
			_, err := b.Put(ctx, key, io.LimitReader(endless(), parts), storage.PutOptions{})
			return err
		},
		"Open":           func() error { _, _, err := b.Open(ctx, key); return err },
		"Stat":           func() error { _, err := b.Stat(ctx, key); return err },
		"Delete":         func() error { return b.Delete(ctx, key) },
		"List":           func() error { return b.List(ctx, "", func(storage.Object) error { return nil }) },
		"Input":          func() error { _, err := b.Input(ctx, key); return err },
		"BeginDirect":    func() error { _, err := b.BeginDirect(ctx, key, ""); return err },
		"CompleteDirect": func() error { _, err := b.CompleteDirect(ctx, key, id, part); return err },
		"AbortDirect":    func() error { return b.AbortDirect(ctx, key, id) },
		"DirectParts":    func() error { _, err := b.DirectParts(ctx, key, id); return err },
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			err := call()
			if err == nil || errors.Is(err, storage.ErrNotFound) || errors.Is(err, storage.ErrNoUpload) {
				t.Fatalf("without a server: %v, want that it cannot be reached", err)
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
			t.Errorf("%v\ncarries %q", err, secret)
		}
	}
}
