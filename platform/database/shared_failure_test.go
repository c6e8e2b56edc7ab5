package database_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/disk"
	"risingstars/platform/disk/disktest"
)

// 200 writers share commits, and four in five of them fail, each in its own way. Each fails alone.
func TestWhoFailsInASharedTransactionFailsAlone(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owner)
	first := hold(t, db)
	boom := errors.New("boom")
	results := map[string]<-chan error{}
	for i := range 200 {
		id := fmt.Sprintf("%s-%d", []string{"good", "error", "panic", "canceled", "exit", "twice"}[i%6], i)
		ctx, cancel := context.WithCancel(t.Context())
		t.Cleanup(cancel)
		results[id] = queue(ctx, db, func(ctx context.Context) error {
			if err := insert(db, id)(ctx); err != nil {
				return err
			}
			switch kind, _, _ := strings.Cut(id, "-"); kind {
			case "error":
				return boom
			case "panic":
				panic(boom)
			case "canceled":
				cancel()
			case "exit":
				runtime.Goexit()
			case "twice": // a statement that fails does not undo the others
				if err := insert(db, id)(ctx); database.UniqueViolation(err) == "" {
					t.Errorf("the second insert of %s: %v", id, err)
				}
			}
			return nil
		})
	}
	first.release()
	if err := <-first.result; err != nil {
		t.Errorf("the first writer: %v", err)
	}
	for id, result := range results {
		err, kind := <-result, strings.Split(id, "-")[0]
		var right bool
		switch kind {
		case "good", "twice":
			right = err == nil
		case "error":
			right = errors.Is(err, boom)
		case "panic":
			right = err != nil && err.Error() == "panic: boom"
		case "canceled":
			right = errors.Is(err, context.Canceled)
		case "exit":
			right = err != nil
		}
		if !right {
			t.Errorf("%s returned %v", id, err)
		}
	}
	seen := rows(t, db)
	for id := range results {
		if kept, kind := seen[id], strings.Split(id, "-")[0]; kept != (kind == "good" || kind == "twice") {
			t.Errorf("the row of %s is there: %v", id, kept)
		}
	}
}

// SQLite rolls the whole transaction back if it interrupts a statement that writes. The others run again.
func TestAnInterruptedWriteUndoesNobodyElse(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owner)
	first := hold(t, db)
	interrupted, cancel := context.WithCancel(t.Context())
	defer cancel()
	long := queue(interrupted, db, func(ctx context.Context) error {
		if err := insert(db, "long")(ctx); err != nil {
			return err
		}
		time.AfterFunc(50*time.Millisecond, cancel)
		_, err := db.Exec(ctx, `
			INSERT INTO probe_items (id, colour, size)
			WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000)
			SELECT 'n' || i, 'grey', i FROM n`)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the long statement: %v", err)
		}
		// Outside of the transaction, this would last.
		if err := insert(db, "stray")(context.WithoutCancel(ctx)); err == nil {
			t.Error("a statement was accepted after the transaction had ended")
		}
		return nil
	})
	after := queue(t.Context(), db, insert(db, "after"))
	first.release()
	if err := errors.Join(<-first.result, <-after); err != nil {
		t.Error(err)
	}
	if err := <-long; !errors.Is(err, context.Canceled) {
		t.Errorf("the interrupted one returned %v", err)
	}
	if seen := rows(t, db); len(seen) != 2 || !seen["holder"] || !seen["after"] {
		t.Errorf("the rows are %v", seen)
	}
	if n := first.runs.Load(); n != 2 {
		t.Errorf("the first one ran %d times, so nothing was rolled back", n)
	}
}

// Half of the writers are interrupted again and again. The other half never hears of it, however often it runs again.
func TestNobodyFailsBecauseOfAnother(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owner)
	const rounds = 5
	var group sync.WaitGroup
	var interrupted atomic.Int32
	for w := range 64 {
		group.Go(func() {
			for r := range rounds {
				id := fmt.Sprintf("%d-%d", w, r)
				err := db.InTx(t.Context(), func(ctx context.Context) error {
					if w%2 == 0 {
						return insert(db, id)(ctx)
					}
					short, cancel := context.WithTimeout(ctx, time.Millisecond)
					defer cancel()
					_, err := db.Exec(short, `
						INSERT INTO probe_items (id, colour, size)
						WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
						SELECT ? || i, ?, i FROM n`, id, id)
					return err
				})
				if w%2 == 0 && err != nil {
					t.Errorf("%s: %v", id, err)
				}
				if errors.Is(err, context.DeadlineExceeded) {
					interrupted.Add(1)
				}
			}
		})
	}
	group.Wait()
	if n := interrupted.Load(); n != 32*rounds {
		t.Errorf("%d writers were interrupted", n)
	}
	if n := len(rows(t, db)); n != 32*rounds {
		t.Errorf("%d rows, want those of the others", n)
	}
}

func TestAStatementOfAnEndedContextLeavesTheTransaction(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			ended, cancel := context.WithCancel(ctx)
			cancel()
			if err := insert(db, "a")(ended); !errors.Is(err, context.Canceled) {
				t.Errorf("the statement of an ended context: %v", err)
			}
			return insert(db, "b")(ctx)
		})
		if seen := rows(t, db); err != nil || len(seen) != 1 || !seen["b"] {
			t.Errorf("it returned %v and left %v", err, seen)
		}
	})
}

func TestNothingFollowsTheEndOfATransaction(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		var left context.Context
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			left = ctx //nolint:fatcontext // it outlives its transaction
			return insert(db, "a")(ctx)
		})
		if err != nil {
			t.Fatal(err)
		}
		var row item
		for what, err := range map[string]error{
			"a statement": insert(db, "b")(left), "a query": db.Query(left, &row, "SELECT * FROM probe_items"),
			"a row": db.Gorm(left).Raw("SELECT id FROM probe_items").Row().Scan(&row.ID),
		} {
			if err == nil {
				t.Errorf("%s was accepted", what)
			}
		}
		if seen := rows(t, db); len(seen) != 1 {
			t.Errorf("the rows are %v", seen)
		}
	})
}

// The shared commit finds no space. Each function runs again on its own, and those that fit are kept.
func TestACommitThatFailsIsTriedForEachAlone(t *testing.T) {
	t.Parallel()
	dir := disktest.Mount(t, 16<<20)
	db := open(t, filepath.Join(dir, "full.db"))
	first := hold(t, db)
	large := strings.Repeat("x", 64<<10)
	results := map[string]<-chan error{}
	for i := range 20 {
		id := fmt.Sprint(i)
		results[id] = queue(t.Context(), db, func(ctx context.Context) error {
			_, err := db.Exec(ctx, insertItem, id, large, i)
			return err
		})
	}
	space := disktest.Fill(t, dir, 512<<10)
	disktest.Fill(t, dir, -1)
	if err := os.Remove(space); err != nil {
		t.Fatal(err)
	}
	first.release()
	if err := <-first.result; err != nil && !errors.Is(err, disk.ErrFull) {
		t.Errorf("the first writer: %v", err)
	}
	failed := map[string]bool{}
	for id, result := range results {
		if err := <-result; err != nil {
			if failed[id] = true; !errors.Is(err, disk.ErrFull) {
				t.Errorf("%s failed with %v", id, err)
			}
		}
	}
	if len(failed) == 0 || len(failed) == len(results) {
		t.Errorf("%d of %d failed", len(failed), len(results))
	}
	seen := rows(t, db)
	for id := range results {
		if seen[id] == failed[id] {
			t.Errorf("%s failed: %v, its row is there: %v", id, failed[id], seen[id])
		}
	}
}
