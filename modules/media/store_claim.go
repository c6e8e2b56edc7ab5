package media

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"risingstars/platform/database"
)

// claim claims a video that waits or whose lease has lapsed, under its own task. It reports whether it did.
func (s *store) claim(ctx context.Context, id string, now, until time.Time) (Video, bool, error) {
	return s.take(ctx, id, id, append(Processing.before(), Processing), now, until)
}

// take claims a video in one of the states from, under a new attempt number, unless a worker has a lease on it. sent_at
// becomes 0 if the claim is under the task of another video: whether the queue still has its own is unknown.
func (s *store) take(
	ctx context.Context, id, taskID string, from []Status, now, until time.Time,
) (video Video, claimed bool, err error) {
	var sentAt int64
	if taskID == id {
		sentAt = database.Micros(now)
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		claimed, err = s.move(ctx, id, Processing, from, map[string]any{
			"attempt": gorm.Expr("attempt + 1"), "lease_until": database.Micros(until), "sent_at": sentAt,
			"progress": 0, "stage": stepProbing,
		}, "mock = ? AND (status = ? OR lease_until <= ?)", false, string(Uploaded), database.Micros(now))
		if err != nil || !claimed {
			return err
		}
		if video, err = s.byID(ctx, id); err != nil {
			return err
		}
		_, err = s.db.Exec(ctx, `
			INSERT INTO media_turns (owner_id, served_at) VALUES (?, ?)
			ON CONFLICT (owner_id) DO UPDATE SET served_at = excluded.served_at`,
			video.OwnerID, database.Micros(now))
		return err
	})
	if err != nil {
		return Video{}, false, fmt.Errorf("claim video %s: %w", id, err)
	}
	return video, claimed, nil
}

// renew extends the lease of a claim and stores its progress. It reports false if the claim is lost: the video was
// deleted, or another worker has claimed it since.
func (s *store) renew(ctx context.Context, v Video, until time.Time, step string, progress int) (bool, error) {
	rows, err := s.db.Exec(ctx, `
		UPDATE media_videos SET lease_until = ?, stage = ?, progress = ? WHERE id = ? AND attempt = ? AND status = ?`,
		database.Micros(until), step, progress, v.ID, v.Attempt, string(Processing))
	if err != nil {
		return false, fmt.Errorf("renew the lease of video %s: %w", v.ID, err)
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
	_, err := s.renew(ctx, v, time.Time{}, stepQueued, 0)
	return err
}

// giveBack ends a claim for no reason of the video's; it waits again as if it had not been claimed. It reports false if
// the claim is lost.
func (s *store) giveBack(ctx context.Context, v Video) (bool, error) {
	return s.move(ctx, v.ID, Uploaded, []Status{Processing}, map[string]any{
		"lease_until": 0, "stage": stepQueued, "progress": 0,
	}, "attempt = ?", v.Attempt)
}

// publish completes a claim. It reports false if the claim is lost.
func (s *store) publish(ctx context.Context, v Video) (bool, error) {
	return s.move(ctx, v.ID, Processed, Processed.before(), map[string]any{
		"processed_key": v.ProcessedKey, "poster_key": v.PosterKey, "duration_ms": v.Duration.Milliseconds(),
		"original_bytes": v.OriginalSize,
		"processed_at":   database.Micros(v.ProcessedAt), "progress": 100, "stage": "", "lease_until": 0,
	}, "attempt = ?", v.Attempt)
}

// reject ends a claim because of the contestant's clip. It reports false if the claim is lost.
func (s *store) reject(ctx context.Context, v Video, code string) (bool, error) {
	return s.moveToFailed(ctx, v.ID, code, "attempt = ?", v.Attempt)
}

// fail ends the processing of a video whose own task has died, for a reason on our side, even if a worker has a claim
// on it. It reports false if that says nothing about the video: it has had fewer attempts, because other videos used up
// those of the task, or it is in work under the task of another.
func (s *store) fail(ctx context.Context, id string, attempts int) (bool, error) {
	return s.moveToFailed(ctx, id, codeProcessingError, "attempt >= ? AND sent_at > 0", attempts)
}

// moveToFailed raises the attempt number, so that a worker that has a claim on the video loses it.
func (s *store) moveToFailed(ctx context.Context, id, code, where string, args ...any) (bool, error) {
	return s.move(ctx, id, Failed, Failed.before(), map[string]any{
		"failure_code": code, "lease_until": 0, "stage": "", "progress": 0, "attempt": gorm.Expr("attempt + 1"),
		"failed_at": database.Micros(time.Now()),
	}, where, args...)
}

// retry is requeue for the owner: only after a failure on our side, and at most maxRetries times.
func (s *store) retry(ctx context.Context, id string) (bool, error) {
	return s.move(ctx, id, Uploaded, []Status{Failed}, map[string]any{
		"failure_code": "", "stage": stepQueued, "progress": 0, "sent_at": 0, "failed_at": 0,
		"retries": gorm.Expr("retries + 1"),
	}, "original_key <> '' AND failure_code = ? AND retries < ?", codeProcessingError, maxRetries)
}

// requeue makes a failed video wait for a worker again. It reports false if the video has not failed, or its original
// has been deleted.
func (s *store) requeue(ctx context.Context, id string) (bool, error) {
	return s.move(ctx, id, Uploaded, []Status{Failed}, map[string]any{
		"failure_code": "", "stage": stepQueued, "progress": 0, "sent_at": 0, "failed_at": 0,
	}, "original_key <> ''")
}

// silent returns the ids of videos whose task the queue may have lost: they wait or have no valid lease, and their task
// was last sent before sentBefore.
func (s *store) silent(ctx context.Context, sentBefore, now time.Time, limit int) ([]string, error) {
	var rows []videoRow
	err := s.db.Gorm(ctx).Select("id").
		// The condition of media_videos_waiting_idx, literally: SQLite would not use the index with placeholders.
		Where("status IN ('uploaded', 'processing') AND NOT mock").
		Where("sent_at < ? AND lease_until <= ?", database.Micros(sentBefore), database.Micros(now)).
		Order("sent_at").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list silent videos: %w", err)
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids, nil
}

// sent records when a video's task was sent to the queue, unless a worker has claimed the video since.
func (s *store) sent(ctx context.Context, id string, at time.Time) error {
	_, err := s.db.Exec(ctx, `UPDATE media_videos SET sent_at = ? WHERE id = ? AND lease_until <= ?`,
		database.Micros(at), id, database.Micros(at))
	if err != nil {
		return fmt.Errorf("mark video %s as sent: %w", id, err)
	}
	return nil
}

// lost records that the queue no longer has a video's task.
func (s *store) lost(ctx context.Context, id string) error {
	if _, err := s.db.Exec(ctx, `UPDATE media_videos SET sent_at = 0 WHERE id = ?`, id); err != nil {
		return fmt.Errorf("mark the task of video %s as lost: %w", id, err)
	}
	return nil
}
