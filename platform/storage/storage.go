// Package storage keeps the contest's files: originals, renditions and posters.
//
// A Bucket is what the modules use. Key rules, content types, size limits, metrics and error texts live in it, once; a Driver below it
// does the bytes: diskstore on a local disk, s3store in S3. Every driver passes the suite in storagetest.
//
// What is put is there whole or not at all. The package promises no order of listing, no locks between writers of one key (the last one
// wins), and no room for a key that is also a folder of other keys.
package storage

import (
	"context"
	"errors"
	"io"
	"time"
)

var (
	// ErrNotFound is what every driver says of a missing object. A folder is not an object.
	ErrNotFound = errors.New("object not found")
	// ErrTooLarge means that the content passed a limit; nothing of it was kept.
	ErrTooLarge = errors.New("content too large")
	// ErrInvalidKey means that the key breaks the rules of CheckKey; the driver was not asked.
	ErrInvalidKey = errors.New("invalid key")
)

// Object describes a stored file.
type Object struct {
	Key         string
	Size        int64 // bytes
	ContentType string
	ModTime     time.Time // when it was put
	ETag        string    // as in HTTP, with its quotes; changes when the content is put anew
}

// PutOptions may be left zero.
type PutOptions struct {
	// ContentType is that of the key's extension when empty. A driver without a place for it (diskstore) always says the extension's.
	ContentType string
	// MaxBytes limits this object; 0 leaves the bucket's limit alone. The smaller of the two holds.
	MaxBytes int64
}

// Driver stores bytes. Its methods are safe for concurrent use, by several processes too. Bucket has checked keys and prefixes and set
// the content type before it asks. A missing object is an error that wraps ErrNotFound; other errors are the driver's own, retried by
// nobody above.
type Driver interface {
	// Put stores what r gives, of unknown length, in constant memory, over whatever had the key. Readers see the old object or the new
	// one, never a mix. When r fails or ctx ends, the error is returned and the key is as it was; nothing else remains.
	Put(ctx context.Context, key string, r io.Reader, contentType string) (Object, error)
	// Open reads one version of the object, also when the key is put anew meanwhile; a driver that cannot go on with that version fails.
	// ctx holds for the reads as well.
	Open(ctx context.Context, key string) (io.ReadSeekCloser, Object, error)
	Stat(ctx context.Context, key string) (Object, error)
	// Delete of a missing object is a success.
	Delete(ctx context.Context, key string) error
	// List calls each for every object whose key begins with prefix, in no promised order, and stops at its first error, which it
	// returns. Objects put or deleted meanwhile may be missed or named; ContentType may be the extension's.
	List(ctx context.Context, prefix string, each func(Object) error) error
	// URL is where a browser reads the object for the next ttl: absolute, or relative to the site. The object need not exist.
	URL(ctx context.Context, key string, ttl time.Duration) (string, error)
	// Input is what ffmpeg reads the object from: an absolute path, or a URL that lives long enough for one run.
	Input(ctx context.Context, key string) (string, error)
}

// Mover is for drivers that can take a local file over without a copy.
type Mover interface {
	// Move puts the regular file at path under key, with the promises of Put; the file is then gone from path. It returns an error that
	// wraps errors.ErrUnsupported when the file must be copied instead. On any error the file is where it was.
	Move(ctx context.Context, key, path, contentType string) (Object, error)
}
