package media

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"risingstars/assets"
	"risingstars/infra/cliptest"
	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/disk"
	"risingstars/platform/disk/disktest"
	"risingstars/platform/storage"
)

const mib = 1 << 20

// smallStudio has files and work on one file system of 128 MiB, of which 32 MiB are the reserve.
func smallStudio(t *testing.T) (s *studio, dir string) {
	t.Helper()
	dir = disktest.Mount(t, 128*mib)
	root, work := filepath.Join(dir, "files"), filepath.Join(dir, "work")
	disks := disk.New(disk.Options{Reserve: 32 * mib, Largest: largest})
	for _, path := range []string{root, work} {
		if _, err := disks.Add(filepath.Base(path), path); err != nil {
			t.Fatal(err)
		}
	}
	return setupIn(t, databasetest.Open(t, owners...), root, work, disks), dir
}

func wantFull(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, disk.ErrFull) {
		t.Errorf("%s: %v, want ErrFull", what, err)
	}
}

func TestUploadsAreRefusedAtTheReserveAndLeaveNothing(t *testing.T) {
	t.Parallel()
	s, dir := smallStudio(t)
	filler := disktest.FillTo(t, dir, 33*mib)
	content := append(notReallyAVideo(), make([]byte, 2*mib)...)
	for name, size := range map[string]int64{"announced": 2 * mib, "of unknown length": largest} {
		_, err := s.receive(t.Context(), newReader(content), size)
		wantFull(t, name, err)
	}
	_, err := s.direct.begin(t.Context(), "ana", "", details{Title: "Song"}, ffmpeg.Containers()[0], 2*mib)
	wantFull(t, "a direct upload", err)
	s.wantFiles(t)
	s.wantOrphans(t, 0)
	if _, err := s.receive(t.Context(), newReader(notReallyAVideo()), mib/2); err != nil {
		t.Errorf("what fits: %v", err)
	}

	disktest.FillTo(t, dir, 31*mib)
	_, err = s.receive(t.Context(), newReader(notReallyAVideo()), 1)
	wantFull(t, "below the reserve", err)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if _, err := s.receive(t.Context(), newReader(content), 2*mib); err != nil {
		t.Errorf("after a deletion: %v", err)
	}
}

// A video that was accepted is processed although no new one is, out of the upper half of the reserve. Below that its
// task waits, and the wait is no attempt.
func TestAJobWaitsForSpace(t *testing.T) {
	t.Parallel()
	s, dir := smallStudio(t)
	v := s.upload(t, clip(t, "1"))
	filler := disktest.FillTo(t, dir, 60*mib)
	if err := s.deliver(t.Context(), v); err == nil || !strings.HasPrefix(err.Error(), "again in ") {
		t.Fatalf("the delivery returns %v", err)
	}
	if row := s.read(t, v.ID); row.Status != string(Uploaded) || row.Attempt != 0 {
		t.Fatalf("%+v", row)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	disktest.FillTo(t, dir, 90*mib)
	if err := s.deliver(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if row := s.read(t, v.ID); row.Status != string(Processed) {
		t.Fatalf("%+v", row)
	}
}

// When the disk fills up in the middle of a job, the contestant is not to blame, and the job starts again.
func TestAJobOnAFullDiskStartsAgain(t *testing.T) {
	t.Parallel()
	s, dir := smallStudio(t)
	usual := s.processor
	fills, err := NewProcessor(ProcessorOptions{
		FFmpeg: "testdata/full/ffmpeg", Branding: assets.Branding(), CacheDir: cliptest.Bumpers(),
	})
	if err != nil {
		t.Fatal(err)
	}
	s.processor = fills
	v, other := s.upload(t, clip(t, "1")), s.upload(t, notReallyAVideo())
	if err := s.deliver(t.Context(), v); err == nil || !strings.Contains(err.Error(), "again in ") {
		t.Fatalf("the delivery returns %v", err)
	}
	if row := s.read(t, v.ID); row.Status != string(Uploaded) || row.LeaseUntil != 0 || row.FailureCode != "" {
		t.Fatalf("%+v", row)
	}
	if left := disktest.Files(t, filepath.Join(dir, "work")); strings.Contains(strings.Join(left, " "), "clip") {
		t.Errorf("the job left %q", left)
	}
	if err := s.Delete(t.Context(), "ana", other.ID); err != nil {
		t.Errorf("delete: %v", err)
	}
	s.processor = usual
	if err := s.deliver(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if row := s.read(t, v.ID); row.Status != string(Processed) || len(s.board.entries()) != 1 {
		t.Fatalf("%+v", row)
	}
}

// elsewhere is a store whose objects are not files here, as S3.
type elsewhere struct{ storage.Driver }

// An original that is not on this machine needs room of its own while it is processed, and leaves nothing.
func TestAnOriginalElsewhereNeedsRoomToo(t *testing.T) {
	t.Parallel()
	s, dir := smallStudio(t)
	const size = 3 * mib
	v := s.upload(t, append(clip(t, "1"), make([]byte, size)...))
	s.bucket = storage.New(elsewhere{s.files}, storage.Options{})
	need, local := s.need(v.OriginalSize, true), s.need(v.OriginalSize, false)
	if need < local+size {
		t.Fatalf("%d bytes are needed, and %d with a local original", need, local)
	}
	filler := disktest.FillTo(t, dir, 16*mib+(need+local)/2) // half of the reserve is 16 MiB
	if err := s.deliver(t.Context(), v); err == nil || !strings.HasPrefix(err.Error(), "again in ") {
		t.Fatalf("the delivery returns %v", err)
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	if err := s.deliver(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if row := s.read(t, v.ID); row.Status != string(Processed) {
		t.Fatalf("%+v", row)
	}
	for _, left := range disktest.Files(t, filepath.Join(dir, "work")) {
		if strings.Contains(left, "job-") {
			t.Errorf("the job left %s", left)
		}
	}
}
