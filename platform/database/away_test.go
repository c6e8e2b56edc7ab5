package database_test

import (
	"context"
	"errors"
	"testing"

	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

// Whoever needs a server that is not there is told to come back, and everything works again once it is back.
func TestAServerThatIsAwayIsNoFaultOfOurs(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, owner)
	var at struct{ Name string }
	if err := db.Query(t.Context(), &at, `SELECT current_database() AS name`); err != nil {
		t.Fatal(err)
	}
	keeper := databasetest.OpenPostgreSQL(t) // another database's connection, which stays
	allow := func(allowed string) {
		t.Helper()
		if _, err := keeper.Exec(t.Context(), `ALTER DATABASE "`+at.Name+`" ALLOW_CONNECTIONS `+allowed); err != nil {
			t.Fatal(err)
		}
	}
	away := func(act string, err error) {
		t.Helper()
		if f := fault.From(err); f.Code != fault.ErrUnavailable.Code || f.RetryAfter == 0 {
			t.Errorf("%s: %v", act, err)
		}
	}
	read := func(ctx context.Context) error {
		var row struct{ N int }
		return db.Query(ctx, &row, `SELECT COUNT(*) AS n FROM probe_items`)
	}
	away("a connection that is ended", func() error {
		_, err := db.Exec(t.Context(), `SELECT pg_terminate_backend(pg_backend_pid())`)
		return err
	}())
	away("one that is ended in a transaction", db.InTx(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, `SELECT pg_terminate_backend(pg_backend_pid())`)
		return err
	}))
	allow("false")
	_, err := keeper.Exec(t.Context(), `
		SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ?`, at.Name)
	if err != nil {
		t.Fatal(err)
	}
	away("a read", read(t.Context()))
	away("a transaction", db.InTx(t.Context(), insert(db, "a")))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := read(ended); !errors.Is(err, context.Canceled) || fault.From(err).Kind != fault.Internal {
		t.Errorf("a request that has ended: %v", err)
	}
	allow("true")
	if err := db.InTx(t.Context(), insert(db, "a")); err != nil {
		t.Errorf("the server is back: %v", err)
	}
	_, err = db.Exec(t.Context(), `SELECT 1 / 0`)
	if fault.From(err).Kind != fault.Internal {
		t.Errorf("a statement that fails: %v", err)
	}
}
