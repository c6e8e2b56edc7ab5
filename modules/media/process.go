package media

import (
	"context"
	"errors"
	"fmt"
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
	// lentPause is how long a task waits after trouble with another task's video.
	lentPause = time.Second
)

// errClaimLost ends a job whose video was deleted or claimed by another worker.
var errClaimLost = errors.New("the claim on the video is lost")

// send enqueues the task of a video whose row has been committed, unless a sweeper is already about to. If that fails,
// the sweeper sends the task later.
func (m *Module) send(ctx context.Context, id string) {
	videos, err := m.store.takeUnsent(ctx, id, m.o.ResendAfter)
	for _, v := range videos {
		err = m.sendTaken(ctx, v)
	}
	if err != nil {
		m.log.WarnContext(ctx, "a task was not sent; the sweeper will send it", "video_id", id, "error", err)
	}
}

// sendTaken enqueues the task of a video that was taken to be sent. After an error the next sweep sends it.
func (m *Module) sendTaken(ctx context.Context, v silentVideo) error {
	limited, cancel := context.WithTimeout(ctx, sendTimeout)
	err := m.queue.Enqueue(limited, queue.Task{Kind: processKind, ID: v.ID, Trace: v.Trace})
	cancel()
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	switch {
	case err != nil:
		return errors.Join(err, m.store.notSent(after, v))
	case m.o.ResendAfter > sendHold: // otherwise it is recorded already
		return m.store.sent(after, v)
	}
	return nil
}

// process handles a task: it claims the video whose turn it is, which may be another than the task's, then probes,
// encodes and publishes it.
func (m *Module) process(ctx context.Context, d queue.Delivery) error {
	if err := m.awaitRoom(ctx, d.ID); err != nil {
		return err
	}
	v, err := m.claim(ctx, d)
	if err != nil {
		return err
	}
	if v.ID != d.ID {
		m.log.InfoContext(ctx, "it is another video's turn", "video_id", v.ID, "task", d.ID)
	}
	m.underWay.Store(v.ID, true)
	defer m.underWay.Delete(v.ID)
	err = m.newJob(v, videoClaim{m.store, v}).traced(ctx, v.Trace)

	// The rest must happen even if the job's context has ended.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	full := errors.Is(err, disk.ErrFull) // then a cut-off file looks broken, too
	if rejection, ok := errors.AsType[*ffmpeg.Rejection](err); ok && !full {
		err = m.reject(after, v, rejection)
	} else if tool, ok := errors.AsType[*ffmpeg.ToolError](err); ok && ctx.Err() == nil {
		m.log.WarnContext(ctx, "ffmpeg failed",
			"video_id", v.ID, "step", tool.Step, "stderr", tool.Stderr)
	}
	stopping := errors.Is(context.Cause(ctx), queue.ErrStopping)
	if err != nil && !errors.Is(err, errClaimLost) {
		err = errors.Join(err, m.putBack(after, v, stopping || full))
	}
	switch {
	case full:
		return m.postpone(after, v.ID, err)
	case v.ID != d.ID:
		if err != nil && !stopping {
			m.log.WarnContext(ctx, "a video was not processed", "video_id", v.ID, "task", d.ID, "error", err)
		}
		return m.endLent(after, d, v, err)
	case errors.Is(err, errClaimLost):
		return queue.Discard(err)
	}
	return err
}

// putBack ends a claim without a result. If that has nothing to do with the video, because the worker stops or has no
// space, the video is left to whoever comes first. After any other error it waits for its own task, which counts the
// attempts, so that no clip can use up those of another.
func (m *Module) putBack(ctx context.Context, v Video, blameless bool) error {
	if !blameless {
		return m.store.release(ctx, v)
	}
	_, err := m.store.giveBack(ctx, v)
	return err
}

