package s3store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"risingstars/platform/storage"
	"risingstars/platform/storage/s3store"
	"risingstars/platform/storage/s3store/s3test"
)

// timeout is far longer than any call here may take on a busy machine, including its retries.
const timeout = 2 * time.Minute

func TestAStalledServerCausesAnError(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	const existing = "uploads/there.mp4"
	opts := options(t, s3test.New(t).Name)
	content := io.LimitReader(endless(), 30<<20) // more than the buffers of a connection hold
	if _, err := bucket(t, open(t, opts)).Put(t.Context(), existing, content, storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(ctx context.Context, p *tcpProxy, b *storage.Bucket) error{
		"Put": func(ctx context.Context, p *tcpProxy, b *storage.Bucket) error {
			stall := readerFunc(func([]byte) (int, error) { p.stalled.Store(true); return 0, io.EOF })
			_, err := b.Put(ctx, key, io.MultiReader(io.LimitReader(endless(), parts), stall), storage.PutOptions{})
			return err
		},
		"Put in one request": func(ctx context.Context, p *tcpProxy, b *storage.Bucket) error {
			p.stalled.Store(true)
			_, err := b.Put(ctx, key, bytes.NewReader(make([]byte, 1000)), storage.PutOptions{})
			return err
		},
		"Open": func(ctx context.Context, p *tcpProxy, b *storage.Bucket) error {
			p.stalled.Store(true)
			_, _, err := b.Open(ctx, existing)
			return err
		},
		"Read": func(ctx context.Context, p *tcpProxy, b *storage.Bucket) error {
			f, _, err := b.Open(ctx, existing)
			for err != nil && ctx.Err() == nil { // a busy machine may exceed the short timeouts
				f, _, err = b.Open(ctx, existing)
			}
			if err != nil {
				return nil //nolint:nilerr // the test expects an error of Read, and this is another one
			}
			defer f.Close()
			p.stalled.Store(true)
			_, err = io.Copy(io.Discard, f)
			return err
		},
		"Stat": func(ctx context.Context, p *tcpProxy, b *storage.Bucket) error {
			p.stalled.Store(true)
			_, err := b.Stat(ctx, key)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, opts := newProxy(t, nil, nil), opts
			opts.EndpointURL, opts.IdleTimeout, opts.CallTimeout = p.url(), 500*time.Millisecond, 2*time.Second
			ctx, cancel := context.WithTimeout(t.Context(), timeout)
			defer cancel()
			store, err := s3store.Open(ctx, opts)
			for err != nil && ctx.Err() == nil { // a busy machine may exceed the short timeouts
				store, err = s3store.Open(ctx, opts)
			}
			if err != nil {
				t.Fatal(err)
			}
			err = call(ctx, p, bucket(t, store))
			if err == nil || ctx.Err() != nil || errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%v (%v), want an error of its own before the context ends", err, ctx.Err())
			}
		})
	}
}

// An upload and a download each take longer than the idle timeout, but are never idle for that long.
func TestASlowConnectionIsNotAStalledOne(t *testing.T) {
	t.Parallel()
	const (
		idle = 3 * time.Second
		size = storage.MinPartBytes
		pace = idle * 5 / 4 * pieceBytes / size
	)
	p := newProxy(t, nil, func(p *tcpProxy) { p.pace = pace })
	opts := options(t, s3test.New(t).Name)
	direct := bucket(t, open(t, opts))
	const existing = "uploads/there.mp4"
	if _, err := direct.Put(t.Context(), existing, io.LimitReader(endless(), size), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	opts.EndpointURL, opts.IdleTimeout = p.url(), idle
	b := bucket(t, open(t, opts))
	var both sync.WaitGroup
	defer both.Wait()
	slow := func(name string, transfer func() error) {
		both.Go(func() {
			start := time.Now()
			if err := transfer(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(start); took < idle {
				t.Errorf("%s took %s, which is not longer than %s", name, took, idle)
			}
		})
	}
	slow("upload", func() error {
		_, err := b.Put(t.Context(), key, io.LimitReader(endless(), size), storage.PutOptions{})
		return err
	})
	slow("download", func() error {
		f, _, err := b.Open(t.Context(), existing)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(io.Discard, f)
		return err
	})
}

func TestARestartOfTheServerIsNotNoticed(t *testing.T) {
	t.Parallel()
	own := newOwnServer(t)
	endpoint := "http://" + own.addr
	admin := s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint), UsePathStyle: true, Region: s3test.Region,
		Credentials: credentials.NewStaticCredentialsProvider(own.access, own.secret, ""),
	})
	name := "showcase"
	if _, err := admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	opts := options(t, name)
	// Every restart closes connections. The proxy waits for the server, because the SDK might give up before a busy
	// machine has started it again.
	opts.EndpointURL = newProxy(t, nil, func(p *tcpProxy) { p.target, p.retry = own.addr, true }).url()
	b := bucket(t, open(t, opts))
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()

	content := make([]byte, 4*storage.MinPartBytes)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	half := len(content) / 2
	restarts := 0
	restart := readerFunc(func([]byte) (int, error) {
		own.kill()
		own.start(t)
		restarts++
		return 0, io.EOF
	})
	r := io.MultiReader(bytes.NewReader(content[:half]), restart, bytes.NewReader(content[half:]))
	obj, err := b.Put(ctx, key, r, storage.PutOptions{})
	if err != nil || obj.Size != int64(len(content)) {
		t.Fatalf("Put during a restart: %+v, %v", obj, err)
	}

	f, _, err := b.Open(ctx, key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, len(content))
	if _, err := io.ReadFull(f, got[:half]); err != nil {
		t.Fatal(err)
	}
	own.kill()
	own.start(t)
	if _, err := io.ReadFull(f, got[half:]); err != nil || !bytes.Equal(got, content) {
		t.Errorf("Read during a restart: %v, or the content differs", err)
	}
	if restarts != 1 {
		t.Errorf("%d restarts in Put, want 1", restarts)
	}
}

func TestAServerThatIsGoneCausesAnError(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "2") // one retry is enough and keeps the test short
	own := newOwnServer(t)
	name := "showcase"
	if err := os.Mkdir(filepath.Join(own.folder, name), 0o700); err != nil {
		t.Fatal(err)
	}
	opts := options(t, name)
	opts.EndpointURL = "http://" + own.addr
	b := bucket(t, open(t, opts))
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	kill := readerFunc(func([]byte) (int, error) { own.kill(); return 0, io.EOF })
	content := io.MultiReader(io.LimitReader(endless(), parts), kill, io.LimitReader(endless(), parts))
	if _, err := b.Put(ctx, key, content, storage.PutOptions{}); err == nil || ctx.Err() != nil {
		t.Errorf("Put: %v (%v), want an error of its own", err, ctx.Err())
	} else {
		wantNoSecrets(t, err)
	}
}
