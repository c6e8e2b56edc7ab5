package app

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"risingstars/config"
	"risingstars/modules/identity"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

// Notes in storage do again what a restored database does not know of. One that cannot be read keeps nobody else's from
// being read, and what is not a note stays.
func TestNotesDoAgainWhatABackupHasUndone(t *testing.T) {
	t.Parallel()
	ctx, root := t.Context(), t.TempDir()
	db := databasetest.Open(t, identity.Migrations())
	files, err := diskstore.Open(diskstore.Options{Root: root, Secret: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = files.Close() })
	bucket, now := storage.New(files, storage.Options{}), time.Now()
	accounts := accountsIn(db, &config.Config{}, slog.New(slog.DiscardHandler))
	ids := map[string]string{}
	var users []identity.User
	for _, name := range []string{"gone", "back", "old", "unread", "other"} {
		ids[name] = uuid.Must(uuid.NewV7()).String()
		users = append(users, identity.User{
			ID: ids[name], Email: name + "@example.com", FirstName: name, CreatedAt: now,
		})
	}
	if err := accounts.Seed(ctx, users); err != nil {
		t.Fatal(err)
	}
	by := identity.Actor{ID: identity.Console, Reason: "A test."}
	if removed, err := accounts.Remove(ctx, by, ids["back"], false); err != nil || !removed {
		t.Fatal(removed, err)
	}
	for id, note := range map[string]departedNote{
		ids["gone"]:       {LeftAt: now.Add(-time.Hour)},
		ids["back"]:       {LeftAt: now.Add(-time.Hour), ReturnedAt: now.Add(time.Hour)},
		ids["old"]:        {LeftAt: now.Add(-time.Hour)},
		"noid":            {LeftAt: now.Add(-time.Hour)},
		uuid.Nil.String(): {LeftAt: now.Add(-time.Hour)}, // of somebody who is erased
	} {
		if err := noteDeparted(ctx, bucket, id, note); err != nil {
			t.Fatal(err)
		}
	}
	unread, past := filepath.Join(root, departedKey(ids["unread"])), now.Add(-departedLife-time.Hour)
	if err := os.WriteFile(unread, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(filepath.Join(root, departedKey(ids["old"])), past, past); err != nil {
		t.Fatal(err)
	}
	for _, want := range [][2]int{{1, 1}, {0, 0}} {
		gone, back, err := departAgain(ctx, bucket, accounts)
		if got := [2]int{gone, back}; got != want || err == nil {
			t.Errorf("deleted again and brought back are %v, want %v; what cannot be read: %v", got, want, err)
		}
	}
	var open []string
	for name, id := range ids {
		if _, err := accounts.Account(ctx, id); err == nil {
			open = append(open, name)
		}
	}
	slices.Sort(open)
	if want := []string{"back", "old", "other", "unread"}; !slices.Equal(open, want) {
		t.Errorf("the accounts %q are there, want %q", open, want)
	}
	left, err := os.ReadDir(filepath.Join(root, departedPrefix))
	if err != nil || len(left) != 5 || slices.ContainsFunc(left, func(e os.DirEntry) bool {
		return e.Name() == ids["old"]+".json"
	}) {
		t.Errorf("the notes are %v, %v", left, err)
	}
}
