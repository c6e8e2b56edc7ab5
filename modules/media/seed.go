package media

import (
	"context"
	"fmt"

	"risingstars/platform/database"
)

// Seed adds published videos that exist for a demonstration or a load test. It joins the transaction in ctx. Their
// entries are published by the caller, and their files, if there are any, are where the keys say.
func (m *Module) Seed(ctx context.Context, videos []Video) error {
	rows := make([]videoRow, len(videos))
	for i, v := range videos {
		rows[i] = videoRow{
			ID: v.ID, OwnerID: v.OwnerID, Title: v.Title, Description: v.Description, Status: string(Processed),
			Progress: 100, Attempt: 1, OriginalKey: v.OriginalKey, OriginalSize: v.OriginalSize,
			ProcessedKey: v.ProcessedKey, PosterKey: v.PosterKey, DurationMs: v.Duration.Milliseconds(),
			UploadedAt: database.Micros(v.UploadedAt), ProcessedAt: database.Micros(v.ProcessedAt),
		}
	}
	err := m.store.db.InTx(ctx, func(ctx context.Context) error {
		return m.store.db.Gorm(ctx).CreateInBatches(rows, seedBatch).Error
	})
	if err != nil {
		return fmt.Errorf("add %d videos: %w", len(videos), err)
	}
	return nil
}

// seedBatch rows have fewer values than a statement may have: 32,766 in SQLite.
const seedBatch = 500
