package media

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// heads is the beginning of a statement about the videos that wait for their first worker. head has one row for each of
// their owners: the oldest such video, the owner's jobs under way, and since when it is the owner's turn. It reads one
// entry of media_videos_queue_idx per owner, however many videos each has. Its one argument is the present time.
const heads = `
	WITH RECURSIVE owner (owner_id) AS (
		SELECT MIN(owner_id) FROM media_videos WHERE status = 'uploaded' AND NOT mock
		UNION ALL
		SELECT (SELECT MIN(v.owner_id) FROM media_videos v
			WHERE v.status = 'uploaded' AND NOT v.mock AND v.owner_id > owner.owner_id)
		FROM owner WHERE owner.owner_id IS NOT NULL
	), head AS (
		SELECT v.owner_id, v.uploaded_at, v.id, COALESCE(t.served_at, 0) AS served_at,
			CASE WHEN t.served_at > v.uploaded_at THEN t.served_at ELSE v.uploaded_at END AS since,
			(SELECT COUNT(*) FROM media_videos p
				WHERE p.status = 'processing' AND p.owner_id = v.owner_id AND p.lease_until > ?) AS under_way
		FROM owner
		JOIN media_videos v ON v.id = (SELECT w.id FROM media_videos w
			WHERE w.status = 'uploaded' AND NOT w.mock AND w.owner_id = owner.owner_id
			ORDER BY w.uploaded_at, w.id LIMIT 1)
		LEFT JOIN media_turns t ON t.owner_id = v.owner_id
	)`

// claimNext claims the next video of the queue, under the task of any video. It reports false if none waits.
func (s *store) claimNext(ctx context.Context, taskID string, now, until time.Time) (Video, bool, error) {
	for {
		var next struct{ ID string }
		err := s.db.Query(ctx, &next, heads+` SELECT id FROM head ORDER BY under_way, since, id LIMIT 1`,
			database.Micros(now))
		if err != nil {
			return Video{}, false, fmt.Errorf("find the next video: %w", err)
		}
		if next.ID == "" {
			return Video{}, false, nil
		}
		// A video that another worker has claimed meanwhile changes who is next.
		v, claimed, err := s.take(ctx, next.ID, taskID, []Status{Uploaded}, now, until)
		if err != nil || claimed {
			return v, claimed, err
		}
	}
}

// waiting is a video in the queue.
type waiting struct {
	ID       string
	Since    int64
	UnderWay int // jobs of its owner
	Rank     int // how many videos of its owner come before it
}

// queue returns up to limit waiting videos: the oldest of every owner, then the second of every owner, and so on.
func (s *store) queue(ctx context.Context, now time.Time, limit int) ([]waiting, error) {
	var rows []waiting
	err := s.db.Query(ctx, &rows, heads+`, line (owner_id, uploaded_at, id, served_at, since, under_way, nr) AS (
			SELECT * FROM (SELECT head.*, 0 FROM head ORDER BY under_way, since, id LIMIT ?) first
			UNION ALL
			SELECT v.owner_id, v.uploaded_at, v.id, line.served_at,
				CASE WHEN line.served_at > v.uploaded_at THEN line.served_at ELSE v.uploaded_at END,
				line.under_way, line.nr + 1
			FROM line
			JOIN media_videos v ON v.id = (SELECT w.id FROM media_videos w
				WHERE w.status = 'uploaded' AND NOT w.mock AND w.owner_id = line.owner_id
					AND (w.uploaded_at, w.id) > (line.uploaded_at, line.id)
				ORDER BY w.uploaded_at, w.id LIMIT 1)
		)
		SELECT id, since, under_way, nr AS rank FROM line LIMIT ?`,
		database.Micros(now), limit, limit)
	if err != nil {
		return nil, fmt.Errorf("read the queue: %w", err)
	}
	return rows, nil
}
