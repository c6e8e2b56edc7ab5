package database_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// queuing is a context that tells when a writer waits for its turn, because only then it is asked for its end.
type queuing struct {
	context.Context
	once  sync.Once
	waits chan struct{}
}

func (q *queuing) Done() <-chan struct{} {
	q.once.Do(func() { close(q.waits) })
	return q.Context.Done()
}

// queue runs fn in a transaction that waits for its turn by the time queue returns. The writer must be busy.
func queue(ctx context.Context, db *database.DB, fn func(ctx context.Context) error) <-chan error {
	q := &queuing{Context: ctx, waits: make(chan struct{})}
	result := make(chan error, 1)
	go func() {
		err := errors.New("it did not return") // as after runtime.Goexit
		defer func() {
			if value := recover(); value != nil {
				err = fmt.Errorf("panic: %v", value)
			}
			result <- err
		}()
		err = db.InTx(q, fn)
	}()
	<-q.waits
	return result
}

// holder is a transaction that inserts a row and occupies the writer until it is released.
type holder struct {
	release func()
	result  chan error
	runs    atomic.Int32
}

func hold(t *testing.T, db *database.DB) *holder {
	t.Helper()
	begun, end := make(chan struct{}), make(chan struct{})
	h := &holder{release: sync.OnceFunc(func() { close(end) }), result: make(chan error, 1)}
	t.Cleanup(h.release)
	go func() {
		h.result <- db.InTx(t.Context(), func(ctx context.Context) error {
			_, err := db.Exec(ctx, insertItem, "holder", "black", 0)
			if h.runs.Add(1) == 1 {
				close(begun)
			}
			<-end
			return err
		})
	}()
	<-begun
	return h
}

func insert(db *database.DB, id string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := db.Exec(ctx, insertItem, id, id, 1)
		return err
	}
}

// rows returns the ids of all rows.
func rows(t *testing.T, db *database.DB) map[string]bool {
	t.Helper()
	var items []item
	if err := db.Query(t.Context(), &items, "SELECT * FROM probe_items"); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, i := range items {
		ids[i.ID] = true
	}
	return ids
}

// commits counts the commits in SQLite's log, https://www.sqlite.org/fileformat2.html#walformat. Until the log is
// 1,000 pages long, SQLite only appends to it.
func commits(t *testing.T, path string) (n int) {
	t.Helper()
	log, err := os.ReadFile(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	const header, frameHeader = 32, 24
	frame := frameHeader + int(binary.BigEndian.Uint32(log[8:]))
	for at := header; at+frame <= len(log); at += frame {
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			n++
		}
	}
	return n
}

func open(t *testing.T, path string) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Options{Path: path, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	if err := db.Migrate(t.Context(), owner); err != nil {
		t.Fatal(err)
	}
	return db
}

// With FULL, SQLite syncs its log in each commit, and so a power cut loses nothing that was acknowledged.
func TestEveryConnectionOfSQLiteSyncsItsCommits(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t)
	pool, err := db.Gorm(t.Context()).DB()
	if err != nil {
		t.Fatal(err)
	}
	for range db.MaxOpenConns() {
		conn, err := pool.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() }) // after the others are opened
		var synchronous int
		if err := conn.QueryRowContext(t.Context(), "PRAGMA synchronous").Scan(&synchronous); err != nil {
			t.Fatal(err)
		}
		if synchronous != 2 { // FULL
			t.Errorf("synchronous is %d", synchronous)
		}
	}
}

func TestWritersThatWaitShareACommit(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "test.db")
	db := open(t, path)
	first := hold(t, db)
	before := commits(t, path)
	const writers = 64
	var results []<-chan error
	for w := range writers {
		results = append(results, queue(t.Context(), db, insert(db, fmt.Sprint(w))))
	}
	first.release()
	for _, result := range append(results, first.result) {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	if n := commits(t, path) - before; n == 0 || n > writers/8 {
		t.Errorf("%d transactions took %d commits", writers, n)
	}
	if n := len(rows(t, db)); n != writers+1 {
		t.Errorf("%d rows, want %d", n, writers+1)
	}
}

// The second writer runs while the first one, which has done its work, waits for the commit of both.
func TestAWriterReturnsAfterTheSharedCommit(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owner)
	first := hold(t, db)
	in, out := make(chan struct{}), make(chan struct{})
	second := queue(t.Context(), db, func(ctx context.Context) error {
		close(in)
		<-out
		return insert(db, "second")(ctx)
	})
	first.release()
	<-in
	select {
	case err := <-first.result:
		t.Errorf("the first writer returned before the commit: %v", err)
	default:
	}
	if seen := rows(t, db); len(seen) != 0 {
		t.Errorf("the rows before the commit are %v", seen)
	}
	close(out)
	if err := errors.Join(<-first.result, <-second); err != nil {
		t.Error(err)
	}
	if seen := rows(t, db); !seen["holder"] || !seen["second"] {
		t.Errorf("the rows are %v", seen)
	}
}

// A fill's transaction lasts long, and a quick one before it does not wait for it.
func TestAFillSharesNoCommit(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owner)
	first := hold(t, db)
	in, out := make(chan struct{}), make(chan struct{})
	filled := owner
	filled.Fills = []database.Fill{{Run: func(ctx context.Context, db *database.DB) error {
		return db.InTx(ctx, func(ctx context.Context) error {
			close(in)
			<-out
			return insert(db, "filled")(ctx)
		})
	}}}
	q := &queuing{Context: t.Context(), waits: make(chan struct{})}
	fill := make(chan error, 1)
	go func() { fill <- db.Fill(q, filled) }()
	<-q.waits
	first.release()
	<-in
	select {
	case err := <-first.result:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(time.Minute):
		t.Error("the writer before the fill waits for it")
	}
	if seen := rows(t, db); !seen["holder"] || seen["filled"] {
		t.Errorf("the rows beside the fill are %v", seen)
	}
	close(out)
	if err := <-fill; err != nil {
		t.Error(err)
	}
}
