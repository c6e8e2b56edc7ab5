package database_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/platform/database/databasetest"
)

func TestWaitingForTheWriterEndsWithTheContext(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owner)
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		if _, err := db.Exec(ctx, insertItem, "a", "red", 1); err != nil {
			return err
		}
		// A context that does not carry this transaction.
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if _, err := db.Exec(short, insertItem, "b", "red", 2); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second writer got %v, want its deadline", err)
		}
		err := db.InTx(short, func(context.Context) error {
			t.Error("two transactions ran at once")
			return nil
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a second transaction got %v, want its deadline", err)
		}
		// Readers do not wait, and see only what is committed.
		var rows []item
		if err := db.Query(t.Context(), &rows, "SELECT * FROM probe_items"); err != nil || len(rows) != 0 {
			t.Errorf("a reader beside the writer sees %v (%v), want nothing yet", rows, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec(t.Context(), insertItem, "b", "red", 2); err != nil {
		t.Errorf("after the writer: %v", err)
	}
}

// A transaction that panics must let the next writer in.
func TestPanicFreesTheWriter(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owner)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		_ = db.InTx(t.Context(), func(ctx context.Context) error {
			if _, err := db.Exec(ctx, insertItem, "a", "red", 1); err != nil {
				return err
			}
			panic("boom")
		})
	}()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := db.Exec(ctx, insertItem, "a", "red", 1); err != nil {
		t.Errorf("after the panic: %v", err)
	}
}

// Two transactions lock two rows in opposite order. PostgreSQL rolls one of them back, and InTx runs it again.
func TestInTxRepeatsADeadlockedTransactionOnPostgreSQL(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, owner)
	for i, id := range []string{"a", "b"} {
		if _, err := db.Exec(t.Context(), insertItem, id, "red", i*100); err != nil {
			t.Fatal(err)
		}
	}
	var runs atomic.Int32
	holdsA, holdsB := make(chan struct{}), make(chan struct{})
	crossing := func(first, second string, mine, theirs chan struct{}) error {
		run := 0
		return db.InTx(t.Context(), func(ctx context.Context) error {
			runs.Add(1)
			run++
			if _, err := db.Exec(ctx, "UPDATE probe_items SET size = size + 1 WHERE id = ?", first); err != nil {
				return err
			}
			if run == 1 {
				close(mine)
				<-theirs
			}
			_, err := db.Exec(ctx, "UPDATE probe_items SET size = size + 1 WHERE id = ?", second)
			return err
		})
	}
	other := make(chan error, 1)
	go func() { other <- crossing("b", "a", holdsB, holdsA) }()
	if err := errors.Join(crossing("a", "b", holdsA, holdsB), <-other); err != nil {
		t.Fatal(err)
	}
	var sum struct{ Total int64 }
	err := db.Query(t.Context(), &sum, "SELECT SUM(size) AS total FROM probe_items")
	if err != nil || sum.Total != 104 {
		t.Errorf("the sizes add up to %d (%v), want 104", sum.Total, err)
	}
	if runs.Load() < 3 {
		t.Errorf("%d runs, so there was no deadlock", runs.Load())
	}
}
