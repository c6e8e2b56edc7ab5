package media

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/assets"
	"risingstars/infra/cliptest"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/disk"
	"risingstars/platform/limit"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
	"risingstars/platform/scratch"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

func TestMain(m *testing.M) {
	for name, value := range map[string]string{ // for SQS, whose test server accepts any
		"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_EC2_METADATA_DISABLED": "true",
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(cliptest.Run(m))
}

// largest is the most bytes of an upload, in bytes.
const largest = 4 << 20

// studio is the module on a real database, queue, disk and ffmpeg.
type studio struct {
	*Module
	db    *database.DB
	root  string // of storage
	files *diskstore.Store
	board *board

	driver queue.Driver
}

// sharedProcessor serves all studios, because starting one takes long.
var sharedProcessor = sync.OnceValues(func() (*Processor, error) {
	return NewProcessor(ProcessorOptions{Branding: assets.Branding(), CacheDir: cliptest.Bumpers()})
})

var owners = []database.Migrations{dbqueue.Migrations(), Migrations()}

func setup(t *testing.T) *studio {
	t.Helper()
	return setupOn(t, databasetest.Open(t, owners...))
}

// each runs the test on every database.
func each(t *testing.T, test func(t *testing.T, s *studio)) {
	t.Helper()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) { test(t, setupOn(t, db)) })
}

func setupOn(t *testing.T, db *database.DB) *studio {
	t.Helper()
	return setupIn(t, db, t.TempDir(), t.TempDir(), nil)
}

// setupIn puts files and work in the two folders, whose volumes disks has.
func setupIn(t *testing.T, db *database.DB, root, work string, disks *disk.Disks) *studio {
	t.Helper()
	s := &studio{db: db, root: root, board: &board{}}
	var volume *disk.Volume
	if volumes := disks.Volumes(); len(volumes) > 0 {
		volume = volumes[0]
	}
	files, err := diskstore.Open(diskstore.Options{Root: s.root, Secret: make([]byte, 32), Volume: volume})
	if err != nil {
		t.Fatal(err)
	}
	s.files = files
	area, err := scratch.Open(work)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(area.Close(), files.Close()); err != nil {
			t.Error(err)
		}
	})
	bucket := storage.New(files, storage.Options{})
	processor, err := sharedProcessor()
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	s.driver = dbqueue.New(s.db, dbqueue.Options{})
	s.Module = New(Deps{
		DB: s.db, Bucket: bucket, Queue: queue.New(s.driver, queue.Options{Logger: log}),
		Gallery: s.board, People: s.board, Limits: limit.New(limit.Options{}), Processor: processor, Scratch: area,
		Logger: log, Disks: disks,
		Options: Options{MaxUploadBytes: largest, Rules: Rules{NoSmall: true}}, // the small one takes time
	})
	return s
}

