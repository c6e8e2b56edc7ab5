package media

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// failedWithOriginal is the condition of media_videos_failed_idx, literally: SQLite would not use the index with
// placeholders.
const failedWithOriginal = "status = 'failed' AND original_key <> ''"

// dateFailures lets the time of failed videos without one begin now: they failed before the time was recorded.
func (s *store) dateFailures(ctx context.Context, now time.Time) error {
	_, err := s.db.Exec(ctx, `UPDATE media_videos SET failed_at = ? WHERE failed_at = 0 AND `+failedWithOriginal,
		database.Micros(now))
	if err != nil {
		return fmt.Errorf("date failed videos: %w", err)
	}
	return nil
}

// failedBefore returns videos that failed before a time and still have their original.
func (s *store) failedBefore(ctx context.Context, before time.Time, limit int) ([]Video, error) {
	var rows []videoRow
	err := s.db.Gorm(ctx).Where(failedWithOriginal).Where("failed_at <= ?", database.Micros(before)).
		Order("failed_at").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list failed videos: %w", err)
	}
	videos := make([]Video, len(rows))
	for i, row := range rows {
		videos[i] = row.video()
	}
	return videos, nil
}

// dropOriginal makes the original of a failed video an orphan, which is due. It reports false if the video has been
// deleted or is no longer the same failure.
func (s *store) dropOriginal(ctx context.Context, v Video, now time.Time) (dropped bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		rows, err := s.db.Exec(ctx,
			`UPDATE media_videos SET original_key = '' WHERE id = ? AND failed_at = ? AND `+failedWithOriginal,
			v.ID, database.Micros(v.FailedAt))
		if dropped = rows > 0; err != nil || !dropped {
			return err
		}
		return s.orphan(ctx, now, v.OriginalKey)
	})
	if err != nil {
		return false, fmt.Errorf("drop the original of video %s: %w", v.ID, err)
	}
	return dropped, nil
}
