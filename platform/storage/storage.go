// Package storage keeps the contest's files: originals, renditions and posters.
//
// Modules use a Bucket. It holds the rules for keys, content types, size limits, metrics and error texts in one place.
// A Driver below it moves the bytes: diskstore on a local disk, s3store in S3. Every driver passes the suite in
// storagetest.
//
// An object is stored completely or not at all. The package promises no order of listing, does not lock writers of the
// same key (the last one wins), and does not allow a key that is also a folder of other keys.
package storage

import (
	"context"
	"errors"
	"io"
	"time"
)

var (
	// ErrNotFound is what every driver returns for a missing object. A folder is not an object.
	ErrNotFound = errors.New("object not found")
	// ErrTooLarge means that the content exceeded a limit; nothing of it was kept.
	ErrTooLarge = errors.New("content too large")
	// ErrInvalidKey means that the key breaks the rules of CheckKey; the driver was not called.
	ErrInvalidKey = errors.New("invalid key")
)

// Object describes a stored file.
type Object struct {
	Key         string
	Size        int64 // bytes
	ContentType string
	ModTime     time.Time // when it was put
	ETag        string    // as in HTTP, with its quotes; changes whenever the content is replaced
}

// PutOptions may be left zero.
type PutOptions struct {
	// ContentType defaults to the type of the key's extension. A driver that cannot store it (diskstore) always reports
	// the extension's type.
	ContentType string
	// MaxBytes limits the size of the object; 0 means no limit.
	MaxBytes int64
	// Announced is the most that the content may have, in bytes. A driver whose space is limited looks for it before it
	// reads the first byte, and returns disk.ErrFull if it could only store the content in its reserve. 0: the content
	// may use the reserve.
	Announced int64
}

// Driver stores bytes. Its methods are safe for concurrent use, also by several processes. Bucket checks keys and
// prefixes and sets the content type before it calls a driver. A missing object is an error that wraps ErrNotFound.
// Other errors are the driver's own; nobody above retries them.
type Driver interface {
	// Put stores everything that it reads from r, of unknown length, in constant memory, and replaces any object with
	// the same key. Readers see the old object or the new one, never a mix. When r fails or ctx ends, Put returns that
	// error, the key keeps its old object, and nothing else remains.
	Put(ctx context.Context, key string, r io.Reader, contentType string) (Object, error)
	// Open returns a reader of one version of the object, even if the key is replaced meanwhile; a driver that can no
	// longer read that version returns an error. ctx also covers the reads.
	Open(ctx context.Context, key string) (io.ReadSeekCloser, Object, error)
	Stat(ctx context.Context, key string) (Object, error)
	// Delete succeeds if the object is missing.
	Delete(ctx context.Context, key string) error
	// List calls each for every object whose key begins with prefix, in no promised order. It stops at the first error
	// of each and returns it. Objects that are put or deleted meanwhile may be listed or not; ContentType may be the
	// extension's type.
	List(ctx context.Context, prefix string, each func(Object) error) error
	// URL returns the address at which a browser can read the object for the next ttl, absolute or relative to the
	// site. The object need not exist.
	URL(ctx context.Context, key string, ttl time.Duration) (string, error)
}

// Local is for drivers that keep every object as a file.
type Local interface {
	// Path returns the absolute path of the object's file, which must not be written to.
	Path(ctx context.Context, key string) (string, error)
}

// Reserver is for drivers whose space is limited.
type Reserver interface {
	// PutAnnounced is Put for content of at most size bytes, for which it reserves the space before it reads. Without
	// it, the error is disk.ErrFull.
	PutAnnounced(ctx context.Context, key string, r io.Reader, contentType string, size int64) (Object, error)
}

// Signer is for drivers that can hand out URLs which end.
type Signer interface {
	// SignedURL returns an absolute URL at which anyone can read the object for the next ttl, also if URL returns a
	// lasting address on the site.
	SignedURL(ctx context.Context, key string, ttl time.Duration) (string, error)
}

// Mover is for drivers that can move a local file into the store without copying it.
type Mover interface {
	// Move stores the regular file at path under key, with the promises of Put, and removes it from path. It returns an
	// error that wraps errors.ErrUnsupported if the file must be copied instead. After any error the file is still at
	// path.
	Move(ctx context.Context, key, path, contentType string) (Object, error)
}
