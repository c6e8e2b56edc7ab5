package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/disk"
	"risingstars/platform/telemetry"
)

// Options may be left zero.
type Options struct {
	Registerer prometheus.Registerer // nil = no metrics
}

// Bucket is safe for concurrent use. Its errors name the operation and the key, never a URL.
type Bucket struct {
	driver  Driver
	metrics *metrics
}

// New panics if its metrics are already registered, as prometheus.MustRegister does: it allows one bucket per registry.
func New(driver Driver, opts Options) *Bucket {
	return &Bucket{driver: driver, metrics: newMetrics(opts.Registerer)}
}

// Put stores everything that it reads from r, in constant memory, and replaces any object with the same key. It is
// atomic: when r fails, ctx ends, the limit is exceeded (ErrTooLarge, at the first byte too many) or there is no space
// (disk.ErrFull), the key keeps its old object and nothing else remains. ctx does not interrupt a Read that blocks.
func (b *Bucket) Put(ctx context.Context, key string, r io.Reader, opts PutOptions) (obj Object, err error) {
	ctx, span := telemetry.Start(ctx, telemetry.Internal, "storage put")
	defer func() { span.EndWith(err) }()
	defer b.finish("put", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return Object{}, err
	}
	return b.put(ctx, key, r, opts)
}

// PutFile stores the regular file at path, which must no longer be written to. It moves the file if the driver can, and
// copies it otherwise: after a success the file is gone or may be removed; after an error it is still at path.
func (b *Bucket) PutFile(ctx context.Context, key, path string, opts PutOptions) (obj Object, err error) {
	ctx, span := telemetry.Start(ctx, telemetry.Internal, "storage put_file")
	defer func() { span.EndWith(err) }()
	defer b.finish("put_file", key, time.Now(), &err)
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
	if opts.MaxBytes > 0 && info.Size() > opts.MaxBytes {
		return Object{}, tooLarge(opts.MaxBytes)
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
	src := &source{ctx: ctx, r: r, limit: opts.MaxBytes}
	obj, err := b.write(ctx, key, src, opts)
	if src.err != nil {
		return Object{}, src.err
	}
	if err != nil {
		return Object{}, err
	}
	b.metrics.written.Add(float64(obj.Size))
	return obj, nil
}

func (b *Bucket) write(ctx context.Context, key string, src *source, opts PutOptions) (Object, error) {
	if r, ok := b.driver.(Reserver); ok && opts.Announced > 0 {
		return r.PutAnnounced(ctx, key, src, contentType(key, opts), opts.Announced)
	}
	return b.driver.Put(ctx, key, src, contentType(key, opts))
}

// Open returns a reader of the object's current version. The caller closes it, and ctx must live until then. Seeking
// makes reading a range cheap. A reader is for one goroutine.
func (b *Bucket) Open(ctx context.Context, key string) (r io.ReadSeekCloser, obj Object, err error) {
	defer b.finish("open", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return nil, Object{}, err
	}
	return b.driver.Open(ctx, key)
}

// Stat describes the object without reading it.
func (b *Bucket) Stat(ctx context.Context, key string) (obj Object, err error) {
	defer b.finish("stat", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return Object{}, err
	}
	return b.driver.Stat(ctx, key)
}

// Delete removes the object. It succeeds if the object is missing.
func (b *Bucket) Delete(ctx context.Context, key string) (err error) {
	defer b.finish("delete", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return err
	}
	return b.driver.Delete(ctx, key)
}

// List calls each for every object whose key begins with prefix ("" = all), in no promised order. It stops at the first
// error of each and returns it.
func (b *Bucket) List(ctx context.Context, prefix string, each func(Object) error) (err error) {
	defer b.finish("list", prefix, time.Now(), &err)
	if err := CheckPrefix(prefix); err != nil {
		return err
	}
	return b.driver.List(ctx, prefix, each)
}

// URL returns the address at which a browser can read the object for the next ttl, absolute or relative to the site
// ("/media/…"). Anyone with the URL can read the object, so never log it. The object need not exist.
func (b *Bucket) URL(ctx context.Context, key string, ttl time.Duration) (url string, err error) {
	defer b.finish("url", key, time.Now(), &err)
	if err := CheckKey(key); err != nil {
		return "", err
	}
	if err := checkTTL(ttl); err != nil {
		return "", err
	}
	return b.driver.URL(ctx, key, ttl)
}

// SignedURL returns an absolute URL at which anyone can read the object for the next ttl. It is what the address of a
// published object on the site leads to. The error wraps errors.ErrUnsupported if the driver serves its objects itself.
func (b *Bucket) SignedURL(ctx context.Context, key string, ttl time.Duration) (url string, err error) {
	if err := errors.Join(CheckKey(key), checkTTL(ttl)); err != nil {
		return "", err
	}
	signer, ok := b.driver.(Signer)
	if !ok {
		return "", fmt.Errorf("sign the URL of an object: %w", errors.ErrUnsupported)
	}
	defer b.finish("signed_url", key, time.Now(), &err)
	return signer.SignedURL(ctx, key, ttl)
}

// Path returns the absolute path of the object's file, for programs that can only read files. The error wraps
// errors.ErrUnsupported if the driver does not keep objects as files.
func (b *Bucket) Path(ctx context.Context, key string) (path string, err error) {
	if err := CheckKey(key); err != nil {
		return "", err
	}
	local, ok := b.driver.(Local)
	if !ok {
		return "", fmt.Errorf("path of an object: %w", errors.ErrUnsupported)
	}
	defer b.finish("path", key, time.Now(), &err)
	return local.Path(ctx, key)
}

// finish records the operation's metrics and adds the operation and the key to its error.
func (b *Bucket) finish(operation, key string, start time.Time, err *error) {
	*err = disk.Explain(*err)
	b.metrics.observe(operation, start, *err)
	if *err != nil {
		*err = fmt.Errorf("storage %s %q: %w", operation, key, *err)
	}
}

func checkTTL(ttl time.Duration) error {
	if ttl <= 0 {
		return fmt.Errorf("URL lifetime %s is not positive", ttl)
	}
	return nil
}

func contentType(key string, opts PutOptions) string {
	if opts.ContentType != "" {
		return opts.ContentType
	}
	return ContentType(key)
}
