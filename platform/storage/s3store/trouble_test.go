package s3store_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"risingstars/platform/storage"
	"risingstars/platform/storage/s3store"
	"risingstars/platform/storage/s3store/s3test"
)

// hang is far longer than any call here may take, with its retries, on a busy machine.
const hang = 2 * time.Minute

func TestAServerThatStallsEndsInAnError(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for name, call := range map[string]func(ctx context.Context, w *wire, b *storage.Bucket) error{
		"Put": func(ctx context.Context, w *wire, b *storage.Bucket) error {
			stalls := readerFunc(func([]byte) (int, error) { w.stalled.Store(true); return 0, io.EOF })
			_, err := b.Put(ctx, key, io.MultiReader(io.LimitReader(endless(), parts), stalls), storage.PutOptions{})
			return err
		},
		"Put in one request": func(ctx context.Context, w *wire, b *storage.Bucket) error {
			w.stalled.Store(true)
			_, err := b.Put(ctx, key, bytes.NewReader(make([]byte, 1000)), storage.PutOptions{})
			return err
		},
		"Open": func(ctx context.Context, w *wire, b *storage.Bucket) error {
			w.stalled.Store(true)
			_, _, err := b.Open(ctx, "uploads/there.mp4")
			return err
		},
		"Read": func(ctx context.Context, w *wire, b *storage.Bucket) error {
			f, _, err := b.Open(ctx, "uploads/there.mp4")
			for err != nil && ctx.Err() == nil { // on a busy machine
				f, _, err = b.Open(ctx, "uploads/there.mp4")
			}
			if err != nil {
				return nil //nolint:nilerr // the caller wants an error, and this would be the wrong one
			}
			defer f.Close()
			w.stalled.Store(true)
			_, err = io.Copy(io.Discard, f)
			return err
		},
		"Stat": func(ctx context.Context, w *wire, b *storage.Bucket) error {
			w.stalled.Store(true)
			_, err := b.Stat(ctx, key)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWire(t, nil, nil)
			opts := options(t, s3test.New(t).Name)
			there := bucket(t, open(t, opts))
			if _, err := there.Put(t.Context(), "uploads/there.mp4", io.LimitReader(endless(), 30<<20), storage.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			opts.EndpointURL, opts.IdleTimeout, opts.CallTimeout = w.url(), 500*time.Millisecond, 2*time.Second
			ctx, cancel := context.WithTimeout(t.Context(), hang)
			defer cancel()
			store, err := s3store.Open(ctx, opts)
			for err != nil && ctx.Err() == nil { // on a machine that stalls for longer than the time that is allowed here
				store, err = s3store.Open(ctx, opts)
			}
			if err != nil {
				t.Fatal(err)
			}
			err = call(ctx, w, bucket(t, store))
			if err == nil || ctx.Err() != nil || errors.Is(err, storage.ErrNotFound) {
				t.Errorf("%v (%v), want an error of its own before the context ends", err, ctx.Err())
			}
		})
	}
}

