package database_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// atCommit has PostgreSQL run the block when a transaction that has added an item is committed.
func atCommit(t *testing.T, db *database.DB, block string) {
	t.Helper()
	for _, statement := range []string{
		`CREATE FUNCTION at_commit() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ` + block + ` RETURN NULL; END $$`,
		`CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON probe_items DEFERRABLE INITIALLY DEFERRED
			FOR EACH ROW EXECUTE FUNCTION at_commit()`,
	} {
		if _, err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func TestACommitWithoutAnAnswerHasAnUnknownOutcome(t *testing.T) {
	t.Parallel()
	t.Run("the connection breaks", func(t *testing.T) {
		t.Parallel()
		db := databasetest.OpenPostgreSQL(t, owner)
		atCommit(t, db, `PERFORM pg_terminate_backend(pg_backend_pid());`)
		runs := 0
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			runs++
			return insert(db, "a")(ctx)
		})
		if !errors.Is(err, database.ErrUnknownOutcome) || runs != 1 {
			t.Errorf("%v after %d runs, want an unknown outcome after one", err, runs)
		}
	})
	t.Run("the context ends", func(t *testing.T) {
		t.Parallel()
		db := databasetest.OpenPostgreSQL(t, owner)
		atCommit(t, db, `PERFORM pg_sleep(60);`)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- db.InTx(ctx, insert(db, "a")) }()
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
			var row struct{ N int }
			err := db.Query(t.Context(), &row, `SELECT COUNT(*) AS n FROM pg_stat_activity
				WHERE datname = current_database() AND wait_event = 'PgSleep'`)
			if err != nil || time.Now().After(deadline) {
				t.Fatalf("the commit is not under way (%v)", err)
			}
			if row.N > 0 {
				break
			}
		}
		cancel()
		if err := <-ended; !errors.Is(err, database.ErrUnknownOutcome) || !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want an unknown outcome because of the context", err)
		}
	})
}

func TestWhatWasCertainlyNotCommittedHasAKnownOutcome(t *testing.T) {
	t.Parallel()
	wantKnown := func(t *testing.T, db *database.DB, err error) {
		t.Helper()
		if err == nil || errors.Is(err, database.ErrUnknownOutcome) {
			t.Errorf("%v, want an error of a known outcome", err)
		}
		if seen := rows(t, db); len(seen) > 0 {
			t.Errorf("the rows are %v", seen)
		}
	}
	t.Run("the server refuses the commit", func(t *testing.T) {
		t.Parallel()
		db := databasetest.OpenPostgreSQL(t, owner)
		atCommit(t, db, `RAISE EXCEPTION 'no';`)
		wantKnown(t, db, db.InTx(t.Context(), insert(db, "a")))
	})
	t.Run("a statement breaks the connection", func(t *testing.T) {
		t.Parallel()
		db := databasetest.OpenPostgreSQL(t, owner)
		wantKnown(t, db, db.InTx(t.Context(), func(ctx context.Context) error {
			if err := insert(db, "a")(ctx); err != nil {
				return err
			}
			_, err := db.Exec(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`)
			return err
		}))
	})
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) { // the context ends before the commit
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		wantKnown(t, db, db.InTx(ctx, func(ctx context.Context) error {
			defer cancel()
			return insert(db, "a")(ctx)
		}))
	})
}