// endLent ends the job of a video under the task of another one; err is how it went. One task is spent on each video
// that is done, whichever task it is, so that there are always as many tasks as waiting videos.
func (m *Module) endLent(ctx context.Context, d queue.Delivery, v Video, err error) error {
	if err != nil {
		if !errors.Is(err, errClaimLost) {
			m.send(ctx, v.ID)
		}
		return queue.Later(lentPause)
	}
	own, lease, err := m.store.leaseOf(ctx, d.ID)
	switch {
	case errors.Is(err, errNotFound):
		return nil
	case err != nil:
		return queue.Later(lentPause)
	case own.Status == string(Processing) && lease == 0:
		return queue.Later(0) // only this task may claim it
	}
	return nil
}

// claim claims the video whose turn it is. A task's own video comes first if it is in the middle of its attempts, or if
// an operator redrives it. If there is nothing to claim, the error tells the queue what to do with the task.
func (m *Module) claim(ctx context.Context, d queue.Delivery) (Video, error) {
	row, lease, err := m.store.leaseOf(ctx, d.ID)
	if errors.Is(err, errNotFound) {
		row.Status = "deleted"
	} else if err != nil {
		return Video{}, err
	}
	status := Status(row.Status)
	held := status == Processing && lease > 0
	switch {
	case held && row.SentAt > 0: // this task was delivered twice
		return Video{}, queue.Later(max(time.Second, lease))
	case status == Failed && row.FailureCode == codeProcessingError && d.Redriven && row.OriginalKey != "":
		// Any other delivery for a failed video is a duplicate, because the sweeper may send a task twice.
		if _, err := m.store.requeue(ctx, d.ID); err != nil {
			return Video{}, err
		}
		return m.claim(ctx, d)
	case status == Processing && !held, status == Uploaded && d.Redriven:
		v, claimed, err := m.claimOwn(ctx, d)
		if err == nil && !claimed { // its state has changed meanwhile
			return m.claim(ctx, d)
		}
		return v, err
	}
	v, claimed, err := m.store.claimNext(ctx, d.ID)
	if err != nil || claimed {
		return v, err
	}
	if status == Uploaded { // another delivery has just claimed it
		if row, err := m.store.row(ctx, d.ID); err == nil && row.Status != string(Uploaded) {
			return m.claim(ctx, d)
		}
	}
	return Video{}, queue.Discard(fmt.Errorf("the video is %s", status))
}

// claimOwn claims the task's own video. If an operator has just redriven the task, the attempts begin anew.
func (m *Module) claimOwn(ctx context.Context, d queue.Delivery) (Video, bool, error) {
	if d.Redriven && d.Attempt == 1 {
		if err := m.store.forgive(ctx, d.ID); err != nil {
			return Video{}, false, err
		}
	}
	return m.store.claim(ctx, d.ID)
}

// reject ends the claim on a clip that breaks a rule or cannot be processed.
func (m *Module) reject(ctx context.Context, v Video, r *ffmpeg.Rejection) error {
	rejected, err := m.failAndTell(ctx, v.ID, func(ctx context.Context) (bool, error) {
		return m.store.reject(ctx, v, r.Code, r.Subject)
	})
	if err != nil {
		return err
	}
	if !rejected { // perhaps ffmpeg failed because the video and its original have been deleted
		return errClaimLost
	}
	m.metrics.failed.WithLabelValues(r.Code).Inc()
	m.log.InfoContext(ctx, "clip rejected", "video_id", v.ID, "code", r.Code,
		"detail", r.Detail, "stderr", r.Stderr)
	return nil
}

// fail handles a task that has no attempts left. If others used them up, the video gets a new task by the next sweep.
func (m *Module) fail(ctx context.Context, d queue.Delivery, _ string) error {
	failed, err := m.failAndTell(ctx, d.ID, func(ctx context.Context) (bool, error) {
		return m.store.fail(ctx, d.ID, d.MaxAttempts)
	})
	if failed {
		m.metrics.failed.WithLabelValues(codeProcessingError).Inc()
	}
	return err
}