// upload stores content as ana's video and queues it. No worker serves the queue.
func (s *studio) upload(t *testing.T, content []byte) Video {
	t.Helper()
	o, err := s.receive(t.Context(), newReader(content), largest)
	if err != nil {
		t.Fatal(err)
	}
	v, err := s.accept(t.Context(), "ana", o, details{Title: "Mi canción"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (s *studio) deliver(ctx context.Context, v Video) error {
	return s.process(ctx, queue.Delivery{Task: queue.Task{Kind: processKind, ID: v.ID}, Attempt: 1, MaxAttempts: 3})
}

// jobOf returns the job of a claimed video.
func (s *studio) jobOf(v Video) *job { return s.newJob(v, videoClaim{s.store, v}) }

func (s *studio) read(t *testing.T, id string) videoRow {
	t.Helper()
	row, err := s.store.row(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return row
}

// set changes columns of a video directly.
func (s *studio) set(t *testing.T, id, assignment string, args ...any) {
	t.Helper()
	rows, err := s.db.Exec(t.Context(), `UPDATE media_videos SET `+assignment+` WHERE id = ?`, append(args, id)...)
	if err != nil || rows != 1 {
		t.Fatalf("set %s: %d rows, %v", assignment, rows, err)
	}
}

// exec runs a statement directly.
func (s *studio) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	if _, err := s.db.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// wantFiles fails the test unless storage holds exactly the keys.
func (s *studio) wantFiles(t *testing.T, keys ...string) {
	t.Helper()
	var found []string
	err := filepath.WalkDir(s.root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			if err == nil && entry.Name() == ".scratch" {
				return filepath.SkipDir
			}
			return err
		}
		key, err := filepath.Rel(s.root, path)
		if strings.HasPrefix(key, ".direct/") && !strings.HasPrefix(entry.Name(), "part-") {
			return err // the store's notes about an upload
		}
		found = append(found, key)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(keys)
	slices.Sort(found)
	if !slices.Equal(found, keys) {
		t.Fatalf("storage holds %q, want %q", found, keys)
	}
}

// wantOrphans fails the test unless exactly that many files are listed as orphans.
func (s *studio) wantOrphans(t *testing.T, want int) {
	t.Helper()
	var files []struct {
		StorageKey string
		Deleting   bool
	}
	err := s.db.Query(t.Context(), &files, `SELECT storage_key, deleting FROM media_unclaimed_files`)
	if err != nil || len(files) != want {
		t.Fatalf("the orphans are %+v (%v), want %d", files, err, want)
	}
}

// pass lets the database's clock go on by d, or back: it moves every time in the tables the other way. Nothing else
// shows the difference, unless some time comes from the clock of a process.
func (s *studio) pass(t *testing.T, d time.Duration) {
	t.Helper()
	for table, columns := range map[string][]string{
		"media_videos":          {"lease_until", "sent_at", "failed_at", "uploaded_at", "processed_at"},
		"media_unclaimed_files": {"delete_after"},
		"media_direct_uploads":  {"expires_at", "retry_at"},
		"media_turns":           {"served_at"},
		"media_owners":          {"day_began"},
		"media_rebrands":        {"lease_until", "sent_at"},
		"media_rounds":          {"lease_until", "began_at", "completed_at"},
	} {
		for _, column := range columns {
			_, err := s.db.Exec(t.Context(), fmt.Sprintf(`UPDATE %s SET %s = %[2]s - ? WHERE %[2]s > ?`, table, column),
				d.Microseconds(), max(0, d.Microseconds()))
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// now returns the time by the database's clock.
func (s *studio) now(t *testing.T) time.Time {
	t.Helper()
	now, err := s.db.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return now
}

// sweepOnce runs every part of a sweep once.
func (s *studio) sweepOnce(ctx context.Context) error {
	var errs []error
	for _, part := range s.sweeps() {
		errs = append(errs, part(ctx))
	}
	return errors.Join(errs...)
}

func (s *studio) sweep(t *testing.T) {
	t.Helper()
	if err := s.sweepOnce(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// queued returns the number of waiting tasks.
func (s *studio) queued(t *testing.T) int {
	t.Helper()
	stats, err := s.queue.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stats.Ready
}

func (s *studio) eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// board stands in for the modules behind the ports. It records what is published.
type board struct {
	mu        sync.Mutex
	published []Entry
	refuse    error // returned by Publish
	votes     bool  // every entry has votes
	missing   map[string]bool
	gone      error // returned by Present
}

func (b *board) Publish(_ context.Context, e Entry) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.refuse == nil {
		b.published = append(b.published, e)
		delete(b.missing, e.VideoID)
	}
	return b.refuse
}

func (b *board) MarkMissing(_ context.Context, videoID string, missing bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.missing == nil {
		b.missing = map[string]bool{}
	}
	b.missing[videoID] = missing
	return nil
}

func (b *board) Withdraw(context.Context, string) (bool, error) { return !b.votes, nil }

func (b *board) Tallies(context.Context, []string) (map[string]int, error) { return nil, nil }

func (b *board) Profile(context.Context, string) (Profile, error) {
	return Profile{PlayerName: "Ana", City: "Bogotá", Country: "Colombia"}, nil
}

func (b *board) Present(context.Context, string) error { return b.gone }

func (b *board) entries() []Entry {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.published)
}

// clip returns a clip of that many seconds.
func clip(t *testing.T, seconds string) []byte {
	t.Helper()
	content, err := os.ReadFile(cliptest.Make(t, "clip.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30",
		"-t", seconds, "-c:v", "libx264", "-preset", "ultrafast", "-crf", "40", "-pix_fmt", "yuv420p"))
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// notReallyAVideo returns the head of an MP4 with nothing after it.
func notReallyAVideo() []byte {
	return append([]byte("\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isommp42"), make([]byte, 4000)...)
}
