package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/storage"
)

// uploadGrace is how long a file may take to arrive before it is deleted as an orphan.
const uploadGrace = 24 * time.Hour

// original is a stored file that is still an orphan. accept creates the video that adopts it; discard deletes it.
type original struct {
	videoID string
	key     string
	size    int64 // bytes
}

// receive stores the content of r, at most size bytes, in constant memory. The first bytes of the content, not a file
// name, determine the format. The error is disk.ErrFull, before anything is read, if there is no room. After an error
// nothing is left but, if the file cannot be deleted now, an orphan.
func (m *Module) receive(ctx context.Context, r io.Reader, size int64) (*original, error) {
	return m.receiveAs(ctx, "", r, size, nil)
}

// receiveAs is receive for the video that gets the given id; "" for a new one. The content is of the container claimed,
// whatever its bytes are, unless that is nil.
func (m *Module) receiveAs(
	ctx context.Context, id string, r io.Reader, size int64, claimed *ffmpeg.Container,
) (*original, error) {
	if err := m.disks.Check(); err != nil {
		return nil, err
	}
	var head []byte
	if claimed == nil {
		container, start, err := sniff(r)
		if err != nil {
			return nil, err
		}
		claimed, head = &container, start
	}
	id, name := nameOriginal(id)
	o := &original{videoID: id, key: m.o.UploadPrefix + "/" + name + claimed.Extension}
	if err := m.arrivals.orphan(ctx, o.key); err != nil {
		return nil, err
	}
	stored, err := m.bucket.Put(ctx, o.key, io.MultiReader(bytes.NewReader(head), r), storage.PutOptions{
		ContentType: claimed.ContentType, MaxBytes: m.o.MaxUploadBytes, Announced: size,
	})
	if err != nil {
		m.discard(ctx, err, o.key)
		if errors.Is(err, storage.ErrTooLarge) {
			return nil, errTooLarge
		}
		return nil, fmt.Errorf("store an upload: %w", err)
	}
	o.size = stored.Size
	return o, nil
}

// accept creates the video of a stored file and queues it. After an error the file is deleted. The error is
// errDiscarded if a sweeper has deleted the file, because it was late.
func (m *Module) accept(ctx context.Context, ownerID string, o *original, d details) (Video, error) {
	v, err := m.newVideo(ctx, d, o.videoID, ownerID, o.key, o.size)
	if err == nil {
		err = m.checkStart(ctx, o.key, d.Start)
	}
	if err == nil {
		err = m.within(ctx, m.o.Quotas, ownerID, 1, func(ctx context.Context) error {
			if err := m.people.Present(ctx, ownerID); err != nil { // the upload may have taken long
				return err
			}
			return m.store.insert(ctx, v)
		})
	}
	if err != nil {
		m.discard(ctx, err, o.key)
		return Video{}, err
	}
	m.metrics.uploadBytes.Observe(float64(v.OriginalSize))
	m.send(ctx, v.ID)
	return v, nil
}

// acceptMock creates the video of a stored file, which counts for no quota and is never sent, claimed or swept. Errors
// are those of accept.
func (m *Module) acceptMock(ctx context.Context, ownerID string, o *original, d details) (Video, error) {
	v := d.video(o.videoID, ownerID, o.key, o.size)
	err := m.checkStart(ctx, o.key, d.Start)
	if err == nil {
		err = m.arrivals.mock(ctx, &v)
	}
	if err != nil {
		m.discard(ctx, err, o.key)
		return Video{}, err
	}
	m.metrics.uploadBytes.Observe(float64(v.OriginalSize))
	return v, nil
}
