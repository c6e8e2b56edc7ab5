package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"risingstars/platform/telemetry"
)

// In a direct upload, a client sends a file to the store in parts, without passing through this program:
//
//	BeginDirect → PresignPart for each part → the client PUTs the bytes → CompleteDirect, or AbortDirect
//
// This program makes every call except the PUTs. Any process of the deployment can make any of them, because the store
// keeps the state of an upload. Nothing is visible under the key until CompleteDirect creates the complete object at
// once, in place of any older one.
//
// Bucket checks keys, the limits below and that the parts are numbered without a gap. The store checks that a part has
// the size that its URL was signed for and, in the end, that it has the listed parts. Neither looks at the content: the
// caller does, after CompleteDirect. An upload that is neither completed nor aborted stays until the caller aborts it,
// but a store may drop it once it is older than a day: S3 by a rule of the bucket, diskstore after a week.
const (
	// MaxParts is the largest number of parts in one upload; they are numbered from 1.
	MaxParts = 10_000
	// MinPartBytes is the smallest size of every part but the last.
	MinPartBytes = 5 << 20
	// MaxPartBytes is the largest size of a part.
	MaxPartBytes = 5 << 30
)

var (
	// ErrNoUpload means that no direct upload with this id and key is in progress: it never began, or was completed or
	// aborted.
	ErrNoUpload = errors.New("no such upload")
	// ErrBadParts means that the listed parts do not make an object: the store lacks one or has it with another size or
	// ETag, one is too small, or a number is missing. The upload is unchanged.
	ErrBadParts = errors.New("parts do not make an object")
)

// Part is one part of a direct upload.
type Part struct {
	Number int    // 1 to MaxParts
	ETag   string // from the store's answer to the PUT, with its quotes; differs for other content
	Size   int64  // bytes
}

// DirectDriver is for drivers that support direct uploads. Its methods are safe for concurrent use, also by several
// processes.
type DirectDriver interface {
	// BeginDirect starts an upload of an object of this type and returns its id: at most 512 bytes of printable ASCII,
	// not a secret. A driver whose space is limited reserves size bytes until the upload ends; without them, the error
	// is disk.ErrFull.
	BeginDirect(ctx context.Context, key, contentType string, size int64) (uploadID string, err error)
	// PresignPart returns the URL to which a client can PUT the part for the next ttl, absolute or relative to the
	// site. The body must have exactly size bytes, and Content-Length must say so. The store refuses any other request
	// with a 4xx status and changes nothing. It answers 200 with the part's ETag. Another PUT of the part replaces the
	// earlier one; while that still arrives, the store may refuse the other with 409, as diskstore does and S3 does
	// not. For an unknown upload, PresignPart returns ErrNoUpload or a URL that the store refuses.
	PresignPart(
		ctx context.Context, key, uploadID string, part int, size int64, ttl time.Duration,
	) (url string, err error)
	// CompleteDirect creates the object from parts, which are in order, and drops parts that are not listed. It
	// compares parts with those in the store: ErrBadParts, ErrNoUpload. If the upload was already completed and the key
	// still has its object, CompleteDirect returns that object again, because an answer may have been lost or two
	// processes may have called at once.
	CompleteDirect(ctx context.Context, key, uploadID string, parts []Part) (Object, error)
	// AbortDirect drops the upload and all its parts, including those that are just arriving. It succeeds if the upload
	// is unknown, and also if it was completed, in which case its object stays.
	AbortDirect(ctx context.Context, key, uploadID string) error
	// DirectParts returns the parts that the store has, ordered by number; ErrNoUpload.
	DirectParts(ctx context.Context, key, uploadID string) ([]Part, error)
}

// BeginDirect starts a direct upload of size bytes in all; 0 means that the size is not known and that no space is
// reserved. An empty content type means the type of the key's extension. If the driver does not support direct uploads,
// this and the other methods for them return an error that wraps errors.ErrUnsupported.
func (b *Bucket) BeginDirect(ctx context.Context, key, contentType string, size int64) (uploadID string, err error) {
	defer b.finish("begin_direct", key, time.Now(), &err)
	d, err := b.directDriver(key)
	if err != nil {
		return "", err
	}
	if contentType == "" {
		contentType = ContentType(key)
	}
	return d.BeginDirect(ctx, key, contentType, size)
}