// Longer than idle, but never idle.
func TestASlowLineIsNotAStalledOne(t *testing.T) {
	t.Parallel()
	const idle = 3 * time.Second
	// 5 MiB in 80 pieces.
	w := newWire(t, nil, func(w *wire) { w.pace = 50 * time.Millisecond })
	opts := options(t, s3test.New(t).Name)
	opts.EndpointURL, opts.IdleTimeout = w.url(), idle
	b := bucket(t, open(t, opts))
	start := time.Now()
	if _, err := b.Put(t.Context(), key, io.LimitReader(endless(), storage.MinPartBytes), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	up := time.Since(start)
	f, _, err := b.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	start = time.Now()
	if _, err := io.Copy(io.Discard, f); err != nil {
		t.Fatal(err)
	}
	if down := time.Since(start); up < idle || down < idle {
		t.Errorf("up in %s, down in %s: not slower than %s", up, down, idle)
	}
}

// gateway is a server of the test's own, to be stopped and started.
type gateway struct {
	addr, folder, access, secret string
	process                      *exec.Cmd
}

func newGateway(t *testing.T) *gateway {
	t.Helper()
	server(t) // for its message when there is none
	g := &gateway{folder: t.TempDir(), access: os.Getenv("AWS_ACCESS_KEY_ID"), secret: os.Getenv("AWS_SECRET_ACCESS_KEY")}
	for range 5 {
		// None of those that systems give to outgoing connections, so that the server can come back to it.
		g.addr = fmt.Sprintf("127.0.0.1:%d", 10_000+mathrand.IntN(10_000))
		if conn, err := net.Dial("tcp", g.addr); err == nil { // somebody else is there
			conn.Close()
			continue
		}
		g.start(t)
		t.Cleanup(func() { g.kill() })
		return g
	}
	t.Fatal("no port is free")
	return nil
}

func (g *gateway) start(t *testing.T) {
	t.Helper()
	g.process = exec.Command(os.Getenv("TEST_S3_SERVER"), "--quiet", "--keep-alive", "--port", g.addr, "--health", "/health", "posix", g.folder)
	g.process.Env = append(os.Environ(), "ROOT_ACCESS_KEY="+g.access, "ROOT_SECRET_KEY="+g.secret)
	if err := g.process.Start(); err != nil {
		t.Fatalf("TEST_S3_SERVER: %v", err)
	}
	deadline := time.After(hang)
	for {
		res, err := http.Get((&url.URL{Scheme: "http", Host: g.addr, Path: "/health"}).String())
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

func (g *gateway) kill() {
	_ = g.process.Process.Kill()
	_ = g.process.Wait()
}

func TestARestartedServerCostsNothing(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	endpoint := "http://" + g.addr
	admin := s3.New(s3.Options{
		BaseEndpoint: aws.String(endpoint), UsePathStyle: true, Region: s3test.Region,
		Credentials: credentials.NewStaticCredentialsProvider(g.access, g.secret, ""),
	})
	name := "showcase"
	if _, err := admin.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}); err != nil {
		t.Fatal(err)
	}
	opts := options(t, name)
	// Every restart cuts connections. How long it takes depends on the machine, and how long the SDK tries, on its dice.
	opts.EndpointURL = newWire(t, nil, func(w *wire) { w.target, w.waits = g.addr, true }).url()
	b := bucket(t, open(t, opts))
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()

	content := make([]byte, 4*storage.MinPartBytes)
	if _, err := rand.Read(content); err != nil {
		t.Fatal(err)
	}
	half := len(content) / 2
	restarts := 0
	restart := readerFunc(func([]byte) (int, error) {
		g.kill()
		g.start(t)
		restarts++
		return 0, io.EOF
	})
	obj, err := b.Put(ctx, key, io.MultiReader(bytes.NewReader(content[:half]), restart, bytes.NewReader(content[half:])), storage.PutOptions{})
	if err != nil || obj.Size != int64(len(content)) {
		t.Fatalf("Put through a restart: %+v, %v", obj, err)
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
	g.kill()
	g.start(t)
	if _, err := io.ReadFull(f, got[half:]); err != nil || !bytes.Equal(got, content) {
		t.Errorf("read through a restart: %v, or the content differs", err)
	}
	if restarts != 1 {
		t.Errorf("%d restarts in Put, want 1", restarts)
	}
}

func TestAServerThatIsGoneEndsInAnError(t *testing.T) {
	t.Parallel()
	g := newGateway(t)
	name := "showcase"
	if err := os.Mkdir(g.folder+"/"+name, 0o700); err != nil {
		t.Fatal(err)
	}
	opts := options(t, name)
	opts.EndpointURL = "http://" + g.addr
	b := bucket(t, open(t, opts))
	ctx, cancel := context.WithTimeout(t.Context(), hang)
	defer cancel()
	gone := readerFunc(func([]byte) (int, error) { g.kill(); return 0, io.EOF })
	content := io.MultiReader(io.LimitReader(endless(), parts), gone, io.LimitReader(endless(), parts))
	if _, err := b.Put(ctx, key, content, storage.PutOptions{}); err == nil || ctx.Err() != nil {
		t.Errorf("Put: %v (%v), want an error of its own", err, ctx.Err())
	} else {
		wantNoSecrets(t, err)
	}
}
