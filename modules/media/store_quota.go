package media

import (
	"context"
	"fmt"

	"risingstars/platform/database"
)

// countUploads adds uploads to the owner's day and locks the owner's row until the transaction ends. A day that begins
// in the future is from the time before the clock was set back, and over.
func (s *store) countUploads(ctx context.Context, ownerID string, uploads int) error {
	now := s.clock()
	over := `media_owners.day_began <= ` + plus(now, -quotaDay) + ` OR media_owners.day_began > ` + now
	_, err := s.db.Exec(ctx, `
		INSERT INTO media_owners (owner_id, day_began, day_uploads) VALUES (?, `+now+`, ?)
		ON CONFLICT (owner_id) DO UPDATE SET
			day_uploads = CASE WHEN `+over+` THEN 0 ELSE media_owners.day_uploads END + ?,
			day_began = CASE WHEN `+over+` THEN `+now+` ELSE media_owners.day_began END`,
		ownerID, uploads, uploads)
	if err != nil {
		return fmt.Errorf("count the uploads of an owner: %w", err)
	}
	return nil
}

// usage returns what the owner has at this moment.
func (s *store) usage(ctx context.Context, ownerID string) (usage, error) {
	var row struct {
		Videos, Uploads, DayBegan, DayUploads, OriginalBytes, UploadBytes, ReadAt int64
	}
	now := s.clock()
	err := s.db.Query(ctx, &row, `
		SELECT videos, original_bytes, uploads, upload_bytes, COALESCE(day_began, 0) AS day_began,
			COALESCE(day_uploads, 0) AS day_uploads, `+now+` AS read_at
		FROM (
			SELECT COUNT(CASE WHEN status IN ('uploaded', 'processing') THEN 1 END) AS videos,
				CAST(COALESCE(SUM(CASE WHEN original_key <> '' THEN original_bytes END), 0) AS BIGINT) AS original_bytes
			FROM media_videos WHERE owner_id = ? AND NOT mock
		) AS kept CROSS JOIN (
			SELECT COUNT(*) AS uploads, CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) AS upload_bytes
			FROM media_direct_uploads WHERE owner_id = ? AND expires_at > `+now+`
		) AS unfinished
		LEFT JOIN media_owners ON owner_id = ? AND day_began > `+plus(now, -quotaDay)+` AND day_began <= `+now,
		ownerID, ownerID, ownerID)
	if err != nil {
		return usage{}, fmt.Errorf("read what an owner has: %w", err)
	}
	return usage{
		unpublished: int(row.Videos + row.Uploads), perDay: int(row.DayUploads),
		dayBegan: database.FromMicros(row.DayBegan), readAt: database.FromMicros(row.ReadAt),
		bytes: row.OriginalBytes + row.UploadBytes,
	}, nil
}

// forgetOwner forgets how much a person has uploaded, and when it was their turn.
func (s *store) forgetOwner(ctx context.Context, ownerID string) error {
	for _, table := range []string{"media_owners", "media_turns"} {
		if _, err := s.db.Exec(ctx, `DELETE FROM `+table+` WHERE owner_id = ?`, ownerID); err != nil {
			return fmt.Errorf("forget an owner: %w", err)
		}
	}
	return nil
}
