package media

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/fault"
	"risingstars/platform/storage"
)

const (
	// directPart is the size of a part, in bytes: a slow connection that breaks loses little, and 200 MB are 13 requests.
	directPart = 16 << 20
	// directLife is how long an upload may take. What is then left of it is swept a little later, so that no process whose
	// clock differs still makes a video of it.
	directLife  = 24 * time.Hour
	directGrace = 5 * time.Minute
	// maxDirect is how many uploads a person may have under way.
	maxDirect = 10
)

var (
	errNoUpload = fault.New(fault.NotFound, "not_found",
		"Esta subida no existe o ya terminó. Empieza una nueva.",
		"This upload does not exist or has ended. Begin a new one.")
	errIncomplete = fault.New(fault.Conflict, "upload_incomplete",
		"Todavía faltan partes del archivo. Envíalas y vuelve a terminar la subida.",
		"Parts of the file are still missing. Send them and complete the upload again.")
	errTooManyUploads = fault.New(fault.Conflict, "too_many_uploads",
		"Tienes demasiadas subidas sin terminar. Termina o cancela alguna.",
		"You have too many unfinished uploads. Complete or cancel one of them.")
	errUnknownType = fault.ErrInvalid.WithFields(fault.Field{
		Location: "body.content_type",
		Message:  fault.Text{ES: "debe ser el de un video MP4, MOV, 3GP, MKV o WebM", EN: "must be that of an MP4, MOV, 3GP, MKV or WebM video"},
	})
)

// directUpload is one whose bytes go from the client straight to storage. Its id becomes the video's.
type directUpload struct {
	details
	ID        string
	OwnerID   string
	Key       string
	StorageID string // what the store calls it
	Size      int64  // bytes, of the whole file
	PartSize  int64  // of every part but the last
	ExpiresAt time.Time
}

// parts is how many the file has.
func (u directUpload) parts() int { return int((u.Size + u.PartSize - 1) / u.PartSize) }

// partSize is the size of one part, numbered from 1, in bytes.
func (u directUpload) partSize(number int) int64 {
	return min(u.PartSize, u.Size-int64(number-1)*u.PartSize)
}

// containerFor finds the container by what the client says of its file: browsers know no type for some.
func containerFor(contentType, filename string) (ffmpeg.Container, error) {
	contentType, _, _ = strings.Cut(strings.ToLower(contentType), ";")
	contentType = strings.TrimSpace(contentType)
	for _, c := range ffmpeg.Containers() {
		unknown := contentType == "" || contentType == "application/octet-stream"
		if contentType == c.ContentType || unknown && strings.EqualFold(path.Ext(filename), c.Extension) {
			return c, nil
		}
	}
	return ffmpeg.Container{}, errUnknownType
}

// beginDirect prepares storage for a file of size bytes.
func (m *Module) beginDirect(ctx context.Context, ownerID string, d details, c ffmpeg.Container, size int64) (directUpload, error) {
	if size > m.o.MaxUploadBytes {
		return directUpload{}, errTooLarge
	}
	u := directUpload{
		details: d, ID: uuid.Must(uuid.NewV7()).String(), OwnerID: ownerID, Size: size, PartSize: directPart,
		ExpiresAt: time.Now().Add(directLife).UTC().Truncate(time.Microsecond),
	}
	for u.parts() > storage.MaxParts {
		u.PartSize *= 2
	}
	u.Key = m.o.UploadPrefix + "/" + u.ID + c.Extension
	// Whatever becomes of the row, a file that no video points to goes.
	if err := m.store.unclaim(ctx, u.ExpiresAt.Add(2*directGrace), u.Key); err != nil {
		return directUpload{}, err
	}
	storageID, err := m.bucket.BeginDirect(ctx, u.Key, c.ContentType)
	if err != nil {
		return directUpload{}, fmt.Errorf("begin a direct upload: %w", err)
	}
	u.StorageID = storageID
	added, err := m.store.insertDirect(ctx, u, maxDirect)
	if err == nil && !added {
		err = errTooManyUploads
	}
	if err != nil {
		m.dropDirect(ctx, u)
		return directUpload{}, err
	}
	return u, nil
}

// ownedDirect returns the caller's upload that is under way. Somebody else's is errNotOwner.
func (m *Module) ownedDirect(ctx context.Context, callerID, id string) (directUpload, error) {
	if uuid.Validate(id) != nil {
		return directUpload{}, errNoUpload
	}
	u, err := m.store.directByID(ctx, id)
	switch {
	case err != nil:
		return directUpload{}, err
	case u.OwnerID != callerID:
		return directUpload{}, errNotOwner
	case !u.ExpiresAt.After(time.Now()):
		return directUpload{}, errNoUpload
	}
	return u, nil
}

