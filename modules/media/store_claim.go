package media

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"risingstars/platform/database"
)

// claim takes a waiting video, or one whose lease has lapsed, under a new attempt number. It says false when there is
// nothing to take.
func (s *store) claim(ctx context.Context, id string, now, until time.Time) (Video, bool, error) {
	var video Video
	var claimed bool
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		var err error
		claimed, err = s.move(ctx, id, Processing, append(Processing.before(), Processing), map[string]any{
			"attempt": gorm.Expr("attempt + 1"), "lease_until": database.Micros(until), "progress": 0, "stage": stageProbing,
		}, "mock = ? AND lease_until <= ?", false, database.Micros(now))
		if err != nil || !claimed {
			return err
		}
		video, err = s.byID(ctx, id)
		return err
	})
	return video, claimed, err
}

// renew extends the lease of a claim and tells how far its work is. It says false when the claim is lost: the video was
// deleted, or somebody else has claimed it since.
func (s *store) renew(ctx context.Context, v Video, until time.Time, stage string, progress int) (bool, error) {
	rows, err := s.db.Exec(ctx, `
		UPDATE media_videos SET lease_until = ?, stage = ?, progress = ? WHERE id = ? AND attempt = ? AND status = ?`,
		database.Micros(until), stage, progress, v.ID, v.Attempt, string(Processing))
	if err != nil {
		return false, fmt.Errorf("renew the lease of video %s: %w", v.ID, err)
	}
	return rows > 0, nil
}

// holds tells whether a claim is still valid.
func (s *store) holds(ctx context.Context, v Video) (bool, error) {
	row, err := s.row(ctx, v.ID)
	if errors.Is(err, errNotFound) {
		return false, nil
	}
	return row.Attempt == v.Attempt && row.Status == string(Processing), err
}

// release gives a claim back, to be claimed again at once.
func (s *store) release(ctx context.Context, v Video) error {
	_, err := s.renew(ctx, v, time.Time{}, stageQueued, 0)
	return err
}

// publish completes a claim. It says false when the claim is lost.
func (s *store) publish(ctx context.Context, v Video) (bool, error) {
	return s.move(ctx, v.ID, Processed, Processed.before(), map[string]any{
		"processed_key": v.ProcessedKey, "poster_key": v.PosterKey, "duration_ms": v.Duration.Milliseconds(),
		"processed_at": database.Micros(v.ProcessedAt), "progress": 100, "stage": "", "lease_until": 0,
	}, "attempt = ?", v.Attempt)
}

// reject ends a claim because of the contestant's file. It says false when the claim is lost.
func (s *store) reject(ctx context.Context, v Video, code string) (bool, error) {
	return s.fail(ctx, v.ID, code, []Status{Processing}, "attempt = ?", v.Attempt)
}

// giveUp fails a video that cannot be processed for reasons of ours, whoever holds it.
func (s *store) giveUp(ctx context.Context, id string) (bool, error) {
	return s.fail(ctx, id, codeProcessingError, Failed.before(), "")
}

// fail raises the attempt number, so that whoever still works on the video finds its claim lost.
func (s *store) fail(ctx context.Context, id, code string, from []Status, where string, args ...any) (bool, error) {
	return s.move(ctx, id, Failed, from, map[string]any{
		"failure_code": code, "lease_until": 0, "stage": "", "progress": 0, "attempt": gorm.Expr("attempt + 1"),
	}, where, args...)
}

// requeue makes a failed video wait again. It says false when the video has not failed.
func (s *store) requeue(ctx context.Context, id string) (bool, error) {
	return s.move(ctx, id, Uploaded, Uploaded.before(), map[string]any{
		"failure_code": "", "stage": stageQueued, "progress": 0, "sent_at": 0,
	}, "")
}

// silent lists videos that the queue may have forgotten: waiting ones, and processing ones without a lease, whose task
// was last sent before the given time.
func (s *store) silent(ctx context.Context, sentBefore, now time.Time, limit int) ([]string, error) {
	var rows []videoRow
	err := s.db.Gorm(ctx).Select("id").
		// The words of media_videos_waiting_idx: with values in their place SQLite would not use it.
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

// sent remembers that a video's task is with the queue.
func (s *store) sent(ctx context.Context, id string, at time.Time) error {
	if _, err := s.db.Exec(ctx, `UPDATE media_videos SET sent_at = ? WHERE id = ?`, database.Micros(at), id); err != nil {
		return fmt.Errorf("mark video %s as sent: %w", id, err)
	}
	return nil
}
