package diskstore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"risingstars/platform/storage"
)

// The files about an upload appear complete, by a rename; nobody ever sees one that is still being written. Only
// inotify shows that.
func TestACrashLeavesNoPartialNotes(t *testing.T) {
	t.Parallel()
	const key = "uploads/a.mp4"
	root := t.TempDir()
	store := open(t, root)
	b := bucket(t, store)
	areas, err := filepath.Glob(filepath.Join(root, ".scratch", "scratch-*"))
	if err != nil || len(areas) != 1 {
		t.Fatalf("scratch areas %q, %v, want one", areas, err)
	}
	fromScratch := watch(t, areas[0], syscall.IN_MOVED_FROM)
	id, err := b.BeginDirect(t.Context(), key, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	if moved := fromScratch(); len(moved) != 1 {
		t.Errorf("%q left the scratch area, want one file, with the key", moved)
	}
	part := putPart(t, handler(store), b, key, id, "content")
	written := watch(t, filepath.Join(root, ".direct", id), syscall.IN_CREATE|syscall.IN_MODIFY)
	moved := watch(t, filepath.Join(root, ".direct", id), syscall.IN_MOVED_TO)
	if _, err := b.CompleteDirect(t.Context(), key, id, []storage.Part{part}); err != nil {
		t.Fatal(err)
	}
	if in, inPlace := moved(), written(); len(in) != 1 || in[0] != "done" || len(inPlace) != 0 {
		t.Errorf("moved in %q, written in place %q, want done and nothing", in, inPlace)
	}
}

// watch records events in dir; names returns the names of the files that had one since the last call.
func watch(t *testing.T, dir string, events uint32) (names func() []string) {
	t.Helper()
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(fd) })
	if _, err := syscall.InotifyAddWatch(fd, dir, events); err != nil {
		t.Fatal(err)
	}
	return func() (names []string) {
		t.Helper()
		buffer := make([]byte, 64<<10)
		n, err := syscall.Read(fd, buffer)
		if err != nil && !errors.Is(err, syscall.EAGAIN) {
			t.Fatal(err)
		}
		for rest := buffer[:max(n, 0)]; len(rest) > 0; {
			end := syscall.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(rest[12:]))
			names = append(names, string(bytes.TrimRight(rest[syscall.SizeofInotifyEvent:end], "\x00")))
			rest = rest[end:]
		}
		return names
	}
}
