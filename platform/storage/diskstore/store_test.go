package diskstore_test

import (
	"errors"
	"io"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
	"risingstars/platform/storage/storagetest"
)

func TestConformance(t *testing.T) {
	storagetest.Run(t, func(t *testing.T) storagetest.Subject {
		store := open(t, t.TempDir())
		server := httptest.NewServer(handler(store))
		t.Cleanup(server.Close)
		return storagetest.Subject{Driver: store, Site: server.URL}
	})
}

func secret() []byte { return []byte("0123456789abcdef0123456789abcdef") }

func open(t *testing.T, root string) *diskstore.Store {
	t.Helper()
	store, err := diskstore.Open(diskstore.Options{
		Root: root, PublicPrefixes: []string{"processed/"}, Secret: secret(),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

func bucket(t *testing.T, store *diskstore.Store) *storage.Bucket {
	t.Helper()
	b := storage.New(store, storage.Options{})
	return b
}

// inFlight returns the temporary files of all uploads, of living and dead processes.
func inFlight(t *testing.T, root string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, ".scratch", "scratch-*", "[pmn]*-*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestOpenRefusesBadOptions(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string]diskstore.Options{
		"no root":                 {Secret: secret()},
		"a file as root":          {Root: file, Secret: secret()},
		"no secret":               {Root: t.TempDir()},
		"short secret":            {Root: t.TempDir(), Secret: secret()[:31]},
		"everything public":       {Root: t.TempDir(), Secret: secret(), PublicPrefixes: []string{""}},
		"prefix not a folder":     {Root: t.TempDir(), Secret: secret(), PublicPrefixes: []string{"processed"}},
		"prefix out of the store": {Root: t.TempDir(), Secret: secret(), PublicPrefixes: []string{"../"}},
	} {
		if store, err := diskstore.Open(opts); err == nil {
			store.Close()
			t.Errorf("%s: Open succeeds", name)
		}
	}
}

func TestSymbolicLinksOutOfTheStoreAreRefused(t *testing.T) {
	t.Parallel()
	root, outside := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(outside, "secret"), []byte("s"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(root, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(root, "uploads")); err != nil {
		t.Fatal(err)
	}
	b := bucket(t, open(t, root))
	for _, key := range []string{"link", "uploads/secret"} {
		if r, _, err := b.Open(t.Context(), key); err == nil {
			r.Close()
			t.Errorf("Open(%s) opens a file outside the store", key)
		}
		if path, err := b.Path(t.Context(), key); err == nil {
			t.Errorf("Path(%s) = %s", key, path)
		}
	}
	if _, err := b.Put(t.Context(), "uploads/new", strings.NewReader("x"), storage.PutOptions{}); err == nil {
		t.Error("Put writes through a link to a folder outside the store")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 1 {
		t.Errorf("the folder outside holds %v (%v), want only the secret", entries, err)
	}
	fail := func(o storage.Object) error { return errors.New("lists " + o.Key) }
	if err := b.List(t.Context(), "", fail); err != nil {
		t.Error(err)
	}
}

func TestPathIsAbsolute(t *testing.T) {
	root := t.TempDir()
	t.Chdir(filepath.Dir(root))
	b := bucket(t, open(t, filepath.Base(root)))
	if _, err := b.Put(t.Context(), "uploads/a.mp4", strings.NewReader("x"), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	path, err := b.Path(t.Context(), "uploads/a.mp4")
	if err != nil || !filepath.IsAbs(path) {
		t.Fatalf("Path = %s, %v, want an absolute path", path, err)
	}
	if content, err := os.ReadFile(path); err != nil || string(content) != "x" {
		t.Errorf("%s reads %q (%v)", path, content, err)
	}
}

func TestAFileOnTheSameFileSystemIsMoved(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := bucket(t, open(t, root))
	file := filepath.Join(root, ".scratch", "out.mp4") // in the same file system for certain
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.PutFile(t.Context(), "processed/a.mp4", file, storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(filepath.Join(root, "processed", "a.mp4"))
	if err != nil || !os.SameFile(before, after) {
		t.Errorf("the object is a copy (%v)", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the source is still there (%v)", err)
	}
}

func TestAFailedMoveLeavesTheSourceWhereItWas(t *testing.T) {
	t.Parallel()
	root, file := t.TempDir(), filepath.Join(t.TempDir(), "out.mp4")
	if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	store := open(t, root)
	b := bucket(t, store)
	// The key is a folder.
	if _, err := b.Put(t.Context(), "processed/a.mp4/below", strings.NewReader("y"), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	if obj, err := store.Move(t.Context(), "processed/a.mp4", file, ""); err == nil {
		t.Fatalf("Move replaced a folder: %+v", obj)
	}
	if content, err := os.ReadFile(file); err != nil || string(content) != "x" {
		t.Errorf("the source reads %q (%v)", content, err)
	}
	if left := inFlight(t, root); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
}

func TestAFailedPutLeavesNoScratchFile(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := bucket(t, open(t, root))
	inProgress := 0
	broken := io.MultiReader(strings.NewReader("half"), readerFunc(func([]byte) (int, error) {
		inProgress = len(inFlight(t, root))
		return 0, errors.New("broken")
	}))
	if _, err := b.Put(t.Context(), "uploads/a.mp4", broken, storage.PutOptions{}); err == nil {
		t.Fatal("Put of a broken upload succeeds")
	}
	if inProgress != 1 {
		t.Fatalf("%d scratch files during the upload, want 1", inProgress)
	}
	if left := inFlight(t, root); len(left) != 0 {
		t.Errorf("left over: %q", left)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
