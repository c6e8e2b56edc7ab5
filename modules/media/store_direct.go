package media

import (
	"context"
	"fmt"
	"time"

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
	TimeLeft    int64 `gorm:"->"` // until it expires, in microseconds
}

func (directRow) TableName() string { return "media_direct_uploads" }

func (r directRow) upload() directUpload {
	return directUpload{
		details: details{
			Title: r.Title, Description: r.Description, Start: time.Duration(r.StartMs) * time.Millisecond,
		},
		ID: r.ID, OwnerID: r.OwnerID, Key: r.StorageKey, StorageID: r.StorageID,
		Size: r.SizeBytes, PartSize: r.PartBytes, ExpiresAt: database.FromMicros(r.ExpiresAt),
		left: time.Duration(r.TimeLeft) * time.Microsecond,
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

// selectUploads reads uploads with the time that they have left.
func (d directStore) selectUploads() string {
	return `SELECT *, expires_at - ` + d.videos.clock() + ` AS time_left FROM media_direct_uploads`
}

// byOwner returns a person's uploads that have not expired, the latest first.
func (d directStore) byOwner(ctx context.Context, ownerID string) ([]directUpload, error) {
	var rows []directRow
	err := d.db.Query(ctx, &rows, d.selectUploads()+`
		WHERE owner_id = ? AND expires_at > `+d.videos.clock()+` ORDER BY id DESC`, ownerID)
	if err != nil {
		return nil, fmt.Errorf("list direct uploads: %w", err)
	}
	return uploadsOf(rows), nil
}

// allOf returns all uploads of a person, also those that have expired.
func (d directStore) allOf(ctx context.Context, ownerID string) ([]directUpload, error) {
	var rows []directRow
	if err := d.db.Query(ctx, &rows, d.selectUploads()+` WHERE owner_id = ?`, ownerID); err != nil {
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
	if err := d.db.Query(ctx, &row, d.selectUploads()+` WHERE id = ?`, id); err != nil {
		return directUpload{}, fmt.Errorf("read direct upload %s: %w", id, err)
	}
	if row.ID == "" {
		return directUpload{}, errNoUpload
	}
	return row.upload(), nil
}

// complete replaces the upload that has v's id with the video v, in one transaction. The error is errNoUpload if the
// upload has expired, was cancelled or has been completed before, and errDiscarded if its file has been deleted.
func (d directStore) complete(ctx context.Context, v Video) error {
	return d.db.InTx(ctx, func(ctx context.Context) error {
		rows, err := d.db.Exec(ctx,
			`DELETE FROM media_direct_uploads WHERE id = ? AND expires_at > `+d.videos.clock(), v.ID)
		if err != nil {
			return fmt.Errorf("complete direct upload %s: %w", v.ID, err)
		}
		if rows == 0 {
			return errNoUpload
		}
		return d.videos.insert(ctx, v)
	})
}

// cancel makes sure that an upload does not become a video, by letting it expire at once. The caller deletes what is
// left of it; the sweeper tries again after a pause. It reports false if there is no such upload.
func (d directStore) cancel(ctx context.Context, id string) (bool, error) {
	uploads, err := d.take(ctx, fmt.Sprintf(`
		UPDATE media_direct_uploads SET expires_at = 0, tries = tries + 1, retry_at = %s WHERE id = ? RETURNING *`,
		d.videos.tryAgain()), id)
	return len(uploads) > 0, err
}

// cancelThis is cancel for an upload that may have no row, while another attempt with the same id has one, which stays.
func (d directStore) cancelThis(ctx context.Context, u directUpload) error {
	_, err := d.take(ctx, fmt.Sprintf(`
		UPDATE media_direct_uploads SET expires_at = 0, tries = tries + 1, retry_at = %s
		WHERE id = ? AND storage_key = ? RETURNING *`, d.videos.tryAgain()), u.ID, u.Key)
	return err
}

// due cancels up to limit uploads that expired longer than directGrace ago, and returns them with cancelled ones that
// are due for another try. Nobody else gets the same ones before their next try.
func (d directStore) due(ctx context.Context, limit int) ([]directUpload, error) {
	now := d.videos.clock()
	return d.take(ctx, fmt.Sprintf(`
		WITH due AS (
			SELECT id FROM media_direct_uploads
			WHERE expires_at <= %s AND (retry_at <= %s OR retry_at > %s) ORDER BY expires_at LIMIT ? %s
		)
		UPDATE media_direct_uploads SET expires_at = 0, tries = tries + 1, retry_at = %s
		WHERE id IN (SELECT id FROM due) RETURNING *`,
		plus(d.videos.moment(), -directGrace), now, plus(now, longestPause), d.videos.skipLocked(),
		d.videos.tryAgain()), limit)
}

func (d directStore) take(ctx context.Context, statement string, args ...any) (uploads []directUpload, err error) {
	var rows []directRow
	err = d.db.InTx(ctx, func(ctx context.Context) error {
		rows = nil // of a run that was rolled back
		return d.db.Query(ctx, &rows, statement, args...)
	})
	if err != nil {
		return nil, fmt.Errorf("cancel direct uploads: %w", err)
	}
	return uploadsOf(rows), nil
}

// delete deletes the row of an upload that has nothing in storage any more.
func (d directStore) delete(ctx context.Context, u directUpload) error {
	_, err := d.db.Exec(ctx, `DELETE FROM media_direct_uploads WHERE id = ? AND storage_key = ?`, u.ID, u.Key)
	if err != nil {
		return fmt.Errorf("delete direct upload %s: %w", u.ID, err)
	}
	return nil
}
