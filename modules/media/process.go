package media

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/disk"
	"risingstars/platform/queue"
)

// processKind is the kind of the task that processes one video. The task's id is the video's.
const processKind = "media.process"

const (
	// leaseTime is how long a claim holds without being renewed, and so how long it may outlive its worker.
	leaseTime = 30 * time.Second
	// sendTimeout is how long a request may wait for a queue that does not respond.
	sendTimeout = 3 * time.Second
)

// errClaimLost ends a job whose video was deleted or claimed by another worker.
var errClaimLost = errors.New("the claim on the video is lost")

// links matches URLs: ffmpeg names its input in its errors, and whoever reads a signed URL in a log can open the file.
var links = regexp.MustCompile(`\S*(://|X-Amz-)\S*`)

func withoutLinks(s string) string { return links.ReplaceAllString(s, "<link>") }

// send enqueues the task of a video whose row has been committed. If that fails, the sweeper sends the task later.
func (m *Module) send(ctx context.Context, id string) {
	limited, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	err := m.queue.Enqueue(limited, queue.Task{Kind: processKind, ID: id})
	if err == nil {
		err = m.store.sent(ctx, id, time.Now())
	}
	if err != nil {
		m.log.WarnContext(ctx, "a task was not sent; the sweeper will send it", "video_id", id, "error", err)
	}
}

// process handles a task: it claims the video, then probes, encodes and publishes it.
func (m *Module) process(ctx context.Context, d queue.Delivery) error {
	if err := m.awaitRoom(ctx, d.ID); err != nil {
		return err
	}
	v, err := m.claim(ctx, d)
	if err != nil {
		return err
	}
	j := &job{Module: m, video: v}
	j.progress.Store(&jobProgress{step: stepProbing})
	err = j.run(ctx)

	// The rest must happen even if the job's context has ended.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	var rejection *ffmpeg.Rejection
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errClaimLost):
		return queue.Discard(err)
	case errors.Is(err, disk.ErrFull): // before the rejection, because a cut-off file looks broken
		return errors.Join(m.store.release(after, v), m.postpone(ctx, v.ID, err))
	case errors.As(err, &rejection):
		return m.reject(after, v, rejection)
	}
	var tool *ffmpeg.ToolError
	if errors.As(err, &tool) && ctx.Err() == nil {
		m.log.WarnContext(ctx, "ffmpeg failed",
			"video_id", v.ID, "step", tool.Step, "stderr", withoutLinks(tool.Stderr))
	}
	return errors.Join(err, m.store.release(after, v))
}

// claim claims the video of a task. If it cannot, the error tells the queue what to do with the task.
func (m *Module) claim(ctx context.Context, d queue.Delivery) (Video, error) {
	now := time.Now()
	v, claimed, err := m.store.claim(ctx, d.ID, now, now.Add(leaseTime))
	if err != nil || claimed {
		return v, err
	}
	row, err := m.store.row(ctx, d.ID)
	switch {
	case errors.Is(err, errNotFound):
		return Video{}, queue.Discard(errors.New("the video was deleted"))
	case err != nil:
		return Video{}, err
	case row.Status == string(Failed) && row.FailureCode == codeProcessingError && d.Redriven &&
		row.OriginalKey != "":
		// Any other delivery for a failed video is a duplicate, because the sweeper may send a task twice.
		if _, err := m.store.requeue(ctx, d.ID); err != nil {
			return Video{}, err
		}
		return m.claim(ctx, d)
	case row.Status == string(Processing):
		return Video{}, queue.Later(max(time.Second, time.Until(time.UnixMicro(row.LeaseUntil))))
	}
	return Video{}, queue.Discard(fmt.Errorf("the video is %s", row.Status))
}

// reject ends the claim on a clip that breaks a rule or cannot be processed.
func (m *Module) reject(ctx context.Context, v Video, r *ffmpeg.Rejection) error {
	rejected, err := m.store.reject(ctx, v, r.Code)
	if err != nil {
		return err
	}
	if !rejected { // perhaps ffmpeg failed because the video and its original have been deleted
		return queue.Discard(errClaimLost)
	}
	m.log.InfoContext(ctx, "clip rejected", "video_id", v.ID, "code", r.Code,
		"detail", withoutLinks(r.Detail), "stderr", withoutLinks(r.Stderr))
	return nil
}

// fail handles a task that has no attempts left.
func (m *Module) fail(ctx context.Context, d queue.Delivery, _ string) error {
	_, err := m.store.fail(ctx, d.ID)
	return err
}
