package media

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"gorm.io/gorm"

	"risingstars/platform/telemetry"
)

// claim claims a video that waits or has no valid lease, under its own task. It reports whether it did.
func (s *store) claim(ctx context.Context, id string) (Video, bool, error) {
	return s.take(ctx, id, id, append(Processing.before(), Processing))
}

// take claims a video in one of the states from, under a new attempt number, unless a worker has a lease on it. sent_at
// becomes 0 if the claim is under the task of another video: whether the queue still has its own is unknown.
func (s *store) take(ctx context.Context, id, taskID string, from []Status) (video Video, claimed bool, err error) {
	now := s.clock()
	sentAt := gorm.Expr(now)
	if taskID != id {
		sentAt = gorm.Expr("0")
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		claimed, err = s.move(ctx, id, Processing, from, map[string]any{
			"attempt": gorm.Expr("attempt + 1"), "lease_until": gorm.Expr(plus(now, leaseTime)), "sent_at": sentAt,
			"progress": 0, "stage": stepProbing,
		}, "mock = ? AND (status = ? OR NOT "+leased(now)+")", false, string(Uploaded))
		if err != nil || !claimed {
			return err
		}
		if video, err = s.byID(ctx, id); err != nil {
			return err
		}
		_, err = s.db.Exec(ctx, `
			INSERT INTO media_turns (owner_id, served_at) VALUES (?, `+now+`)
			ON CONFLICT (owner_id) DO UPDATE SET served_at = excluded.served_at`, video.OwnerID)
		return err
	})
	if err != nil {
		return Video{}, false, fmt.Errorf("claim video %s: %w", id, err)
	}
	return video, claimed, nil
}

// leaseOf returns a video's row and how long the lease on it still holds; 0 if there is none. It returns errNotFound
// for an unknown id.
func (s *store) leaseOf(ctx context.Context, id string) (videoRow, time.Duration, error) {
	var row videoRow
	now := s.clock()
	err := s.db.Query(ctx, &row, `
		SELECT *, CASE WHEN `+leased(now)+` THEN lease_until - `+now+` ELSE 0 END AS lease_left
		FROM media_videos WHERE id = ?`, id)
	if err != nil {
		return videoRow{}, 0, fmt.Errorf("read video %s: %w", id, err)
	}
	if row.ID == "" {
		return videoRow{}, 0, errNotFound
	}
	return row, max(0, time.Duration(row.LeaseLeft)*time.Microsecond), nil
}

// renew extends the lease of a claim and stores its progress. It reports false if the claim is lost: the video was
// deleted, or another worker has claimed it since.
func (s *store) renew(ctx context.Context, v Video, step string, progress int) (bool, error) {
	return s.setLease(ctx, v, plus(s.clock(), leaseTime), step, progress)
}

func (s *store) setLease(ctx context.Context, v Video, until, step string, progress int) (bool, error) {
	rows, err := s.db.Exec(ctx, `UPDATE media_videos SET lease_until = `+until+`, stage = ?, progress = ?
		WHERE id = ? AND attempt = ? AND status = ?`, step, progress, v.ID, v.Attempt, string(Processing))
	if err != nil {
		return false, fmt.Errorf("set the lease of video %s: %w", v.ID, err)
	}
	return rows > 0, nil
}

// holds reports whether a claim is still valid.
func (s *store) holds(ctx context.Context, v Video) (bool, error) {
	row, err := s.row(ctx, v.ID)
	if errors.Is(err, errNotFound) {
		return false, nil
	}
	return row.Attempt == v.Attempt && row.Status == string(Processing), err
}

// release ends a claim; the video can be claimed again at once, but only by its own task, which counts the attempts.
func (s *store) release(ctx context.Context, v Video) error {
	_, err := s.setLease(ctx, v, `0`, stepQueued, 0)
	return err
}

// giveBack ends a claim for no reason of the video's; it waits again as if it had not been claimed, and the attempt
// does not count against it. It reports false if the claim is lost.
func (s *store) giveBack(ctx context.Context, v Video) (bool, error) {
	return s.move(ctx, v.ID, Uploaded, []Status{Processing}, map[string]any{
		"lease_until": 0, "stage": stepQueued, "progress": 0, "forgiven": gorm.Expr("forgiven + 1"),
	}, "attempt = ?", v.Attempt)
}

// videoClaim is a worker's right to process a video that waits.
type videoClaim struct {
	*store
	video Video
}

func (c videoClaim) renew(ctx context.Context, step string, progress int) (bool, error) {
	return c.store.renew(ctx, c.video, step, progress)
}

func (c videoClaim) holds(ctx context.Context) (bool, error) { return c.store.holds(ctx, c.video) }

func (c videoClaim) complete(ctx context.Context, v, _ Video) (bool, error) { return c.publish(ctx, v) }

