package archive_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/archive"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/disk"
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

// Of those who ask at once one copy is made; it has all there is, is told of by one letter, and goes in time.
func TestACopyIsMadeOnceAndKeptForAWhile(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners(), func(t *testing.T, db *database.DB) {
		s := open(t, db, archive.Options{})
		if c, err := s.Module.Of(t.Context(), s.userID); err != nil || c.State != archive.None {
			t.Errorf("before, the copy is %+v, %v", c, err)
		}
		release := make(chan struct{})
		s.answer(func(ctx context.Context) (archive.Person, bool, error) {
			<-release
			return ana(ctx)
		})
		ids := make([]string, 6)
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() { ids[i] = s.ask(t).ID })
		}
		group.Wait()
		if slices.Sort(ids); ids[0] != ids[5] || ids[0] == "" {
			t.Errorf("clicks at once give the copies %q", ids)
		}
		if c := s.await(t, archive.Making); !c.Pending() || c.ID != ids[0] {
			t.Errorf("the copy is %+v", c)
		}
		if address, _, err := s.Link(t.Context(), s.ask(t)); err != nil || address != "" {
			t.Errorf("what is not ready has the link %q, %v", address, err)
		}
		close(release)
		c := s.await(t, archive.Ready)
		got := s.read(t, c.ID)
		if got["videos/1/original.mp4"] != "clip!" || !strings.Contains(got["account.json"], `"first_name": "Ana"`) ||
			!strings.Contains(got["missing.json"], "videos/1/poster.jpg") || got["votes.json"] != "[]\n" ||
			!strings.Contains(got["README.txt"], "Consentimientos:") ||
			!strings.Contains(got["README.txt"], "Consents:") || len(got) != 5 {
			t.Errorf("the zip file has %q", got)
		}
		address, until, err := s.Link(t.Context(), c)
		if time.Until(until) > 10*time.Minute {
			t.Errorf("the link lives until %s", until)
		}
		if err != nil || !strings.Contains(address, "signature=") || c.Bytes < 200 {
			t.Errorf("the link is %q, %v; the copy is %+v", address, err, c)
		}
		if d := time.Until(c.ExpiresAt) - archive.Life; d > 0 || d < -time.Hour {
			t.Errorf("it expires at %s", c.ExpiresAt)
		}
		if len(s.letters) != 1 || s.letters[0].To != "ana@example.com" || s.letters[0].Page != "/me/data" {
			t.Errorf("the letters are %+v", s.letters)
		}
		if again := s.ask(t); again.ID != c.ID || again.State != archive.Ready {
			t.Errorf("who asks again soon gets %+v", again)
		}
		// The next one, which is made an hour later, replaces it.
		s.exec(t, `UPDATE archive_copies SET created_at = created_at - 3601000000`)
		next := s.ask(t)
		for s.await(t, archive.Ready).ID != next.ID {
			time.Sleep(20 * time.Millisecond)
		}
		s.exec(t, `UPDATE archive_copies SET expires_at = 1`)
		if c, err := s.Module.Of(t.Context(), s.userID); err != nil || c.State != archive.None {
			t.Errorf("what has expired is %+v, %v", c, err)
		}
		s.gone(t)
	})
}

// A lost task, a worker that vanished, and a full disk only delay a copy.
func TestACopyIsGoneOnWith(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners(), func(t *testing.T, db *database.DB) {
		s := open(t, db, archive.Options{ResendAfter: time.Millisecond})
		insert := func(state string, held int) {
			s.exec(t, `DELETE FROM archive_copies`)
			_, err := db.Exec(t.Context(), `
				INSERT INTO archive_copies (id, user_id, state, attempt, held_until, created_at)
				VALUES (?, ?, ?, 1, ?, 1)`, uuid.NewString(), s.userID, state, held)
			if err != nil {
				t.Fatal(err)
			}
			s.await(t, archive.Ready)
		}
		insert("waiting", 0)
		insert("making", 1)
		if n := len(s.letters); n != 2 {
			t.Errorf("%d letters", n)
		}
	})
}

