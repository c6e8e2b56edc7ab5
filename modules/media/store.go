package media

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"risingstars/platform/database"
	"risingstars/platform/telemetry"
)

type store struct {
	db *database.DB
}

type videoRow struct {
	ID           string `gorm:"primaryKey"`
	OwnerID      string
	Title        string
	Description  string
	Status       string
	Step         string `gorm:"column:stage"`
	Progress     int
	Attempt      int
	LeaseUntil   int64
	SentAt       int64
	Mock         bool
	OriginalKey  string
	OriginalSize int64 `gorm:"column:original_bytes"`
	ProcessedKey string
	PosterKey    string
	SmallKey     string
	SmallWidth   int
	SmallHeight  int
	Poster640Key string `gorm:"column:poster_640_key"`
	Poster320Key string `gorm:"column:poster_320_key"`
	StartMs      int64
	DurationMs   int64
	FailureCode  string
	FailureOf    string `gorm:"column:failure_subject"`
	Notices      string
	Retries      int
	FailedAt     int64
	UploadedAt   int64
	ProcessedAt  int64
	Branding     string
	WorkMs       int64
	MissingSince int64
	Trace        string
	LeaseLeft    int64 `gorm:"->"` // in microseconds; only leaseOf reads it
}

func (videoRow) TableName() string { return "media_videos" }

func (r videoRow) video() Video {
	return Video{
		ID: r.ID, OwnerID: r.OwnerID, Title: r.Title, Description: r.Description,
		Status: Status(r.Status), Step: r.Step, Progress: r.Progress, Attempt: r.Attempt, FailureCode: r.FailureCode,
		FailureSubject: r.FailureOf, Notices: splitNotices(r.Notices), Retries: r.Retries, OriginalSize: r.OriginalSize,
		OriginalKey: r.OriginalKey, Output: r.output(),
		FailedAt: database.FromMicros(r.FailedAt),
		Start:    time.Duration(r.StartMs) * time.Millisecond, Duration: time.Duration(r.DurationMs) * time.Millisecond,
		UploadedAt: database.FromMicros(r.UploadedAt), ProcessedAt: database.FromMicros(r.ProcessedAt),
		FilesMissing: r.MissingSince > 0, Trace: r.Trace,
	}
}

func (r videoRow) output() Output {
	return Output{
		ProcessedKey: r.ProcessedKey, PosterKey: r.PosterKey,
		SmallKey: r.SmallKey, SmallWidth: r.SmallWidth, SmallHeight: r.SmallHeight,
		Poster640Key: r.Poster640Key, Poster320Key: r.Poster320Key,
	}
}

// insert adds an uploaded video and adopts its original.
func (s *store) insert(ctx context.Context, v Video) error {
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		err := s.db.Gorm(ctx).Create(&videoRow{
			ID: v.ID, OwnerID: v.OwnerID, Title: v.Title, Description: v.Description, Status: string(Uploaded),
			Step: stepQueued, OriginalKey: v.OriginalKey, OriginalSize: v.OriginalSize,
			StartMs: v.Start.Milliseconds(), UploadedAt: database.Micros(v.UploadedAt),
			Trace: telemetry.TraceParent(ctx),
		}).Error
		if err != nil {
			return err
		}
		return s.adopt(ctx, v.OriginalKey)
	})
	if err != nil {
		return fmt.Errorf("insert video: %w", err)
	}
	return nil
}

// byID returns errNotFound for an unknown id.
func (s *store) byID(ctx context.Context, id string) (Video, error) {
	row, err := s.row(ctx, id)
	return row.video(), err
}

// byIDs returns those of the videos that exist, in no order.
func (s *store) byIDs(ctx context.Context, ids []string) ([]Video, error) {
	var rows []videoRow
	if err := s.db.Gorm(ctx).Where("id IN ?", ids).Find(&rows).Error; err != nil {
		return nil, fmt.Errorf("read %d videos: %w", len(ids), err)
	}
	videos := make([]Video, len(rows))
	for i, row := range rows {
		videos[i] = row.video()
	}
	return videos, nil
}

func (s *store) row(ctx context.Context, id string) (videoRow, error) {
	var row videoRow
	err := s.db.Gorm(ctx).Where("id = ?", id).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return videoRow{}, errNotFound
	}
	if err != nil {
		return videoRow{}, fmt.Errorf("read video %s: %w", id, err)
	}
	return row, nil
}

// byOwner returns a page of a person's videos, the latest first, and how many there are in all. An empty status means
// any.
func (s *store) byOwner(
	ctx context.Context, ownerID string, status Status, offset, limit int,
) (_ []Video, total int, err error) {
	query := s.db.Gorm(ctx).Model(&videoRow{}).Where("owner_id = ?", ownerID)
	if status != "" {
		query = query.Where("status = ?", string(status))
	}
	query = query.Session(&gorm.Session{})
	var count int64
	if err := query.Count(&count).Error; err != nil {
		return nil, 0, fmt.Errorf("count videos: %w", err)
	}
	var rows []videoRow
	err = query.Order("uploaded_at DESC, id DESC").Offset(offset).Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, 0, fmt.Errorf("list videos: %w", err)
	}
	videos := make([]Video, len(rows))
	for i, row := range rows {
		videos[i] = row.video()
	}
	return videos, int(count), nil
}

// delete deletes a video's row and returns its last content. It reports false if there is no such row.
func (s *store) delete(ctx context.Context, id string) (Video, bool, error) {
	var row videoRow
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		row = videoRow{} // of a run that was rolled back
		if err := s.db.Query(ctx, &row, `DELETE FROM media_videos WHERE id = ? RETURNING *`, id); err != nil {
			return err
		}
		return s.unlistRebrand(ctx, id)
	})
	if err != nil {
		return Video{}, false, fmt.Errorf("delete video %s: %w", id, err)
	}
	return row.video(), row.ID != "", nil
}

// move is the only way to change a status. It reports whether it did: the video must be in one of the states from and
// meet the condition where.
func (s *store) move(
	ctx context.Context, id string, to Status, from []Status, set map[string]any, where string, args ...any,
) (bool, error) {
	states := make([]string, len(from))
	for i, state := range from {
		states[i] = string(state)
	}
	set["status"] = string(to)
	var rows int64
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		query := s.db.Gorm(ctx).Model(&videoRow{}).Where("id = ? AND status IN ?", id, states)
		if where != "" {
			query = query.Where(where, args...)
		}
		result := query.Updates(set)
		rows = result.RowsAffected
		return result.Error
	})
	if err != nil {
		return false, fmt.Errorf("move video %s to %s: %w", id, to, err)
	}
	return rows > 0, nil
}
