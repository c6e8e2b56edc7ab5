package media

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/storage"
)

const (
	// directPartSize is the size of a part, in bytes, the least that S3 accepts: a connection of 1 Mbit/s that breaks
	// loses 42 s of work at most, and 200 MB are 40 requests.
	directPartSize = storage.MinPartBytes
	// directLifetime is how long an upload may take. The sweeper cancels it directGrace later, so that a completion
	// that has begun can end.
	directLifetime = 24 * time.Hour
	directGrace    = 5 * time.Minute
	// maxDirect is how many unfinished uploads a person may have: as many as uploads at once through the service.
	maxDirect = uploadsAtOnce
)

// directUploads are the uploads whose bytes go from the client straight to storage, in parts:
//
//	begin → the client PUTs each part to its URL → complete, or cancel
//
// Any process can do any step. The details may come with any of the first and the last step, so that people write them
// while the bytes go.
type directUploads struct {
	m    *Module
	rows directStore
}

// directUpload is an unfinished upload. Its id becomes the video's.
type directUpload struct {
	details
	ID        string
	OwnerID   string
	Key       string
	StorageID string // the store's own name for it
	Size      int64  // of the whole file, in bytes
	PartSize  int64  // of every part but the last, in bytes
	ExpiresAt time.Time
	left      time.Duration // until then, when the row was read
}

// newDirectUpload returns an upload of so many bytes, with the size of its parts.
func newDirectUpload(size int64) directUpload {
	u := directUpload{Size: size, PartSize: directPartSize}
	for u.partCount() > storage.MaxParts {
		u.PartSize *= 2
	}
	return u
}

// partCount returns the number of parts of the file.
func (u directUpload) partCount() int { return int((u.Size + u.PartSize - 1) / u.PartSize) }

// partSize returns the size of one part, numbered from 1, in bytes.
func (u directUpload) partSize(number int) int64 {
	return min(u.PartSize, u.Size-int64(number-1)*u.PartSize)
}

// containerFor returns the container of a file that the client describes. If the type names none, the extension
// decides: browsers have no type for some files and unusual types for others.
func containerFor(contentType, filename string) (ffmpeg.Container, error) {
	contentType, _, _ = strings.Cut(strings.ToLower(contentType), ";")
	contentType = strings.TrimSpace(contentType)
	for _, c := range ffmpeg.Containers() {
		if contentType == c.ContentType {
			return c, nil
		}
	}
	family, _, _ := strings.Cut(contentType, "/")
	mayBeVideo := slices.Contains([]string{"", "application", "video"}, family)
	for _, c := range ffmpeg.Containers() {
		if mayBeVideo && strings.EqualFold(path.Ext(filename), c.Extension) {
			return c, nil
		}
	}
	return ffmpeg.Container{}, errUnknownType
}

// begin prepares storage for a file of size bytes. The upload gets the given id; "" for a new one.
func (d *directUploads) begin(
	ctx context.Context, ownerID, id string, about details, c ffmpeg.Container, size int64,
) (directUpload, error) {
	if err := d.m.moderation.MayUpload(ctx, ownerID); err != nil {
		return directUpload{}, err
	}
	if size > d.m.o.MaxUploadBytes {
		return directUpload{}, errTooLarge
	}
	if err := d.m.disks.Check(); err != nil {
		return directUpload{}, err
	}
	if err := d.m.proved(ctx, ownerID); err != nil {
		return directUpload{}, err
	}
	now, err := d.m.store.db.Now(ctx)
	if err != nil {
		return directUpload{}, err
	}
	id, name := nameOriginal(id)
	u := newDirectUpload(size)
	u.details, u.ID, u.OwnerID, u.Key = about, id, ownerID, d.m.o.UploadPrefix+"/"+name+c.Extension
	u.ExpiresAt, u.left = now.Add(directLifetime), directLifetime
	// The insert checks all this again. Checking it here as well avoids a needless call to storage.
	if unfinished, err := d.list(ctx, ownerID); err != nil {
		return directUpload{}, err
	} else if len(unfinished) >= maxDirect {
		return directUpload{}, errTooManyUploads
	}
	if err := d.m.checkQuota(ctx, ownerID, size); err != nil {
		return directUpload{}, err
	}
	// A file that never becomes a video is then deleted even if the upload has no row.
	if err := d.m.store.orphan(ctx, longestGrace, u.Key); err != nil {
		return directUpload{}, err
	}
	storageID, err := d.m.bucket.BeginDirect(ctx, u.Key, c.ContentType, size)
	if err != nil {
		d.m.discard(ctx, err, u.Key)
		return directUpload{}, fmt.Errorf("begin a direct upload: %w", err)
	}
	u.StorageID = storageID
	err = d.m.within(ctx, d.m.o.Quotas, ownerID, 1, func(ctx context.Context) error {
		added, err := d.rows.insert(ctx, u, maxDirect)
		if err == nil && !added {
			err = errTooManyUploads
		}
		return err
	})
	if err != nil {
		d.abandon(ctx, u)
		return directUpload{}, err
	}
	return u, nil
}

// list returns a person's unfinished uploads, the latest first.
func (d *directUploads) list(ctx context.Context, ownerID string) ([]directUpload, error) {
	return d.rows.byOwner(ctx, ownerID)
}

// owned returns the caller's unfinished upload. The error is errNotOwner for somebody else's upload, and errNoUpload
// for one that is unknown or has ended.
func (d *directUploads) owned(ctx context.Context, callerID, id string) (directUpload, error) {
	if uuid.Validate(id) != nil {
		return directUpload{}, errNoUpload
	}
	u, err := d.rows.byID(ctx, id)
	switch {
	case err != nil:
		return directUpload{}, err
	case u.OwnerID != callerID:
		return directUpload{}, errNotOwner
	case u.left <= 0:
		return directUpload{}, errNoUpload
	}
	return u, nil
}