// received are the parts of the upload that storage has as they should be, by number.
func (m *Module) received(ctx context.Context, u directUpload) ([]storage.Part, error) {
	stored, err := m.bucket.DirectParts(ctx, u.Key, u.StorageID)
	if err != nil {
		return nil, err //nolint:wrapcheck // the bucket names the key
	}
	parts := stored[:0]
	for _, p := range stored {
		if p.Number <= u.parts() && p.Size == u.partSize(p.Number) {
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// completeDirect makes a video of an upload all of whose parts have arrived, as accept does of a file that came through
// here. Asked again, it returns the same video.
func (m *Module) completeDirect(ctx context.Context, callerID, id string) (Video, error) {
	u, err := m.ownedDirect(ctx, callerID, id)
	if errors.Is(err, errNoUpload) {
		v, err := m.Owned(ctx, callerID, id)
		if errors.Is(err, errNotFound) {
			err = errNoUpload
		}
		return v, err
	}
	if err != nil {
		return Video{}, err
	}
	v, err := m.makeVideo(ctx, u)
	if errors.Is(err, errNoUpload) || errors.Is(err, storage.ErrNotFound) {
		return m.overtaken(ctx, u)
	}
	return v, err
}

// makeVideo fails with errNoUpload or storage.ErrNotFound when the upload ended meanwhile. After an error that says nothing
// of the outcome everything stays as it is: the client may ask again, and what nobody asks for is swept.
func (m *Module) makeVideo(ctx context.Context, u directUpload) (Video, error) {
	if err := m.assemble(ctx, u); err != nil {
		return Video{}, err
	}
	isVideo, err := m.looksLikeVideo(ctx, u.Key)
	if err != nil {
		return Video{}, err
	}
	if !isVideo {
		if err := m.abortDirect(ctx, u); err != nil {
			return Video{}, err
		}
		return Video{}, errNotAVideo
	}
	v := Video{
		ID: u.ID, OwnerID: u.OwnerID, Title: u.Title, Description: u.Description, Start: u.Start, Status: Uploaded,
		OriginalKey: u.Key, UploadedAt: time.Now().UTC().Truncate(time.Microsecond),
	}
	if err := m.store.becomeVideo(ctx, v); err != nil {
		return Video{}, err
	}
	m.send(ctx, v.ID)
	return v, nil
}

// overtaken tells what became of an upload whose row went away: another request made a video of it, or it was given up
// while its file was put together, which therefore goes.
func (m *Module) overtaken(ctx context.Context, u directUpload) (Video, error) {
	v, err := m.Owned(ctx, u.OwnerID, u.ID)
	if errors.Is(err, errNotFound) {
		m.abandon(ctx, u.Key)
		err = errNoUpload
	}
	return v, err
}

// assemble makes one file of the parts, if all are there.
func (m *Module) assemble(ctx context.Context, u directUpload) error {
	parts, err := m.received(ctx, u)
	if errors.Is(err, storage.ErrNoUpload) {
		// It was assembled, and then something failed: go on with the file.
		if obj, err := m.bucket.Stat(ctx, u.Key); err == nil && obj.Size == u.Size {
			return nil
		}
		return errNoUpload.With(err)
	}
	if err != nil {
		return err
	}
	if len(parts) < u.parts() {
		return errIncomplete
	}
	_, err = m.bucket.CompleteDirect(ctx, u.Key, u.StorageID, parts)
	if errors.Is(err, storage.ErrBadParts) {
		return errIncomplete.With(err)
	}
	if errors.Is(err, storage.ErrNoUpload) {
		return errNoUpload.With(err)
	}
	return err //nolint:wrapcheck // the bucket names the key
}

func (m *Module) looksLikeVideo(ctx context.Context, key string) (bool, error) {
	file, _, err := m.bucket.Open(ctx, key)
	if err != nil {
		return false, err //nolint:wrapcheck // the bucket names the key
	}
	defer file.Close()
	_, err = sniff(file)
	if errors.Is(err, errNotAVideo) {
		return false, nil
	}
	return err == nil, err
}

// abortDirect gives an upload up. Only then can no request make a video of it any more, and what is stored goes.
func (m *Module) abortDirect(ctx context.Context, u directUpload) error {
	found, err := m.store.expireDirect(ctx, u.ID)
	if err != nil {
		return err
	}
	if !found {
		return errNoUpload
	}
	m.dropDirect(ctx, u)
	return nil
}

// dropDirect removes what is stored of an upload that has expired, and then its row. What fails is done by the sweeper.
func (m *Module) dropDirect(ctx context.Context, u directUpload) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	err := m.bucket.AbortDirect(ctx, u.Key, u.StorageID)
	if err == nil {
		err = m.bucket.Delete(ctx, u.Key)
	}
	if err == nil {
		err = m.store.deleteDirect(ctx, u.ID)
	}
	if err == nil {
		err = m.store.keep(ctx, u.Key)
	}
	if err != nil {
		m.log.WarnContext(ctx, "a direct upload was not removed; the sweeper will", "upload_id", u.ID, "error", err)
	}
}

// sweepDirect drops the uploads that nobody completed in time.
func (m *Module) sweepDirect(ctx context.Context, now time.Time) error {
	uploads, err := m.store.directDue(ctx, now.Add(-directGrace), sweepBatch)
	if err != nil {
		return err
	}
	for _, u := range uploads {
		m.dropDirect(ctx, u)
	}
	if len(uploads) > 0 {
		m.log.InfoContext(ctx, "dropped abandoned direct uploads", "count", len(uploads))
	}
	return nil
}
