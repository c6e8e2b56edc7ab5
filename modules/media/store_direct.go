package media

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"risingstars/platform/database"
)

type directRow struct {
	ID          string `gorm:"primaryKey"`
	OwnerID     string
	Title       string
	Description string
	StartMs     int64
	StorageKey  string
	StorageID   string
	SizeBytes   int64
	PartBytes   int64
	ExpiresAt   int64
}

func (directRow) TableName() string { return "media_direct_uploads" }

func (r directRow) upload() directUpload {
	return directUpload{
		ID: r.ID, OwnerID: r.OwnerID, Key: r.StorageKey, StorageID: r.StorageID, Size: r.SizeBytes, PartSize: r.PartBytes,
		details:   details{Title: r.Title, Description: r.Description, Start: time.Duration(r.StartMs) * time.Millisecond},
		ExpiresAt: database.FromMicros(r.ExpiresAt),
	}
}

// insertDirect adds an upload under way, unless its owner has limit of them already; then it says false.
func (s *store) insertDirect(ctx context.Context, u directUpload, limit int) (bool, error) {
	for slot := range limit {
		rows, err := s.db.Exec(ctx, `
			INSERT INTO media_direct_uploads
				(id, owner_id, slot, title, description, start_ms, storage_key, storage_id, size_bytes, part_bytes, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (owner_id, slot) DO NOTHING`,
			u.ID, u.OwnerID, slot, u.Title, u.Description, u.Start.Milliseconds(), u.Key, u.StorageID, u.Size, u.PartSize,
			database.Micros(u.ExpiresAt))
		if err != nil {
			return false, fmt.Errorf("insert direct upload: %w", err)
		}
		if rows > 0 {
			return true, nil
		}
	}
	return false, nil
}

// directByOwner lists a person's uploads that have not expired, the latest first.
func (s *store) directByOwner(ctx context.Context, ownerID string, now time.Time) ([]directUpload, error) {
	var rows []directRow
	err := s.db.Gorm(ctx).Where("owner_id = ? AND expires_at > ?", ownerID, database.Micros(now)).Order("id DESC").Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list direct uploads: %w", err)
	}
	return uploadsOf(rows), nil
}

func uploadsOf(rows []directRow) []directUpload {
	uploads := make([]directUpload, len(rows))
	for i, row := range rows {
		uploads[i] = row.upload()
	}
	return uploads
}

// directByID is errNoUpload when there is none.
func (s *store) directByID(ctx context.Context, id string) (directUpload, error) {
	var row directRow
	err := s.db.Gorm(ctx).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return directUpload{}, errNoUpload
	}
	if err != nil {
		return directUpload{}, fmt.Errorf("read direct upload %s: %w", id, err)
	}
	return row.upload(), nil
}

// becomeVideo makes v of the upload with its id, in one step; errNoUpload when that has expired or was given up.
func (s *store) becomeVideo(ctx context.Context, v Video) error {
	return s.db.InTx(ctx, func(ctx context.Context) error {
		rows, err := s.db.Exec(ctx, `DELETE FROM media_direct_uploads WHERE id = ? AND expires_at > ?`, v.ID, database.Micros(v.UploadedAt))
		if err != nil {
			return fmt.Errorf("end direct upload %s: %w", v.ID, err)
		}
		if rows == 0 {
			return errNoUpload
		}
		return s.insert(ctx, v, false)
	})
}

// expireDirect keeps an upload from becoming a video; it says false when there is none any more.
func (s *store) expireDirect(ctx context.Context, id string) (bool, error) {
	rows, err := s.db.Exec(ctx, `UPDATE media_direct_uploads SET expires_at = 0 WHERE id = ?`, id)
	if err != nil {
		return false, fmt.Errorf("expire direct upload %s: %w", id, err)
	}
	return rows > 0, nil
}

// deleteDirect forgets an upload of which nothing is left in storage.
func (s *store) deleteDirect(ctx context.Context, id string) error {
	if _, err := s.db.Exec(ctx, `DELETE FROM media_direct_uploads WHERE id = ?`, id); err != nil {
		return fmt.Errorf("delete direct upload %s: %w", id, err)
	}
	return nil
}

// directDue lists uploads that expired before a time.
func (s *store) directDue(ctx context.Context, before time.Time, limit int) ([]directUpload, error) {
	var rows []directRow
	err := s.db.Gorm(ctx).Where("expires_at <= ?", database.Micros(before)).Order("expires_at").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list expired direct uploads: %w", err)
	}
	return uploadsOf(rows), nil
}
