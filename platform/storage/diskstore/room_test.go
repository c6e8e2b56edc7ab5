package diskstore_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"risingstars/platform/disk"
	"risingstars/platform/disk/disktest"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

const mib = 1 << 20

// small is a store on a file system of 64 MiB, of which 16 MiB are the reserve.
type small struct {
	*storage.Bucket
	root   string
	store  *diskstore.Store
	volume *disk.Volume
}

func openSmall(t *testing.T, root string) small {
	t.Helper()
	volume, err := disk.New(disk.Options{Reserve: 16 * mib}).Add("files", root)
	if err != nil {
		t.Fatal(err)
	}
	store, err := diskstore.Open(diskstore.Options{
		Root: root, PublicPrefixes: []string{"processed/"}, Secret: secret(), Volume: volume,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return small{bucket(t, store), root, store, volume}
}

// announce puts an object whose size is announced. The content is size zeros.
func (s small) announce(t *testing.T, key string, size int64) error {
	t.Helper()
	_, err := s.Put(t.Context(), key, io.LimitReader(zeros{}, size), storage.PutOptions{Announced: size})
	return err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (s small) begin(t *testing.T, key string, size int64) (id string, err error) {
	t.Helper()
	return s.BeginDirect(t.Context(), key, "", size)
}

// part sends a part of size zeros and returns the status of the answer; 507 is that of disk.ErrFull.
func (s small) part(t *testing.T, key, id string, number int, size int64) int {
	t.Helper()
	target, err := s.PresignPart(t.Context(), key, id, number, size, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPut, target, bytes.NewReader(make([]byte, size)))
	w := httptest.NewRecorder()
	if err := s.store.Serve(w, r); errors.Is(err, disk.ErrFull) {
		return http.StatusInsufficientStorage
	} else if err != nil {
		t.Fatal(err)
	}
	return w.Code
}

func (s small) wantNothingInFlight(t *testing.T) {
	t.Helper()
	if files := inFlight(t, s.root); len(files) != 0 {
		t.Errorf("left in flight: %q", files)
	}
	if state, err := s.volume.State(); err != nil || state.Claimed != 0 {
		t.Errorf("still claimed: %+v (%v)", state, err)
	}
}

func wantFull(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, disk.ErrFull) {
		t.Errorf("%s: %v, want ErrFull", what, err)
	}
}

type mustNotRead struct{ t *testing.T }

func (r mustNotRead) Read([]byte) (int, error) {
	r.t.Error("a byte of an upload without room is read")
	return 0, io.EOF
}

func TestAnUploadThatDoesNotFitIsRefusedBeforeItsFirstByte(t *testing.T) {
	t.Parallel()
	s := openSmall(t, disktest.Mount(t, 64*mib))
	_, err := s.Put(t.Context(), "uploads/a.mp4", mustNotRead{t}, storage.PutOptions{Announced: 49 * mib})
	wantFull(t, "49 MiB", err)
	s.wantNothingInFlight(t)
	if err := s.announce(t, "uploads/a.mp4", 40*mib); err != nil {
		t.Errorf("40 MiB: %v", err)
	}
	s.wantNothingInFlight(t)
}

// The space of an upload in flight is taken on the disk itself, so that another process does not promise it again.
func TestUploadsInFlightCountInEveryProcess(t *testing.T) {
	t.Parallel()
	root := disktest.Mount(t, 64*mib)
	one, two := openSmall(t, root), openSmall(t, root)
	r, w := io.Pipe()
	done := make(chan error)
	go func() {
		_, err := one.Put(t.Context(), "uploads/a.mp4", r, storage.PutOptions{Announced: 30 * mib})
		done <- err
	}()
	if _, err := w.Write([]byte("the first bytes")); err != nil { // and so its space is claimed
		t.Fatal(err)
	}
	wantFull(t, "another process", two.announce(t, "uploads/b.mp4", 20*mib))
	gone := errors.New("the client is gone")
	w.CloseWithError(gone)
	if err := <-done; !errors.Is(err, gone) {
		t.Fatal(err)
	}
	one.wantNothingInFlight(t)
	if err := two.announce(t, "uploads/b.mp4", 20*mib); err != nil {
		t.Errorf("once it has ended: %v", err)
	}
}

func TestAnObjectTakesNoMoreThanItsSize(t *testing.T) {
	t.Parallel()
	s := openSmall(t, disktest.Mount(t, 64*mib))
	before := disktest.Free(t, s.root)
	if _, err := s.Put(t.Context(), "uploads/a.mp4", strings.NewReader("little"),
		storage.PutOptions{Announced: 30 * mib}); err != nil {
		t.Fatal(err)
	}
	if taken := before - disktest.Free(t, s.root); taken > mib {
		t.Errorf("an object of 6 bytes that was announced with 30 MiB takes %d", taken)
	}
}

// An announced direct upload keeps its space until it ends: what has arrived is on the disk, the rest is promised.
func TestDirectUploadsKeepTheirAnnouncedSpace(t *testing.T) {
	t.Parallel()
	const key = "uploads/a.mp4"
	root := disktest.Mount(t, 64*mib)
	one, two := openSmall(t, root), openSmall(t, root)
	id, err := one.begin(t, key, 30*mib)
	if err != nil {
		t.Fatal(err)
	}
	wantRefused := func(when string) {
		t.Helper()
		wantFull(t, when, two.announce(t, "uploads/b.mp4", 20*mib))
		_, err := two.begin(t, "uploads/b.mp4", 20*mib)
		wantFull(t, when, err)
	}
	wantRefused("nothing has arrived")
	if status := one.part(t, key, id, 1, 10*mib); status != http.StatusOK {
		t.Fatalf("the first part is answered with %d", status)
	}
	wantRefused("a part has arrived")
	if err := two.announce(t, "uploads/c.mp4", 17*mib); err != nil {
		t.Errorf("what fits beside it: %v", err)
	}
	if err := one.AbortDirect(t.Context(), key, id); err != nil {
		t.Fatal(err)
	}
	if _, err := one.begin(t, key, 49*mib); !errors.Is(err, disk.ErrFull) {
		t.Errorf("more than the volume: %v", err)
	}
	if _, err := one.begin(t, key, 20*mib); err != nil {
		t.Errorf("once it is cancelled: %v", err)
	}
	one.wantNothingInFlight(t)
	two.wantNothingInFlight(t)
}

func TestAPromiseLapsesWhenNothingArrives(t *testing.T) {
	t.Parallel()
	const key = "uploads/a.mp4"
	s := openSmall(t, disktest.Mount(t, 64*mib))
	id, err := s.begin(t, key, 40*mib)
	if err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-61 * time.Minute)
	if err := os.Chtimes(filepath.Join(s.root, ".direct", id), old, old); err != nil {
		t.Fatal(err)
	}
	if err := s.announce(t, "uploads/b.mp4", 20*mib); err != nil {
		t.Errorf("an hour later: %v", err)
	}
	if status := s.part(t, key, id, 1, 5*mib); status != http.StatusOK {
		t.Errorf("a late part is answered with %d", status)
	}
	wantFull(t, "since the upload goes on", s.announce(t, "uploads/c.mp4", 5*mib))
}

// Parts that are promised arrive although nothing new is accepted, and the whole file may borrow what it needs until
// its parts are removed.
func TestAnAcceptedDirectUploadIsCompletedAtTheReserve(t *testing.T) {
	t.Parallel()
	const key = "uploads/a.mp4"
	s := openSmall(t, disktest.Mount(t, 64*mib))
	id, err := s.begin(t, key, 7*mib)
	if err != nil {
		t.Fatal(err)
	}
	disktest.FillTo(t, s.root, 23*mib+mib/2)
	for number, size := range []int64{5 * mib, 2 * mib} {
		if status := s.part(t, key, id, number+1, size); status != http.StatusOK {
			t.Fatalf("part %d is answered with %d", number+1, status)
		}
	}
	wantFull(t, "anything new", s.announce(t, "uploads/b.mp4", mib))
	parts, err := s.DirectParts(t.Context(), key, id)
	if err != nil {
		t.Fatal(err)
	}
	if obj, err := s.CompleteDirect(t.Context(), key, id, parts); err != nil || obj.Size != 7*mib {
		t.Errorf("the object has %d bytes (%v)", obj.Size, err)
	}
	s.wantNothingInFlight(t)
}

// Another program may fill the disk beside the reserve. What is then being written fails as full and leaves nothing,
// and deleting goes on.
func TestAWhollyFullDiskIsAFaultAndDeletingGoesOn(t *testing.T) {
	t.Parallel()
	const key = "uploads/a.mp4"
	s := openSmall(t, disktest.Mount(t, 64*mib))
	if err := s.announce(t, "uploads/old.mp4", 4*mib); err != nil {
		t.Fatal(err)
	}
	id, err := s.begin(t, key, 8*mib)
	if err != nil {
		t.Fatal(err)
	}
	disktest.Fill(t, s.root, -1)
	wantFull(t, "an announced upload", s.announce(t, "uploads/b.mp4", mib))
	_, err = s.Put(t.Context(), "processed/b.mp4", io.LimitReader(zeros{}, mib), storage.PutOptions{})
	wantFull(t, "one that may use the reserve", err)
	if status := s.part(t, key, id, 1, 8*mib); status != http.StatusInsufficientStorage {
		t.Errorf("a part is answered with %d", status)
	}
	s.wantNothingInFlight(t)
	if err := s.Delete(t.Context(), "uploads/old.mp4"); err != nil {
		t.Errorf("delete: %v", err)
	}
	if _, err := s.Put(t.Context(), "processed/b.mp4", io.LimitReader(zeros{}, mib), storage.PutOptions{}); err != nil {
		t.Errorf("after the deletion: %v", err)
	}
	if err := s.AbortDirect(t.Context(), key, id); err != nil {
		t.Errorf("abort: %v", err)
	}
}

// A rendition comes from another volume, and is copied below the reserve.
func TestPublishingGoesOnBelowTheReserve(t *testing.T) {
	t.Parallel()
	s := openSmall(t, disktest.Mount(t, 64*mib))
	disktest.FillTo(t, s.root, 4*mib)
	file := filepath.Join(t.TempDir(), "out.mp4")
	if err := os.WriteFile(file, make([]byte, mib), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutFile(t.Context(), "processed/a.mp4", file, storage.PutOptions{}); err != nil {
		t.Error(err)
	}
	wantFull(t, "an upload", s.announce(t, "uploads/b.mp4", 1))
}
