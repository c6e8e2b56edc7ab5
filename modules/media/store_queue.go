package media

import (
	"context"
	"fmt"

	"risingstars/platform/database"
)

// queuedVideo is a video in the queue.
type queuedVideo struct {
	ID       string
	Since    int64 // when it was uploaded, or when its owner was last served, in microseconds
	UnderWay int   // jobs of its owner
	Before   int   // older videos of its owner in the queue
}

// queued returns up to limit videos that wait for their first worker: the oldest of every owner, those first whose turn
// it is, then the second of every owner, and so on. It reads one entry of media_videos_queue_idx per owner and one per
// video that it returns, however many videos wait.
//
// What lies in the future is from the time before the clock was set back, and counts as the oldest.
func (s *store) queued(ctx context.Context, limit int) ([]queuedVideo, error) {
	var rows []queuedVideo
	now := s.moment()
	since := func(served, uploaded string) string {
		past := fmt.Sprintf(`CASE WHEN %%s > %s THEN 0 ELSE %%[1]s END`, plus(now, clockSlack))
		served, uploaded = fmt.Sprintf(past, served), fmt.Sprintf(past, uploaded)
		return fmt.Sprintf(`CASE WHEN %s > %s THEN %[1]s ELSE %[2]s END`, served, uploaded)
	}
	err := s.db.Query(ctx, &rows, fmt.Sprintf(`
		WITH RECURSIVE oldest (owner_id, uploaded_at, id) AS (
			SELECT CAST('' AS TEXT), CAST(0 AS BIGINT), CAST('' AS TEXT)
			UNION ALL
			SELECT v.owner_id, v.uploaded_at, v.id FROM oldest %s
		), head AS (
			SELECT oldest.*, COALESCE(t.served_at, 0) AS served_at,
				%s AS since,
				(SELECT COUNT(*) FROM media_videos p
					WHERE p.status = 'processing' AND p.owner_id = oldest.owner_id AND %s) AS under_way
			FROM oldest LEFT JOIN media_turns t ON t.owner_id = oldest.owner_id
			WHERE oldest.id <> ''
		), line (owner_id, uploaded_at, id, served_at, since, under_way, before) AS (
			SELECT * FROM (SELECT head.*, 0 FROM head ORDER BY under_way, since, id LIMIT ?) best
			UNION ALL
			SELECT v.owner_id, v.uploaded_at, v.id, line.served_at,
				%s,
				line.under_way, line.before + 1
			FROM line %s
		)
		SELECT id, since, under_way, before FROM line LIMIT ?`,
		s.joinNext(`w.owner_id > oldest.owner_id`), since(`t.served_at`, `oldest.uploaded_at`), leased(now),
		since(`line.served_at`, `v.uploaded_at`),
		s.joinNext(`w.owner_id = line.owner_id AND (w.uploaded_at, w.id) > (line.uploaded_at, line.id)`)),
		limit, limit)
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	return rows, nil
}

// joinNext joins v, the first waiting video w by owner and age that meets the condition. Without LATERAL, which SQLite
// lacks, PostgreSQL may read the whole table for each row.
func (s *store) joinNext(condition string) string {
	// The condition of media_videos_queue_idx, literally: SQLite would not use the index with placeholders.
	next := ` FROM media_videos w WHERE w.status = 'uploaded' AND NOT w.mock AND ` + condition +
		` ORDER BY w.owner_id, w.uploaded_at, w.id LIMIT 1`
	if s.db.Dialect() == database.PostgreSQL {
		return `JOIN LATERAL (SELECT w.owner_id, w.uploaded_at, w.id` + next + `) v ON TRUE`
	}
	return `JOIN media_videos v ON v.id = (SELECT w.id` + next + `)`
}

// claimNext claims the first video of the queue, under the task of any video. It reports false if none waits.
func (s *store) claimNext(ctx context.Context, taskID string) (Video, bool, error) {
	for {
		first, err := s.queued(ctx, 1)
		if err != nil || len(first) == 0 {
			return Video{}, false, err
		}
		// If another worker has claimed it meanwhile, another video is first.
		v, claimed, err := s.take(ctx, first[0].ID, taskID, Processing.before())
		if err != nil || claimed {
			return v, claimed, err
		}
	}
}
