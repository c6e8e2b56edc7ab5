package diskstore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"risingstars/platform/storage"
)

// aged makes the upload's folder and its files so old.
func aged(t *testing.T, root, id string, age time.Duration) {
	t.Helper()
	folder := filepath.Join(root, ".direct", id)
	files, err := filepath.Glob(filepath.Join(folder, "*"))
	if err != nil {
		t.Fatal(err)
	}
	then := time.Now().Add(-age)
	for _, file := range append(files, folder) {
		if err := os.Chtimes(file, then, then); err != nil {
			t.Fatal(err)
		}
	}
}

func uploadLeft(root, id string) bool {
	_, err := os.Stat(filepath.Join(root, ".direct", id))
	return err == nil
}

func TestDirectUploadsAreForgotten(t *testing.T) {
	t.Parallel()
	const key = "uploads/old.mp4"
	root := t.TempDir()
	store := open(t, root)
	b := bucket(t, store)
	begin := func(b *storage.Bucket) string {
		id, err := b.BeginDirect(t.Context(), key, "")
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	under, done, broken := begin(b), begin(b), begin(b)
	parts := []storage.Part{putPart(t, handler(store), b, key, done, "content")}
	if _, err := b.CompleteDirect(t.Context(), key, done, parts); err != nil {
		t.Fatal(err)
	}
	// As a crash leaves it between the folder and its file.
	if err := os.Remove(filepath.Join(root, ".direct", broken, "key")); err != nil {
		t.Fatal(err)
	}
	begin(bucket(t, open(t, root)))
	if _, err := b.CompleteDirect(t.Context(), key, done, parts); err != nil {
		t.Errorf("forgotten at once: %v", err)
	}

	for _, c := range []struct {
		age                             time.Duration
		underLeft, doneLeft, brokenLeft bool
	}{
		{50 * time.Minute, true, true, true},
		{61 * time.Minute, true, true, false},
		{23 * time.Hour, true, true, false},
		{25 * time.Hour, true, false, false},
		{(7*24 - 1) * time.Hour, true, false, false},
		{(7*24 + 1) * time.Hour, false, false, false},
	} {
		for _, id := range []string{under, done, broken} {
			if uploadLeft(root, id) {
				aged(t, root, id, c.age)
			}
		}
		begin(bucket(t, open(t, root))) // another process
		for id, want := range map[string]bool{under: c.underLeft, done: c.doneLeft, broken: c.brokenLeft} {
			if left := uploadLeft(root, id); left != want {
				t.Errorf("after %s: of open %s, completed %s, broken %s the upload %s is left: %v, want %v", c.age, under, done, broken, id, left, want)
			}
		}
	}
}

// A process looks through all uploads once an hour only, not for everyone who begins one.
func TestOldUploadsAreLookedForOnceInAWhile(t *testing.T) {
	t.Parallel()
	const key = "uploads/old.mp4"
	root := t.TempDir()
	b := bucket(t, open(t, root))
	begin := func(b *storage.Bucket) string {
		id, err := b.BeginDirect(t.Context(), key, "")
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	old := begin(b)
	aged(t, root, old, 30*24*time.Hour)
	begin(b)
	if !uploadLeft(root, old) {
		t.Error("the second upload of an hour looked through all of them")
	}
	begin(bucket(t, open(t, root)))
	if uploadLeft(root, old) {
		t.Error("the first upload of another process did not")
	}
}