// The task of a copy waits for the worker that has it, and that may vanish, although nobody sends the task again.
func TestATaskOutlivesTheWorkerThatHasTheCopy(t *testing.T) {
	t.Parallel()
	s := open(t, databasetest.Open(t, owners()...), archive.Options{ResendAfter: time.Hour})
	id, now := uuid.NewString(), time.Now().UnixMicro()
	_, err := s.db.Exec(t.Context(), `
		INSERT INTO archive_copies (id, user_id, state, attempt, held_until, sent_at, created_at)
		VALUES (?, ?, 'making', 1, ?, ?, ?)`, id, s.userID, now+time.Hour.Microseconds(), now, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.queue.Enqueue(t.Context(), queue.Task{Kind: "archive.make", ID: id}); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		stats, err := s.queue.Stats(t.Context())
		if err != nil || stats.Delayed == 1 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("the queue has %+v", stats)
		}
	}
	s.exec(t, `UPDATE archive_copies SET held_until = 1`)
	s.await(t, archive.Ready)
}

// Old files that no row names are deleted, as after a restored backup; what has another name is somebody else's.
func TestStrayCopiesAreDeleted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, archive.Prefix), 0o700); err != nil {
		t.Fatal(err)
	}
	old := func(name string) string {
		file := filepath.Join(root, archive.Prefix, name)
		day := time.Now().Add(-25 * time.Hour)
		if err := errors.Join(os.WriteFile(file, []byte("PK"), 0o600), os.Chtimes(file, day, day)); err != nil {
			t.Fatal(err)
		}
		return archive.Prefix + "/" + name
	}
	stray, foreign := old(uuid.NewString()+".zip"), []string{old("holiday.zip"), old(uuid.NewString() + ".mp4")}
	s := openAt(t, databasetest.Open(t, owners()...), archive.Options{}, root)
	slices.Sort(foreign)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		keys := s.keys(t)
		if slices.Sort(keys); slices.Equal(keys, foreign) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is a stray, and %q are left", stray, keys)
		}
	}
}

// What fails again and again is told; who is gone, or goes meanwhile, leaves nothing.
func TestACopyFailsOrIsForgotten(t *testing.T) {
	t.Parallel()
	s := open(t, databasetest.Open(t, owners()...), archive.Options{ResendAfter: 100 * time.Millisecond})
	s.answer(func(context.Context) (archive.Person, bool, error) { return archive.Person{}, false, nil })
	s.ask(t)
	s.await(t, archive.None)
	s.gone(t)

	s.answer(func(context.Context) (archive.Person, bool, error) {
		return archive.Person{}, false, errors.New("as it is told to")
	})
	s.ask(t)
	s.exec(t, `UPDATE archive_copies SET attempt = 6`)
	s.await(t, archive.Failed)

	s.answer(func(context.Context) (archive.Person, bool, error) {
		return archive.Person{}, false, disk.ErrFull
	})
	c := s.ask(t)
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end) && s.await(t, archive.Waiting).ID != c.ID; {
		time.Sleep(20 * time.Millisecond)
	}
	if _, err := s.Forget(t.Context(), s.userID); err != nil { // a worker may be at it
		t.Error(err)
	}
	s.gone(t)

	began, release := make(chan struct{}), make(chan struct{})
	s.answer(func(ctx context.Context) (archive.Person, bool, error) {
		close(began)
		<-release
		return ana(ctx)
	})
	s.ask(t)
	<-began
	if gone, err := s.Forget(t.Context(), s.userID); err != nil || gone {
		t.Errorf("what is being made is forgotten already: %v, %v", gone, err)
	}
	close(release)
	s.gone(t) // also what is written although nobody wants it any more
	if len(s.letters) > 0 {
		t.Errorf("letters are sent: %+v", s.letters)
	}
}
