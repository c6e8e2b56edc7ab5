package media

import (
	"context"
	"errors"
	"fmt"
	"time"

	"risingstars/platform/disk"
	"risingstars/platform/queue"
)

// What a job writes at most, in bytes, if its clip is an ordinary one. The cap that ends ffmpeg's run on a hostile clip
// is far above that.
const (
	// Of the picture of 30 s, as 17 Mbit/s. It is written twice: alone, and joined with the bumpers.
	mostPicture  = 64 << 20
	leastPicture = 4 << 20
	// A rendition may be larger than a small original, which has fewer pixels.
	pictureByOriginal = 4
	// Stereo samples of 4 bytes, of up to three tracks at a time: a left and a right one, and the next that is tried.
	soundBySecond = 3 * 48_000 * 2 * 4
	posterRoom    = 16 << 20
	smallBySecond = 2 * 70_000 // the small rendition, which is written twice, too

	usualClip = 30 * time.Second
)

// roomPause is how long a job waits for space.
const roomPause = 30 * time.Second

// need returns how much a job with an original of that size writes, in bytes. A copy of it may be necessary, and if it
// comes from elsewhere, the job's folder has up to all of it, too.
func (m *Module) need(original int64, fromElsewhere bool) int64 {
	clip := max(m.o.Rules.MaxClip, usualClip).Seconds()
	picture := min(max(pictureByOriginal*original, leastPicture), int64(mostPicture*clip/usualClip.Seconds()))
	all := 2*picture + int64((soundBySecond+smallBySecond)*clip) + posterRoom + original
	if fromElsewhere {
		all += original
	}
	return all
}

// awaitRoom postpones the task of a video if there is no space for any job.
func (m *Module) awaitRoom(ctx context.Context, id string) error {
	room, err := m.disks.Borrow(m.need(0, false))
	if err != nil {
		return m.postpone(ctx, id, err)
	}
	room.Release()
	return nil
}

// postpone says why a job waits, and tells the queue.
func (m *Module) postpone(ctx context.Context, id string, err error) error {
	m.log.WarnContext(ctx, "a job waits: no space left on the disk", "video_id", id, "error", err)
	return queue.Later(roomPause)
}

// blame adds disk.ErrFull to an error of ffmpeg that a full disk explains: a file that is cut off looks broken, and the
// contestant is not at fault.
func (j *job) blame(err error) error {
	if err = disk.Explain(err); !errors.Is(err, disk.ErrFull) && j.disks.Exhausted() {
		return disk.ErrFull.With(fmt.Errorf("no space left on the disk: %w", err))
	}
	return err
}
