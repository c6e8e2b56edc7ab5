package media

import (
	"context"
	"io"
)

// Inject stores a clip as an upload and queues it, past HTTP and the quotas, for a load test of the workers or a
// demonstration. It returns the video's id.
func (m *Module) Inject(
	ctx context.Context, ownerID, title, description string, clip io.Reader, size int64,
) (string, error) {
	d, err := newDetails(title, description, "")
	if err != nil {
		return "", err
	}
	file, err := m.receive(ctx, clip, size)
	if err != nil {
		return "", err
	}
	v, err := m.newVideo(ctx, d, file.videoID, ownerID, file.key, file.size)
	if err == nil {
		err = m.store.insert(ctx, v)
	}
	if err != nil {
		m.discard(ctx, err, file.key)
		return "", err
	}
	m.send(ctx, v.ID)
	return v.ID, nil
}