// PresignPart returns the URL to which a client can PUT exactly size bytes as this part for the next ttl. Anyone with
// the URL can write the part, so never log it. ErrBadParts means that the number or the size is outside the limits of a
// part.
func (b *Bucket) PresignPart(
	ctx context.Context, key, uploadID string, part int, size int64, ttl time.Duration,
) (url string, err error) {
	defer b.finish("presign_part", key, time.Now(), &err)
	d, err := b.directDriver(key)
	if err != nil {
		return "", err
	}
	if err := checkPart(part, size); err != nil {
		return "", err
	}
	if err := checkTTL(ttl); err != nil {
		return "", err
	}
	return d.PresignPart(ctx, key, uploadID, part, size, ttl)
}

// CompleteDirect creates the object from the parts, which may be in any order and are numbered from 1 without a gap.
// After ErrBadParts and errors of the store, the upload is still there and can be completed or aborted. After a
// success, further calls return the same object for as long as the key has it.
func (b *Bucket) CompleteDirect(ctx context.Context, key, uploadID string, parts []Part) (obj Object, err error) {
	ctx, span := telemetry.Start(ctx, telemetry.Internal, "storage complete_direct")
	defer func() { span.EndWith(err) }()
	defer b.finish("complete_direct", key, time.Now(), &err)
	d, err := b.directDriver(key)
	if err != nil {
		return Object{}, err
	}
	ordered, err := orderParts(parts)
	if err != nil {
		return Object{}, err
	}
	obj, err = d.CompleteDirect(ctx, key, uploadID, ordered)
	if err != nil {
		return Object{}, err
	}
	b.metrics.written.Add(float64(obj.Size))
	return obj, nil
}

// AbortDirect drops the upload and its parts. It succeeds if there is no such upload.
func (b *Bucket) AbortDirect(ctx context.Context, key, uploadID string) (err error) {
	defer b.finish("abort_direct", key, time.Now(), &err)
	d, err := b.directDriver(key)
	if err != nil {
		return err
	}
	return d.AbortDirect(ctx, key, uploadID)
}

// DirectParts returns the parts that the store has, ordered by number; ErrNoUpload.
func (b *Bucket) DirectParts(ctx context.Context, key, uploadID string) (parts []Part, err error) {
	defer b.finish("direct_parts", key, time.Now(), &err)
	d, err := b.directDriver(key)
	if err != nil {
		return nil, err
	}
	return d.DirectParts(ctx, key, uploadID)
}

// directDriver checks the key and that the driver supports direct uploads.
func (b *Bucket) directDriver(key string) (DirectDriver, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	d, ok := b.driver.(DirectDriver)
	if !ok {
		return nil, fmt.Errorf("direct upload: %w", errors.ErrUnsupported)
	}
	return d, nil
}

// orderParts returns the parts ordered by number, or ErrBadParts if they cannot make an object.
func orderParts(parts []Part) ([]Part, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("%w: the list is empty", ErrBadParts)
	}
	ordered := slices.SortedFunc(slices.Values(parts), func(x, y Part) int { return cmp.Compare(x.Number, y.Number) })
	for i, p := range ordered {
		if p.Number != i+1 {
			return nil, fmt.Errorf("%w: part %d is missing or listed twice", ErrBadParts, i+1)
		}
		if err := checkPart(p.Number, p.Size); err != nil {
			return nil, err
		}
		if p.Size < MinPartBytes && i < len(ordered)-1 {
			return nil, fmt.Errorf("%w: part %d has %d bytes, want at least %d",
				ErrBadParts, p.Number, p.Size, int64(MinPartBytes))
		}
	}
	return ordered, nil
}

func checkPart(number int, size int64) error {
	if number < 1 || number > MaxParts {
		return fmt.Errorf("%w: part number %d, want 1 to %d", ErrBadParts, number, MaxParts)
	}
	if size < 1 || size > MaxPartBytes {
		return fmt.Errorf("%w: part %d has %d bytes, want 1 to %d", ErrBadParts, number, size, int64(MaxPartBytes))
	}
	return nil
}
