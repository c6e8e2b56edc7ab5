package app

import (
	"context"
	"time"
)

// fillEvery is how long a row may wait that an old binary writes during a deployment.
const fillEvery = 10 * time.Minute

// fill brings rows up to date, until ctx ends, that old binaries write after the migration.
func (a *app) fill(ctx context.Context) {
	ticker := time.NewTicker(fillEvery)
	defer ticker.Stop()
	for {
		if err := a.db.Fill(ctx, migrations()...); err != nil && ctx.Err() == nil {
			a.log.ErrorContext(ctx, "fill rows of old binaries", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
