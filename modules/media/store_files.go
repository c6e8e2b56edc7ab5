package media

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// orphanRow is a file that no video points to.
type orphanRow struct {
	StorageKey  string `gorm:"primaryKey"`
	DeleteAfter int64
}

func (orphanRow) TableName() string { return "media_unclaimed_files" }

// orphan lists files as orphans, to be deleted after a time: before they are written, or when their video no longer
// points to them. It skips empty keys.
func (s *store) orphan(ctx context.Context, after time.Time, keys ...string) error {
	for _, key := range keys {
		if key == "" {
			continue
		}
		_, err := s.db.Exec(ctx, `
			INSERT INTO media_unclaimed_files (storage_key, delete_after) VALUES (?, ?)
			ON CONFLICT (storage_key) DO UPDATE SET delete_after = excluded.delete_after`, key, database.Micros(after))
		if err != nil {
			return fmt.Errorf("list file %s as an orphan: %w", key, err)
		}
	}
	return nil
}

// adopt takes files off the list of orphans. It belongs in the transaction that makes a video's row point to them.
func (s *store) adopt(ctx context.Context, keys ...string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM media_unclaimed_files WHERE storage_key IN ?`, keys); err != nil {
		return fmt.Errorf("adopt files: %w", err)
	}
	return nil
}

// expireOrphan makes an orphan due now. It reports whether the file is an orphan; if not, a video points to it, or it
// has been deleted.
func (s *store) expireOrphan(ctx context.Context, key string, now time.Time) (bool, error) {
	rows, err := s.db.Exec(ctx,
		`UPDATE media_unclaimed_files SET delete_after = ? WHERE storage_key = ?`, database.Micros(now), key)
	if err != nil {
		return false, fmt.Errorf("expire orphan %s: %w", key, err)
	}
	return rows > 0, nil
}

// deleteOrphan deletes the entry of a file that has been deleted.
func (s *store) deleteOrphan(ctx context.Context, key string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM media_unclaimed_files WHERE storage_key = ?`, key); err != nil {
		return fmt.Errorf("delete the entry of orphan %s: %w", key, err)
	}
	return nil
}

// dueOrphans returns the keys of orphans that are due.
func (s *store) dueOrphans(ctx context.Context, now time.Time, limit int) ([]string, error) {
	var rows []orphanRow
	err := s.db.Gorm(ctx).
		Where("delete_after <= ?", database.Micros(now)).
		Order("delete_after").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list orphans: %w", err)
	}
	keys := make([]string, len(rows))
	for i, row := range rows {
		keys[i] = row.StorageKey
	}
	return keys, nil
}
