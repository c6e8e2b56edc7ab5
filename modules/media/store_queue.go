package media

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// heads begins a statement about the videos that wait for their first worker. head has one row for each of their owners:
// the oldest such video, the owner's jobs under way, and since when it is the owner's turn. The statement reads one entry
// of media_videos_queue_idx per owner, however many videos each has. Its argument is the present time.
func (s *store) heads() string {
	return `
	WITH RECURSIVE oldest (owner_id, uploaded_at, id) AS (
		SELECT CAST('' AS TEXT), CAST(0 AS BIGINT), CAST('' AS TEXT)
		UNION ALL
		SELECT v.owner_id, v.uploaded_at, v.id FROM oldest ` + s.joinNext(`w.owner_id > oldest.owner_id`) + `
	), head AS (
		SELECT oldest.*, COALESCE(t.served_at, 0) AS served_at,
			CASE WHEN t.served_at > oldest.uploaded_at THEN t.served_at ELSE oldest.uploaded_at END AS since,
			(SELECT COUNT(*) FROM media_videos p
				WHERE p.status = 'processing' AND p.owner_id = oldest.owner_id AND p.lease_until > ?) AS under_way
		FROM oldest LEFT JOIN media_turns t ON t.owner_id = oldest.owner_id
		WHERE oldest.id <> ''
	)`
}

// joinNext joins v, the first waiting video w by owner and age that meets the condition. Without LATERAL, which SQLite
// lacks, PostgreSQL may read the whole table for each row.
func (s *store) joinNext(condition string) string {
	next := ` FROM media_videos w WHERE w.status = 'uploaded' AND NOT w.mock AND ` + condition +
		` ORDER BY w.owner_id, w.uploaded_at, w.id LIMIT 1`
	if s.db.Dialect() == database.PostgreSQL {
		return `JOIN LATERAL (SELECT w.owner_id, w.uploaded_at, w.id` + next + `) v ON TRUE`
	}
	return `JOIN media_videos v ON v.id = (SELECT w.id` + next + `)`
}

// claimNext claims the next video of the queue, under the task of any video. It reports false if none waits.
func (s *store) claimNext(ctx context.Context, taskID string, now, until time.Time) (Video, bool, error) {
	next := s.heads() + ` SELECT id FROM head ORDER BY under_way, since, id LIMIT 1`
	for {
		var row struct{ ID string }
		if err := s.db.Query(ctx, &row, next, database.Micros(now)); err != nil {
			return Video{}, false, fmt.Errorf("find the next video: %w", err)
		}
		if row.ID == "" {
			return Video{}, false, nil
		}
		// If another worker has claimed it meanwhile, another video is next.
		v, claimed, err := s.take(ctx, row.ID, taskID, Processing.before(), now, until)
		if err != nil || claimed {
			return v, claimed, err
		}
	}
}

// queuedVideo is a video in the queue.
type queuedVideo struct {
	ID       string
	Since    int64 // when it was uploaded, or when its owner was last served, in microseconds
	UnderWay int   // jobs of its owner
	Before   int   // older videos of its owner in the queue
}

// queued returns up to limit videos of the queue: the oldest of every owner, then the second of every owner, and so on.
func (s *store) queued(ctx context.Context, now time.Time, limit int) ([]queuedVideo, error) {
	var rows []queuedVideo
	err := s.db.Query(ctx, &rows, s.heads()+`,
		line (owner_id, uploaded_at, id, served_at, since, under_way, before) AS (
			SELECT * FROM (SELECT head.*, 0 FROM head ORDER BY under_way, since, id LIMIT ?) best
			UNION ALL
			SELECT v.owner_id, v.uploaded_at, v.id, line.served_at,
				CASE WHEN line.served_at > v.uploaded_at THEN line.served_at ELSE v.uploaded_at END,
				line.under_way, line.before + 1
			FROM line `+s.joinNext(
		`w.owner_id = line.owner_id AND (w.uploaded_at, w.id) > (line.uploaded_at, line.id)`)+`
		)
		SELECT id, since, under_way, before FROM line LIMIT ?`,
		database.Micros(now), limit, limit)
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	return rows, nil
}
