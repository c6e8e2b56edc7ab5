package storage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// A direct upload goes from a client to the store, past us, in parts:
//
//	BeginDirect → PresignPart for each part → the client PUTs the bytes → CompleteDirect, or AbortDirect
//
// All but the PUTs are ours, and any process of the site can do any of them: what is known of an upload is in the store. Nothing is
// visible under the key until CompleteDirect, which puts the whole object there at once, over whatever had the key.
//
// Who checks what: Bucket checks keys, the limits below and that the parts are a sequence; the store checks, with the URL, that a part
// has the size promised, and at the end that the parts named are those it has. Nobody looks at the content: that is the caller's, after
// CompleteDirect. An upload that is neither completed nor aborted stays until the caller sweeps it, but a store may
// drop it when it is older than a day: a rule of the bucket in S3, diskstore after a week.
const (
	// MaxParts is how many parts an upload may have, numbered from 1.
	MaxParts = 10_000
	// MinPartBytes is the least size of a part that is not the last.
	MinPartBytes = 5 << 20
	// MaxPartBytes is the largest size of a part.
	MaxPartBytes = 5 << 30
)

var (
	// ErrNoUpload means that no direct upload with this id and key is under way: it never began, or was completed or aborted.
	ErrNoUpload = errors.New("no such upload")
	// ErrBadParts means that the parts named do not make an object: one is not in the store, has another size or ETag there, is too small,
	// or the sequence has a gap. The upload goes on as if nothing had been asked.
	ErrBadParts = errors.New("parts do not make an object")
)

// Part is one of a direct upload.
type Part struct {
	Number int    // 1 to MaxParts
	ETag   string // what the store answered to the PUT, with its quotes; another one for another content
	Size   int64  // bytes
}

// DirectDriver is for drivers to which clients can upload directly. Its methods are safe for concurrent use, by several processes too.
type DirectDriver interface {
	// BeginDirect starts an upload of an object of this type and returns its id: printable ASCII, of at most 512 bytes, no secret.
	BeginDirect(ctx context.Context, key, contentType string) (uploadID string, err error)
	// PresignPart is where a client PUTs the part for the next ttl, with a body of exactly size bytes and a Content-Length that says so;
	// anything else is refused with a status of 4xx and changes nothing. The answer is 200 with the part's ETag. A part that is PUT again
	// replaces the one before. The URL is absolute, or relative to the site. Of an unknown upload it may be ErrNoUpload, or a URL that is
	// refused.
	PresignPart(ctx context.Context, key, uploadID string, part int, size int64, ttl time.Duration) (url string, err error)
	// CompleteDirect makes the object of parts, which are in sequence, and drops parts that are not named. When the upload was completed
	// already and its object still has the key, that object is returned again: an answer may have been lost, or two processes asked at
	// once. It checks parts against the store: ErrBadParts, ErrNoUpload.
	CompleteDirect(ctx context.Context, key, uploadID string, parts []Part) (Object, error)
	// AbortDirect drops the upload and all its parts, those that arrive at this moment too. An unknown upload is a success, and so is a
	// completed one, whose object stays.
	AbortDirect(ctx context.Context, key, uploadID string) error
	// DirectParts are those that the store has, by number; ErrNoUpload.
	DirectParts(ctx context.Context, key, uploadID string) ([]Part, error)
}

// BeginDirect starts a direct upload. The content type is that of the key's extension when empty. A driver that cannot do this returns an
// error that wraps errors.ErrUnsupported; so do the other methods of direct uploads.
func (b *Bucket) BeginDirect(ctx context.Context, key, contentType string) (uploadID string, err error) {
	defer b.done("begin_direct", key, time.Now(), &err)
	d, err := b.direct(key)
	if err != nil {
		return "", err
	}
	if contentType == "" {
		contentType = ContentType(key)
	}
	return d.BeginDirect(ctx, key, contentType)
}

