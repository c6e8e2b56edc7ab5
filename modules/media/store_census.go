package media

import (
	"context"
	"fmt"
	"time"
)

func (s *store) countVideos(ctx context.Context) (o Census, err error) {
	var counts []struct {
		Status string
		N      int
		Age    int64 // of the oldest, in microseconds
	}
	now := s.moment()
	err = s.db.Query(ctx, &counts, `SELECT status, COUNT(*) AS n, `+now+` - MIN(uploaded_at) AS age
		FROM media_videos WHERE NOT mock GROUP BY status`)
	if err != nil {
		return o, fmt.Errorf("count the videos: %w", err)
	}
	for _, c := range counts {
		switch Status(c.Status) {
		case Uploaded:
			o.Waiting, o.OldestWaiting = c.N, max(0, time.Duration(c.Age)*time.Microsecond)
		case Processing:
			o.Processing = c.N
		case Processed:
			o.Published = c.N
		case Failed:
			o.Failed = c.N
		}
	}
	if o.MissingFiles, err = s.countWithoutFiles(ctx); err != nil {
		return o, err
	}
	var jobs []struct {
		ID, Stage         string
		Progress, Attempt int
	}
	err = s.db.Query(ctx, &jobs, `SELECT id, stage, progress, attempt FROM media_videos
		WHERE status = 'processing' AND `+leased(now)+` ORDER BY uploaded_at, id`)
	if err != nil {
		return o, fmt.Errorf("list the jobs under way: %w", err)
	}
	for _, j := range jobs {
		o.Jobs = append(o.Jobs, JobUnderWay{VideoID: j.ID, Step: j.Stage, Percent: j.Progress, Attempt: j.Attempt})
	}
	o.LastHour, err = s.countLastHour(ctx, now)
	return o, err
}

// countLastHour does not count what lies in the future, which is from the time before the clock was set back.
func (s *store) countLastHour(ctx context.Context, now string) (h LastHour, err error) {
	h.Failed = map[string]int{}
	var counts []struct {
		Code string // "": they are published
		N    int
	}
	within := func(column string) string {
		return fmt.Sprintf(`%[1]s > %[2]s AND %[1]s <= %[3]s`, column, plus(now, -time.Hour), now)
	}
	err = s.db.Query(ctx, &counts, `
		SELECT '' AS code, COUNT(*) AS n FROM media_videos
		WHERE status = 'processed' AND NOT mock AND `+within(`processed_at`)+`
		UNION ALL
		SELECT failure_code, COUNT(*) FROM media_videos
		WHERE status = 'failed' AND NOT mock AND `+within(`failed_at`)+` GROUP BY failure_code`)
	if err != nil {
		return h, fmt.Errorf("count the videos of the last hour: %w", err)
	}
	for _, c := range counts {
		if c.Code == "" {
			h.Published = c.N
		} else {
			h.Failed[c.Code] = c.N
		}
	}
	return h, nil
}
