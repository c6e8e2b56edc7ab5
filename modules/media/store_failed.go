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

// dateFailures lets the time of failed videos without one begin now: they failed before the time was recorded. So it
// does for those that failed in the future, before the clock was set back.
func (s *store) dateFailures(ctx context.Context) error {
	_, err := s.db.Exec(ctx, `UPDATE media_videos SET failed_at = `+s.clock()+`
		WHERE (failed_at = 0 OR failed_at > `+plus(s.moment(), clockSlack)+`) AND `+failedWithOriginal)
	if err != nil {
		return fmt.Errorf("date failed videos: %w", err)
	}
	return nil
}

// failedFor returns videos that failed at least that long ago and still have their original.
func (s *store) failedFor(ctx context.Context, age time.Duration, limit int) ([]Video, error) {
	var rows []videoRow
	err := s.db.Gorm(ctx).Where(failedWithOriginal).Where("failed_at <= " + plus(s.moment(), -age)).
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

// dropOriginal condemns the original of a failed video. It returns nothing if the video has been deleted or is no
// longer the same failure.
func (s *store) dropOriginal(ctx context.Context, v Video) (files []condemned, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		files = nil
		rows, err := s.db.Exec(ctx,
			`UPDATE media_videos SET original_key = '' WHERE id = ? AND failed_at = ? AND `+failedWithOriginal,
			v.ID, database.Micros(v.FailedAt))
		if err != nil || rows == 0 {
			return err
		}
		files, err = s.condemn(ctx, firstPause, v.OriginalKey)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("drop the original of video %s: %w", v.ID, err)
	}
	return files, nil
}
