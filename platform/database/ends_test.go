package database_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// A statement of a client that goes away, or has waited long enough, does not go on in the database.
func TestAStatementEndsWithItsContext(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, nil, func(t *testing.T, db *database.DB) {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		var row struct{ Last int64 }
		// This takes several seconds, and then succeeds, where nothing ends it.
		err := db.Query(ctx, &row, `
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000)
			SELECT MAX(i) AS last FROM n`)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the statement gives %+v (%v), want its deadline", row, err)
		}
	})
}
