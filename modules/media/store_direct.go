package media

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"risingstars/platform/database"
)

// directStore has the rows of direct uploads.
type directStore struct {
	db     *database.DB
	videos *store
}

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
		details: details{
			Title: r.Title, Description: r.Description, Start: time.Duration(r.StartMs) * time.Millisecond,
		},
		ID: r.ID, OwnerID: r.OwnerID, Key: r.StorageKey, StorageID: r.StorageID,
		Size: r.SizeBytes, PartSize: r.PartBytes, ExpiresAt: database.FromMicros(r.ExpiresAt),
	}
}

// insert adds an upload. It reports false, and adds nothing, if the owner already has limit uploads.
func (d directStore) insert(ctx context.Context, u directUpload, limit int) (bool, error) {
	for slot := range limit {
		rows, err := d.db.Exec(ctx, `
			INSERT INTO media_direct_uploads (id, owner_id, slot, title, description, start_ms,
				storage_key, storage_id, size_bytes, part_bytes, expires_at)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (owner_id, slot) DO NOTHING`,
			u.ID, u.OwnerID, slot, u.Title, u.Description, u.Start.Milliseconds(),
			u.Key, u.StorageID, u.Size, u.PartSize, database.Micros(u.ExpiresAt))
		if err != nil {
			return false, fmt.Errorf("insert direct upload: %w", err)
		}
		if rows > 0 {
			return true, nil
		}
	}
	return false, nil
}

// byOwner returns a person's uploads that have not expired, the latest first.
func (d directStore) byOwner(ctx context.Context, ownerID string, now time.Time) ([]directUpload, error) {
	var rows []directRow
	err := d.db.Gorm(ctx).
		Where("owner_id = ? AND expires_at > ?", ownerID, database.Micros(now)).
		Order("id DESC").Find(&rows).Error
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

// byID returns errNoUpload for an unknown id.
func (d directStore) byID(ctx context.Context, id string) (directUpload, error) {
	var row directRow
	err := d.db.Gorm(ctx).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return directUpload{}, errNoUpload
	}
	if err != nil {
		return directUpload{}, fmt.Errorf("read direct upload %s: %w", id, err)
	}
	return row.upload(), nil
}

// complete replaces the upload that has v's id with the video v, in one transaction. The error is errNoUpload if the
// upload has expired, was cancelled or has been completed before.
func (d directStore) complete(ctx context.Context, v Video) error {
	return d.db.InTx(ctx, func(ctx context.Context) error {
		rows, err := d.db.Exec(ctx,
			`DELETE FROM media_direct_uploads WHERE id = ? AND expires_at > ?`, v.ID, database.Micros(v.UploadedAt))
		if err != nil {
			return fmt.Errorf("complete direct upload %s: %w", v.ID, err)
		}
		if rows == 0 {
			return errNoUpload
		}
		return d.videos.insert(ctx, v, false)
	})
}

// cancel makes sure that an upload does not become a video, by letting it expire at once. It reports false if there is
// no such upload.
func (d directStore) cancel(ctx context.Context, id string) (bool, error) {
	rows, err := d.db.Exec(ctx, `UPDATE media_direct_uploads SET expires_at = 0 WHERE id = ?`, id)
	if err != nil {
		return false, fmt.Errorf("cancel direct upload %s: %w", id, err)
	}
	return rows > 0, nil
}

// delete deletes the row of an upload that has nothing in storage any more.
func (d directStore) delete(ctx context.Context, id string) error {
	if _, err := d.db.Exec(ctx, `DELETE FROM media_direct_uploads WHERE id = ?`, id); err != nil {
		return fmt.Errorf("delete direct upload %s: %w", id, err)
	}
	return nil
}

// due returns uploads that expired before a time.
func (d directStore) due(ctx context.Context, before time.Time, limit int) ([]directUpload, error) {
	var rows []directRow
	err := d.db.Gorm(ctx).
		Where("expires_at <= ?", database.Micros(before)).
		Order("expires_at").Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("list expired direct uploads: %w", err)
	}
	return uploadsOf(rows), nil
}
