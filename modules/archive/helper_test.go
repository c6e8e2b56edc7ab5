package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/archive"
	"risingstars/platform/database"
	"risingstars/platform/mail"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

func owners() []database.Migrations {
	return []database.Migrations{dbqueue.Migrations(), archive.Migrations()}
}

// shelf is the module with a worker and storage, and one person.
type shelf struct {
	*archive.Module
	db     *database.DB
	bucket *storage.Bucket
	queue  *queue.Queue
	userID string

	mu      sync.Mutex
	letters []mail.Letter
	of      func(context.Context) (archive.Person, bool, error)
}

func (s *shelf) Send(_ context.Context, l mail.Letter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.letters = append(s.letters, l)
	return nil
}

func (*shelf) Forward(context.Context, ...string) {}

func (s *shelf) Of(ctx context.Context, _ string) (archive.Person, bool, error) {
	s.mu.Lock()
	of := s.of
	s.mu.Unlock()
	return of(ctx)
}

func (s *shelf) answer(of func(context.Context) (archive.Person, bool, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.of = of
}

func ana(context.Context) (archive.Person, bool, error) {
	return archive.Person{
		Email: "ana@example.com", FirstName: "Ana", Language: "es",
		Records: []archive.Record{{Name: "account", Data: map[string]string{"first_name": "Ana"}}, {"votes", []int{}}},
		Files: []archive.File{
			{Name: "videos/1/original.mp4", Key: "uploads/1.mp4", Size: 5},
			{Name: "videos/1/poster.jpg", Key: "processed/gone.jpg"},
		},
	}, true, nil
}

func open(t *testing.T, db *database.DB, o archive.Options) *shelf {
	t.Helper()
	return openAt(t, db, o, t.TempDir())
}

func openAt(t *testing.T, db *database.DB, o archive.Options, root string) *shelf {
	t.Helper()
	files, err := diskstore.Open(diskstore.Options{
		Root: root, Secret: make([]byte, 32), PublicPrefixes: []string{"processed/"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	s := &shelf{
		db: db, bucket: storage.New(files, storage.Options{}), userID: uuid.Must(uuid.NewV7()).String(), of: ana,
	}
	log, driver := slog.New(slog.DiscardHandler), dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond})
	s.queue = queue.New(driver, queue.Options{Logger: log})
	s.Module = archive.New(archive.Deps{
		DB: db, Bucket: s.bucket, Queue: s.queue, Belongings: s, Letters: s, Logger: log, Options: o,
	})
	s.put(t, "uploads/1.mp4", "clip!")
	ctx, cancel := context.WithCancel(context.Background())
	swept := make(chan struct{})
	go func() {
		defer close(swept)
		s.Sweep(ctx)
	}()
	worker := queue.NewWorker(driver, s.Handlers(), queue.WorkerOptions{Logger: log, Concurrency: 2})
	if err := worker.Start(ctx); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		stop, done := context.WithTimeout(context.Background(), 10*time.Second)
		defer done()
		if err := worker.Stop(stop); err != nil {
			t.Error(err)
		}
		cancel()
		<-swept
	})
	return s
}

func (s *shelf) put(t *testing.T, key, content string) {
	t.Helper()
	if _, err := s.bucket.Put(t.Context(), key, strings.NewReader(content), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
}

func (s *shelf) ask(t *testing.T) archive.Copy {
	t.Helper()
	c, err := s.Ask(t.Context(), s.userID)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// await waits until the person's latest copy is in a state.
func (s *shelf) await(t *testing.T, state archive.State) archive.Copy {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		c, err := s.Module.Of(t.Context(), s.userID)
		if err != nil {
			t.Fatal(err)
		}
		if c.State == state {
			return c
		}
		if time.Now().After(end) {
			t.Fatalf("the copy is %+v, not %s", c, state)
		}
	}
}

func (s *shelf) exec(t *testing.T, statement string) {
	t.Helper()
	if _, err := s.db.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// keys returns the files of copies.
func (s *shelf) keys(t *testing.T) (keys []string) {
	t.Helper()
	err := s.bucket.List(t.Context(), archive.Prefix+"/", func(o storage.Object) error {
		keys = append(keys, o.Key)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// gone waits until no file and no row is left.
func (s *shelf) gone(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		var row struct{ N int }
		if err := s.db.Query(t.Context(), &row, `SELECT COUNT(*) AS n FROM archive_copies`); err != nil {
			t.Fatal(err)
		}
		keys := s.keys(t)
		if row.N == 0 && len(keys) == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d rows and the files %q are left", row.N, keys)
		}
	}
}

// read returns the content of the zip file by name.
func (s *shelf) read(t *testing.T, id string) map[string]string {
	t.Helper()
	r, _, err := s.bucket.Open(t.Context(), archive.Prefix+"/"+id+".zip")
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	whole, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(whole), int64(len(whole)))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, f := range z.File {
		content, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(content)
		if err != nil {
			t.Fatal(err)
		}
		found[f.Name] = string(text)
	}
	return found
}

func (s *shelf) eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// tasks waits until the queue holds so many back, so many are with a worker, and there are no others.
func (s *shelf) tasks(t *testing.T, delayed, inFlight int) {
	t.Helper()
	want := queue.Stats{Delayed: delayed, InFlight: inFlight}
	s.eventually(t, fmt.Sprintf("the queue has %+v", want), func() bool {
		stats, err := s.queue.Stats(t.Context())
		return err == nil && stats == want
	})
}

// copyRow is what the database knows of a copy.
type copyRow struct {
	ID        string
	State     archive.State
	Attempt   int
	HeldUntil int64
}

// row returns the latest one.
func (s *shelf) row(t *testing.T) (row copyRow) {
	t.Helper()
	err := s.db.Query(t.Context(), &row, `
		SELECT id, state, attempt, held_until FROM archive_copies ORDER BY created_at DESC, id DESC LIMIT 1`)
	if err != nil {
		t.Fatal(err)
	}
	return row
}
