package media

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
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
	// How soon a completion that finds another one at it looks again, and when it does so for the last time.
	completePause    = 50 * time.Millisecond
	completePatience = 2 * time.Second
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
	errOtherType = fault.New(fault.Malformed, "other_type",
		"El archivo no es del tipo anunciado. Empieza otra subida con el tipo correcto.",
		"The file is not of the type that was announced. Begin another upload with the right type.")
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

// containerFor finds the container by what the client says of its file: browsers know no type for some, and others for some.
func containerFor(contentType, filename string) (ffmpeg.Container, error) {
	contentType, _, _ = strings.Cut(strings.ToLower(contentType), ";")
	contentType = strings.TrimSpace(contentType)
	for _, c := range ffmpeg.Containers() {
		if contentType == c.ContentType {
			return c, nil
		}
	}
	family, _, _ := strings.Cut(contentType, "/")
	for _, c := range ffmpeg.Containers() {
		if slices.Contains([]string{"", "application", "video"}, family) && strings.EqualFold(path.Ext(filename), c.Extension) {
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
	// Again when it is inserted; here it spares storage the work.
	if open, err := m.store.directByOwner(ctx, ownerID, time.Now()); err != nil {
		return directUpload{}, err
	} else if len(open) >= maxDirect {
		return directUpload{}, errTooManyUploads
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
		m.giveUpDirect(ctx, u)
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

// received are the parts of the upload that storage has as they should be, by number. When it has made one file of them
// already, whole is true, and they are not known any more; errNoUpload when there is neither.
func (m *Module) received(ctx context.Context, u directUpload) (_ []storage.Part, whole bool, err error) {
	stored, err := m.bucket.DirectParts(ctx, u.Key, u.StorageID)
	if errors.Is(err, storage.ErrNoUpload) {
		obj, err := m.bucket.Stat(ctx, u.Key)
		switch {
		case errors.Is(err, storage.ErrNotFound), err == nil && obj.Size != u.Size:
			return nil, false, errNoUpload.With(err)
		case err != nil:
			return nil, false, err //nolint:wrapcheck // the bucket names the key
		}
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err //nolint:wrapcheck // the bucket names the key
	}
	parts := stored[:0]
	for _, p := range stored {
		if p.Number <= u.parts() && p.Size == u.partSize(p.Number) {
			parts = append(parts, p)
		}
	}
	return parts, false, nil
}

// completeDirect makes a video of an upload all of whose parts have arrived, as accept does of a file that came through
// here. Asked again, it returns the same video, also while another request, maybe of another process, is at it: storage may
// then know neither the parts any more nor the file yet.
func (m *Module) completeDirect(ctx context.Context, callerID, id string) (Video, error) {
	for wait := completePause; ; wait *= 2 {
		u, err := m.ownedDirect(ctx, callerID, id)
		if errors.Is(err, errNoUpload) || wait > completePatience {
			return m.outcome(ctx, callerID, id)
		}
		if err != nil {
			return Video{}, err
		}
		v, err := m.makeVideo(ctx, u)
		if !errors.Is(err, errNoUpload) && !errors.Is(err, storage.ErrNotFound) {
			return v, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return Video{}, ctx.Err() //nolint:wrapcheck // the client went away
		}
	}
}

// makeVideo fails with errNoUpload or storage.ErrNotFound when the upload ended meanwhile. After an error that says nothing
// of the outcome everything stays as it is: the client may ask again, and what nobody asks for is swept.
func (m *Module) makeVideo(ctx context.Context, u directUpload) (Video, error) {
	if err := m.assemble(ctx, u); err != nil {
		return Video{}, err
	}
	err := m.inspect(ctx, u.Key)
	if err == nil {
		err = m.checkStart(ctx, u.Key, u.Start)
	}
	if errors.Is(err, errNotAVideo) || errors.Is(err, errOtherType) || errors.Is(err, fault.ErrInvalid) {
		return Video{}, errors.Join(m.abortDirect(ctx, u), err)
	}
	if err != nil {
		return Video{}, err
	}
	v := u.video(u.ID, u.OwnerID, u.Key)
	if err := m.store.becomeVideo(ctx, v); err != nil {
		return Video{}, err
	}
	m.send(ctx, v.ID)
	return v, nil
}

// outcome tells what became of an upload that has ended: a request made a video of it, or it was given up. A file that was
// put together after that is listed for deletion (dropDirect).
func (m *Module) outcome(ctx context.Context, callerID, id string) (Video, error) {
	v, err := m.Owned(ctx, callerID, id)
	if errors.Is(err, errNotFound) {
		err = errNoUpload
	}
	return v, err
}

// assemble makes one file of the parts, if all are there.
func (m *Module) assemble(ctx context.Context, u directUpload) error {
	parts, whole, err := m.received(ctx, u)
	if err != nil || whole { // whole: something failed afterwards, and it goes on with the file
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

// inspect looks at the first bytes: errNotAVideo, or errOtherType when the key's extension promises another format.
func (m *Module) inspect(ctx context.Context, key string) error {
	file, _, err := m.bucket.Open(ctx, key)
	if err != nil {
		return err //nolint:wrapcheck // the bucket names the key
	}
	defer file.Close()
	is, err := sniff(file)
	if err != nil {
		return err
	}
	for _, c := range ffmpeg.Containers() {
		if c.Extension == path.Ext(key) && c.Demuxer != is.Demuxer {
			return errOtherType
		}
	}
	return nil
}

// abortDirect gives an upload up; errNoUpload when it has ended.
func (m *Module) abortDirect(ctx context.Context, u directUpload) error {
	found, err := m.store.expireDirect(ctx, u.ID)
	if err != nil {
		return err
	}
	if !found {
		return errNoUpload
	}
	m.giveUpDirect(ctx, u)
	return nil
}

// giveUpDirect drops an upload that can become no video any more. What fails is done by the sweeper.
func (m *Module) giveUpDirect(ctx context.Context, u directUpload) {
	if err := m.dropDirect(ctx, u); err != nil {
		m.log.WarnContext(ctx, "a direct upload was not removed; the sweeper will", "upload_id", u.ID, "error", err)
	}
}

// dropDirect removes what is stored of an upload that has expired, and then its row. Its file stays on the list of those
// to delete for a while: storage may be putting it together at this moment.
func (m *Module) dropDirect(ctx context.Context, u directUpload) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	if err := m.bucket.AbortDirect(ctx, u.Key, u.StorageID); err != nil {
		return err //nolint:wrapcheck // the bucket names the key
	}
	if err := m.bucket.Delete(ctx, u.Key); err != nil {
		return err //nolint:wrapcheck // the bucket names the key
	}
	if err := m.store.unclaim(ctx, time.Now().Add(directGrace), u.Key); err != nil {
		return err
	}
	return m.store.deleteDirect(ctx, u.ID)
}

// sweepDirect drops the uploads that nobody completed in time, until ctx ends or something fails.
func (m *Module) sweepDirect(ctx context.Context, now time.Time) error {
	uploads, err := m.store.directDue(ctx, now.Add(-directGrace), sweepBatch)
	if err != nil {
		return err
	}
	for i, u := range uploads {
		if err := ctx.Err(); err != nil {
			return err //nolint:wrapcheck // a stop
		}
		// Only then can no request make a video of it any more, wherever its clock stands.
		found, err := m.store.expireDirect(ctx, u.ID)
		if err == nil && found {
			err = m.dropDirect(ctx, u)
		}
		if err != nil {
			return fmt.Errorf("drop direct upload %s, the %d. of %d: %w", u.ID, i+1, len(uploads), err)
		}
	}
	if len(uploads) > 0 {
		m.log.InfoContext(ctx, "dropped abandoned direct uploads", "count", len(uploads))
	}
	return nil
}
