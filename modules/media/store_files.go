package media

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
)

// unclaimedRow is a file that no video points to.
type unclaimedRow struct {
	StorageKey  string `gorm:"primaryKey"`
	DeleteAfter int64
}

func (unclaimedRow) TableName() string { return "media_unclaimed_files" }

// unclaim lists files for deletion after a time: before they are written, or when their video lets go of them.
func (s *store) unclaim(ctx context.Context, after time.Time, keys ...string) error {
	for _, key := range keys {
		if key == "" {
			continue
		}
		_, err := s.db.Exec(ctx, `
			INSERT INTO media_unclaimed_files (storage_key, delete_after) VALUES (?, ?)
			ON CONFLICT (storage_key) DO UPDATE SET delete_after = excluded.delete_after`, key, database.Micros(after))
		if err != nil {
			return fmt.Errorf("list file %s as unclaimed: %w", key, err)
		}
	}
	return nil
}

// expire makes a listed file due now. It says false when the file is not listed: a video points to it after all.
func (s *store) expire(ctx context.Context, key string, now time.Time) (bool, error) {
	rows, err := s.db.Exec(ctx, `UPDATE media_unclaimed_files SET delete_after = ? WHERE storage_key = ?`, database.Micros(now), key)
	if err != nil {
		return false, fmt.Errorf("give up file %s: %w", key, err)
	}
	return rows > 0, nil
}

// keep takes files off the list: a video points to them now, or they do not exist any more.
func (s *store) keep(ctx context.Context, keys ...string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM media_unclaimed_files WHERE storage_key IN ?`, keys); err != nil {
		return fmt.Errorf("take files off the unclaimed list: %w", err)
	}
	return nil
}

// due lists files whose time has come.
func (s *store) due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	var rows []unclaimedRow
	err := s.db.Gorm(ctx).Where("delete_after <= ?", database.Micros(now)).Order("delete_after").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list unclaimed files: %w", err)
	}
	keys := make([]string, len(rows))
	for i, row := range rows {
		keys[i] = row.StorageKey
	}
	return keys, nil
}
