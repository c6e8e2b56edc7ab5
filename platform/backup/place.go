package backup

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"risingstars/platform/disk"
	"risingstars/platform/storage"
)

// Place keeps backups. Names are relative paths. Errors of what is not there wrap storage.ErrNotFound.
type Place interface {
	// Put stores what it reads from r, of so many bytes, under a name that is new. Nothing is there after an error.
	Put(ctx context.Context, name string, r io.Reader, size int64) error
	Open(ctx context.Context, name string) (io.ReadCloser, error)
	// List calls each for everything whose name begins with prefix, in no promised order.
	List(ctx context.Context, prefix string, each func(Entry) error) error
	Delete(ctx context.Context, name string) error
	// Close makes what was put durable.
	Close() error
}

// Entry is something that a place lists.
type Entry struct {
	Name string
	Size int64 // bytes
	At   time.Time
}

// In returns the place under a prefix of a bucket, which may be a folder's.
func In(bucket *storage.Bucket, prefix string) Place {
	if prefix = strings.Trim(prefix, "/"); prefix != "" {
		prefix += "/"
	}
	return bucketPlace{bucket, prefix}
}

type bucketPlace struct {
	bucket *storage.Bucket
	prefix string
}

func (p bucketPlace) Put(ctx context.Context, name string, r io.Reader, _ int64) error {
	_, err := p.bucket.Put(ctx, p.prefix+name, r, storage.PutOptions{ContentType: "application/octet-stream"})
	return err
}

func (p bucketPlace) Open(ctx context.Context, name string) (io.ReadCloser, error) {
	r, _, err := p.bucket.Open(ctx, p.prefix+name)
	if err != nil {
		return nil, err
	}
	return r, nil
}

func (p bucketPlace) List(ctx context.Context, prefix string, each func(Entry) error) error {
	return p.bucket.List(ctx, p.prefix+prefix, func(o storage.Object) error {
		return each(Entry{strings.TrimPrefix(o.Key, p.prefix), o.Size, o.ModTime})
	})
}

func (p bucketPlace) Delete(ctx context.Context, name string) error {
	return p.bucket.Delete(ctx, p.prefix+name)
}

func (p bucketPlace) Close() error { return nil }

// Within returns the place, which from then on refuses what would use the reserve of the volume that it is on.
func Within(p Place, volume *disk.Volume) Place { return volumePlace{p, volume} }

type volumePlace struct {
	Place

	volume *disk.Volume
}

func (p volumePlace) Put(ctx context.Context, name string, r io.Reader, size int64) error {
	claim, err := p.volume.Claim(size)
	if err != nil {
		return err
	}
	defer claim.Release()
	return p.Place.Put(ctx, name, r, size)
}

// errHasOne is why a single file takes no second backup.
var errHasOne = errors.New("the file has a backup already: name a new one, or a folder, which takes many")
