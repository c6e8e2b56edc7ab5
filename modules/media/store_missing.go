package media

import (
	"context"
	"fmt"
)

// publishedVideo is one whose files must be there.
type publishedVideo struct {
	checkedVideo
	missing bool // is marked so
}

// publishedAfter returns the published videos that follow an id, in the order of their ids. Those that wait to be
// processed again are left out, because they get new files.
func (s *store) publishedAfter(ctx context.Context, after string, limit int) ([]publishedVideo, error) {
	var rows []videoRow
	err := s.db.Query(ctx, &rows, `SELECT `+checkedColumns+`, missing_since FROM media_videos
		WHERE id > ? AND status = 'processed' ORDER BY id LIMIT ?`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list published videos: %w", err)
	}
	videos := make([]publishedVideo, len(rows))
	for i, r := range rows {
		videos[i] = publishedVideo{missing: r.MissingSince > 0, checkedVideo: checkedVideo{
			ID: r.ID, Status: Status(r.Status), Attempt: r.Attempt, OriginalKey: r.OriginalKey,
			ProcessedKey: r.ProcessedKey, PosterKey: r.PosterKey,
			SmallKey: r.SmallKey, Poster640Key: r.Poster640Key, Poster320Key: r.Poster320Key,
		}}
	}
	return videos, nil
}

// setMissing reports false if the video has changed, or if another process was faster.
func (s *store) setMissing(ctx context.Context, v checkedVideo, missing bool) (bool, error) {
	since, before := s.clock(), `missing_since = 0`
	if !missing {
		since, before = `0`, `missing_since > 0`
	}
	rows, err := s.db.Exec(ctx, `UPDATE media_videos SET missing_since = `+since+`
		WHERE id = ? AND status = 'processed' AND processed_key = ? AND `+before, v.ID, v.ProcessedKey)
	return rows > 0, err
}

func (s *store) countWithoutFiles(ctx context.Context) (int, error) {
	var row struct{ N int }
	if err := s.db.Query(ctx, &row, `SELECT COUNT(*) AS n FROM media_videos WHERE missing_since > 0`); err != nil {
		return 0, fmt.Errorf("count videos without their files: %w", err)
	}
	return row.N, nil
}
