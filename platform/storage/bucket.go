package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Options may be left zero.
type Options struct {
	MaxBytes   int64                 // limit of every object; 0 = none
	Registerer prometheus.Registerer // nil = no metrics
}

// Bucket is safe for concurrent use. Its errors name the operation and the key, never a URL.
type Bucket struct {
	driver   Driver
	maxBytes int64
	metrics  *metrics
}

// New fails only when the metrics are registered already: one bucket per registry.
func New(driver Driver, opts Options) (*Bucket, error) {
	m, err := newMetrics(opts.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register storage metrics: %w", err)
	}
	return &Bucket{driver: driver, maxBytes: opts.MaxBytes, metrics: m}, nil
}

// Put stores what r gives, in constant memory, over whatever had the key. It is atomic: when r fails, ctx ends or a limit is passed
// (ErrTooLarge, at the first byte too many), the key is as it was and nothing else remains. A Read that blocks is not interrupted by ctx.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, opts PutOptions) (obj Object, err error) {
	defer b.done("put", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return Object{}, err
	}
	return b.put(ctx, key, r, opts)
}

// PutFile stores the regular file at path, which nobody may write any more. The file is moved when the driver can, else copied: after a
// success it is gone or may be removed; after an error it is where it was.
func (b *Bucket) PutFile(ctx context.Context, key, path string, opts PutOptions) (obj Object, err error) {
	defer b.done("put_file", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return Object{}, err
	}
	info, err := os.Lstat(path)
	if err != nil {
		return Object{}, err
	}
	if !info.Mode().IsRegular() {
		return Object{}, fmt.Errorf("%s is not a regular file", path)
	}
	if limit := b.limit(opts); limit > 0 && info.Size() > limit {
		return Object{}, tooLarge(limit)
	}
	if err := ctx.Err(); err != nil {
		return Object{}, err
	}

	if m, ok := b.driver.(Mover); ok {
		obj, err := m.Move(ctx, key, path, contentType(key, opts))
		if err == nil {
			b.metrics.written.Add(float64(obj.Size))
		}
		if !errors.Is(err, errors.ErrUnsupported) {
			return obj, err
		}
	}
	f, err := os.Open(path)
	if err != nil {
		return Object{}, err
	}
	defer f.Close()
	return b.put(ctx, key, f, opts)
}

func (b *Bucket) put(ctx context.Context, key string, r io.Reader, opts PutOptions) (Object, error) {
	src := &source{ctx: ctx, r: r, limit: b.limit(opts)}
	obj, err := b.driver.Put(ctx, key, src, contentType(key, opts))
	if src.err != nil {
		return Object{}, src.err
	}
	if err != nil {
		return Object{}, err
	}
	b.metrics.written.Add(float64(obj.Size))
	return obj, nil
}

// Open returns a reader of the object as it is now, which the caller closes. ctx must live until then. Seeking makes ranges cheap; a
// reader is for one goroutine.
func (b *Bucket) Open(ctx context.Context, key string) (r io.ReadSeekCloser, obj Object, err error) {
	defer b.done("open", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return nil, Object{}, err
	}
	return b.driver.Open(ctx, key)
}

// Stat describes the object without reading it.
func (b *Bucket) Stat(ctx context.Context, key string) (obj Object, err error) {
	defer b.done("stat", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return Object{}, err
	}
	return b.driver.Stat(ctx, key)
}

// Delete removes the object; that it is missing already is no error.
func (b *Bucket) Delete(ctx context.Context, key string) (err error) {
	defer b.done("delete", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return err
	}
	return b.driver.Delete(ctx, key)
}

// List calls each for every object whose key begins with prefix ("" = all), in no promised order, and returns each's first error.
func (b *Bucket) List(ctx context.Context, prefix string, each func(Object) error) (err error) {
	defer b.done("list", prefix, time.Now(), &err)
	if err := CheckPrefix(prefix); err != nil {
		return err
	}
	return b.driver.List(ctx, prefix, each)
}

// URL is where a browser reads the object for the next ttl: absolute, or relative to the site ("/media/…"). Whoever holds it may read:
// never log it. The object need not exist.
func (b *Bucket) URL(ctx context.Context, key string, ttl time.Duration) (url string, err error) {
	defer b.done("url", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return "", err
	}
	if ttl <= 0 {
		return "", fmt.Errorf("life time of %s", ttl)
	}
	return b.driver.URL(ctx, key, ttl)
}

// Input is what ffmpeg reads the object from without a download first: an absolute path, or a URL as secret as that of URL.
func (b *Bucket) Input(ctx context.Context, key string) (pathOrURL string, err error) {
	defer b.done("input", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return "", err
	}
	// A presigned URL tells nothing of a missing object, and ffmpeg would report it as a bad file.
	if _, err := b.driver.Stat(ctx, key); err != nil {
		return "", err
	}
	return b.driver.Input(ctx, key)
}

func (b *Bucket) limit(opts PutOptions) int64 {
	if opts.MaxBytes > 0 && (b.maxBytes <= 0 || opts.MaxBytes < b.maxBytes) {
		return opts.MaxBytes
	}
	return b.maxBytes
}

func (b *Bucket) done(operation, key string, start time.Time, err *error) {
	b.metrics.observe(operation, start, *err)
	if *err != nil {
		*err = fmt.Errorf("storage %s %q: %w", operation, key, *err)
	}
}

func contentType(key string, opts PutOptions) string {
	if opts.ContentType != "" {
		return opts.ContentType
	}
	return ContentType(key)
}