// publish completes a claim. It reports false if the claim is lost.
func (s *store) publish(ctx context.Context, v Video) (bool, error) {
	set := outputColumns(v)
	maps.Copy(set, map[string]any{
		"original_key": v.OriginalKey, "original_bytes": v.OriginalSize,
		"processed_at": gorm.Expr(s.clock()), "progress": 100, "stage": "", "lease_until": 0,
	})
	return s.move(ctx, v.ID, Processed, Processed.before(), set, "attempt = ?", v.Attempt)
}

// outputColumns are the columns that describe what a job has made.
func outputColumns(v Video) map[string]any {
	return map[string]any{
		"processed_key": v.ProcessedKey, "poster_key": v.PosterKey, "duration_ms": v.Duration.Milliseconds(),
		"small_key": v.SmallKey, "small_width": v.SmallWidth, "small_height": v.SmallHeight,
		"poster_640_key": v.Poster640Key, "poster_320_key": v.Poster320Key,
		"notices": joinNotices(v.Notices), "missing_since": 0, "branding": v.Branding, "work_ms": v.Work.Milliseconds(),
	}
}

// reject ends a claim because of the contestant's clip; subject is what the sentence about it names, or "". It reports
// false if the claim is lost.
func (s *store) reject(ctx context.Context, v Video, code, subject string) (bool, error) {
	return s.moveToFailedOver(ctx, v.ID, code, subject, "attempt = ?", v.Attempt)
}

// fail ends the processing of a video whose own task has died, for a reason on our side. It reports false if that says
// nothing about the video: since its upload or its latest retry it has had fewer attempts than its task, because other
// videos used up those of the task or because the death is old news; or it is in work under the task of another; or a
// worker holds it, whose result counts. If that worker ends without one, failDead fails the video, so that a clip that
// kills its workers comes to an end.
func (s *store) fail(ctx context.Context, id string, attempts int) (failed bool, err error) {
	const tried = "attempt - forgiven >= ? AND sent_at > 0"
	held := leased(s.clock())
	failed, err = s.moveToFailed(ctx, id, codeProcessingError, tried+" AND NOT "+held, attempts)
	if err != nil || failed {
		return failed, err
	}
	rows, err := s.db.Exec(ctx, `UPDATE media_videos SET dead_attempt = attempt
		WHERE id = ? AND status = 'processing' AND `+tried+` AND `+held, id, attempts)
	if err != nil {
		return false, fmt.Errorf("record that the task of video %s died: %w", id, err)
	}
	if rows > 0 {
		return false, nil
	}
	return false, s.lost(ctx, id)
}

// failDead fails a silent video whose task died during its latest attempt. It reports false if there has been another
// attempt or a retry since.
func (s *store) failDead(ctx context.Context, v silentVideo) (bool, error) {
	return s.moveToFailed(ctx, v.ID, codeProcessingError,
		"attempt = ? AND dead_attempt = attempt AND NOT "+leased(s.clock()), v.Attempt)
}

func (s *store) moveToFailed(ctx context.Context, id, code, where string, args ...any) (bool, error) {
	return s.moveToFailedOver(ctx, id, code, "", where, args...)
}

// moveToFailedOver raises the attempt number, so that a worker that has a claim on the video loses it.
func (s *store) moveToFailedOver(ctx context.Context, id, code, subject, where string, args ...any) (bool, error) {
	return s.move(ctx, id, Failed, Failed.before(), map[string]any{
		"failure_code": code, "failure_subject": subject, "failed_at": gorm.Expr(s.clock()),
		"lease_until": 0, "stage": "", "progress": 0, "attempt": gorm.Expr("attempt + 1"),
	}, where, args...)
}

// retry is requeue for the owner: only after a failure on our side, and at most maxRetries times.
func (s *store) retry(ctx context.Context, id string) (bool, error) {
	return s.requeueIf(ctx, id, map[string]any{
		"retries": gorm.Expr("retries + 1"), "trace": telemetry.TraceParent(ctx),
	},
		" AND failure_code = ? AND retries < ?", codeProcessingError, maxRetries)
}

// requeue makes a failed video wait for a worker again. It reports false if the video has not failed, or its original
// has been deleted.
func (s *store) requeue(ctx context.Context, id string) (bool, error) {
	return s.requeueIf(ctx, id, map[string]any{}, "")
}

func (s *store) requeueIf(ctx context.Context, id string, set map[string]any, and string, args ...any) (bool, error) {
	maps.Copy(set, map[string]any{
		"failure_code": "", "failure_subject": "", "stage": stepQueued, "progress": 0, "sent_at": 0,
		"failed_at": 0, "forgiven": gorm.Expr("attempt"),
	})
	return s.move(ctx, id, Uploaded, []Status{Failed}, set, "original_key <> ''"+and, args...)
}

// forgive lets the attempts begin anew: an operator has redriven the video's task.
func (s *store) forgive(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `UPDATE media_videos SET forgiven = attempt
		WHERE id = ? AND status IN ('uploaded', 'processing') AND NOT `+leased(s.clock()), id)
	if err != nil {
		return fmt.Errorf("forgive the attempts of video %s: %w", id, err)
	}
	return nil
}
