package diskstore_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"risingstars/platform/storage"
)

const expiryKey = "uploads/old.mp4"

// setAge sets the age of the upload's folder and of its files.
func setAge(t *testing.T, root, id string, age time.Duration) {
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

func uploadExists(root, id string) bool {
	_, err := os.Stat(filepath.Join(root, ".direct", id))
	return err == nil
}

// begin begins an upload of expiryKey.
func begin(t *testing.T, b *storage.Bucket) (id string) {
	t.Helper()
	id, err := b.BeginDirect(t.Context(), expiryKey, "", 0)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestExpiredDirectUploadsAreRemoved(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	store := open(t, root)
	b := bucket(t, store)
	inProgress, completed, keyless := begin(t, b), begin(t, b), begin(t, b)
	parts := []storage.Part{putPart(t, handler(store), b, expiryKey, completed, "content")}
	if _, err := b.CompleteDirect(t.Context(), expiryKey, completed, parts); err != nil {
		t.Fatal(err)
	}
	// A crash after the folder was created and before its key was written leaves this state.
	if err := os.Remove(filepath.Join(root, ".direct", keyless, "key")); err != nil {
		t.Fatal(err)
	}
	begin(t, bucket(t, open(t, root)))
	if _, err := b.CompleteDirect(t.Context(), expiryKey, completed, parts); err != nil {
		t.Errorf("a completed upload expired at once: %v", err)
	}

	for _, c := range []struct {
		age                                        time.Duration
		wantInProgress, wantCompleted, wantKeyless bool
	}{
		{50 * time.Minute, true, true, true},
		{61 * time.Minute, true, true, false},
		{23 * time.Hour, true, true, false},
		{25 * time.Hour, true, false, false},
		{(7*24 - 1) * time.Hour, true, false, false},
		{(7*24 + 1) * time.Hour, false, false, false},
	} {
		for _, id := range []string{inProgress, completed, keyless} {
			if uploadExists(root, id) {
				setAge(t, root, id, c.age)
			}
		}
		begin(t, bucket(t, open(t, root))) // another process
		for _, u := range []struct {
			id, state string
			want      bool
		}{
			{inProgress, "in progress", c.wantInProgress},
			{completed, "completed", c.wantCompleted},
			{keyless, "without a key", c.wantKeyless},
		} {
			if exists := uploadExists(root, u.id); exists != u.want {
				t.Errorf("after %s, the upload %s exists: %v, want %v", c.age, u.state, exists, u.want)
			}
		}
	}
}

// A process looks for expired uploads once an hour, not each time that an upload begins.
func TestExpiredUploadsAreSearchedOncePerHour(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	b := bucket(t, open(t, root))
	old := begin(t, b)
	setAge(t, root, old, 30*24*time.Hour)
	begin(t, b)
	if !uploadExists(root, old) {
		t.Error("the second upload within an hour removed an expired one")
	}
	begin(t, bucket(t, open(t, root)))
	if uploadExists(root, old) {
		t.Error("the first upload of another process did not remove the expired one")
	}
}