// PresignPart is where a client PUTs exactly size bytes of the part for the next ttl. Whoever holds the URL may write: never log it.
// ErrTooLarge when one part alone passes the bucket's limit, ErrBadParts when no part may have this number or size.
func (b *Bucket) PresignPart(ctx context.Context, key, uploadID string, part int, size int64, ttl time.Duration) (url string, err error) {
	defer b.done("presign_part", key, time.Now(), &err)
	d, err := b.direct(key)
	if err != nil {
		return "", err
	}
	if err := checkPart(part, size); err != nil {
		return "", err
	}
	if b.maxBytes > 0 && size > b.maxBytes {
		return "", tooLarge(b.maxBytes)
	}
	if ttl <= 0 {
		return "", fmt.Errorf("life time of %s", ttl)
	}
	return d.PresignPart(ctx, key, uploadID, part, size, ttl)
}

// CompleteDirect makes the object of the parts, given in any order, numbered from 1 without a gap. After ErrTooLarge, ErrBadParts and
// errors of the store the upload is still there, to be completed or aborted. Asked again after a success it returns the same object, as
// long as that has the key.
func (b *Bucket) CompleteDirect(ctx context.Context, key, uploadID string, parts []Part) (obj Object, err error) {
	defer b.done("complete_direct", key, time.Now(), &err)
	d, err := b.direct(key)
	if err != nil {
		return Object{}, err
	}
	sequence, err := b.sequence(parts)
	if err != nil {
		return Object{}, err
	}
	obj, err = d.CompleteDirect(ctx, key, uploadID, sequence)
	if err != nil {
		return Object{}, err
	}
	b.metrics.written.Add(float64(obj.Size))
	return obj, nil
}

// AbortDirect drops the upload and its parts; that there is none, or none any more, is no error.
func (b *Bucket) AbortDirect(ctx context.Context, key, uploadID string) (err error) {
	defer b.done("abort_direct", key, time.Now(), &err)
	d, err := b.direct(key)
	if err != nil {
		return err
	}
	return d.AbortDirect(ctx, key, uploadID)
}

// DirectParts are those that the store has, by number.
func (b *Bucket) DirectParts(ctx context.Context, key, uploadID string) (parts []Part, err error) {
	defer b.done("direct_parts", key, time.Now(), &err)
	d, err := b.direct(key)
	if err != nil {
		return nil, err
	}
	return d.DirectParts(ctx, key, uploadID)
}

func (b *Bucket) direct(key string) (DirectDriver, error) {
	if err := CheckKey(key); err != nil {
		return nil, err
	}
	d, ok := b.driver.(DirectDriver)
	if !ok {
		return nil, fmt.Errorf("direct upload: %w", errors.ErrUnsupported)
	}
	return d, nil
}

// sequence is the parts in order, when they can be all of an object.
func (b *Bucket) sequence(parts []Part) ([]Part, error) {
	if len(parts) == 0 {
		return nil, fmt.Errorf("%w: none", ErrBadParts)
	}
	sorted := slices.SortedFunc(slices.Values(parts), func(x, y Part) int { return cmp.Compare(x.Number, y.Number) })
	total := int64(0)
	for i, p := range sorted {
		if p.Number != i+1 {
			return nil, fmt.Errorf("%w: number %d is missing or there twice", ErrBadParts, i+1)
		}
		if err := checkPart(p.Number, p.Size); err != nil {
			return nil, err
		}
		if p.Size < MinPartBytes && i < len(sorted)-1 {
			return nil, fmt.Errorf("%w: number %d has %d bytes, at least %d are needed", ErrBadParts, p.Number, p.Size, int64(MinPartBytes))
		}
		total += p.Size
	}
	if b.maxBytes > 0 && total > b.maxBytes {
		return nil, tooLarge(b.maxBytes)
	}
	return sorted, nil
}

func checkPart(number int, size int64) error {
	if number < 1 || number > MaxParts {
		return fmt.Errorf("%w: number %d, want 1 to %d", ErrBadParts, number, MaxParts)
	}
	if size < 1 || size > MaxPartBytes {
		return fmt.Errorf("%w: number %d has %d bytes, want 1 to %d", ErrBadParts, number, size, int64(MaxPartBytes))
	}
	return nil
}
