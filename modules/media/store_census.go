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
	return o, nil
}
