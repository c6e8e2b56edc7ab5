package app

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/google/go-cmp/cmp"

	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/disk/disktest"
)

// runHere runs a command on the current folder, whose exit code must be that, and which must say so.
func runHere(t *testing.T, code int, says []string, args ...string) {
	t.Helper()
	var out, errs bytes.Buffer
	got := execute(t.Context(), args, &out, &errs)
	for _, said := range says {
		if !strings.Contains(out.String()+errs.String(), said) {
			t.Errorf("%v does not say %q", args, said)
		}
	}
	if got != code || t.Failed() {
		t.Fatalf("%v: exit code %d, want %d\n%s%s", args, got, code, &out, &errs)
	}
}

// backUpTwice makes a contest with two files, and returns its backup, and another one that is encrypted for the
// recipient.
func backUpTwice(t *testing.T, recipient age.Recipient) (plain, encrypted string) {
	t.Helper()
	t.Chdir(t.TempDir())
	prepare(t, false)
	db, err := database.Open(t.Context(), database.Options{Path: "data/showcase.db"})
	if err != nil {
		t.Fatal(err)
	}
	contest(t, db)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := auth.LoadOrCreateSecret("data/secret_key"); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("data/files/uploads", 0o700); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{"a-1.mp4": 100_000, "b-1.mp4": 10 << 20} {
		content := bytes.Repeat([]byte(name[:1]), size)
		if err := os.WriteFile(filepath.Join("data/files/uploads", name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	folder := t.TempDir()
	plain, encrypted = filepath.Join(folder, "plain.tar"), filepath.Join(folder, "encrypted.tar")
	runHere(t, 0, []string{"2 files with 10.6 MB", "copying 0 %\ncopying 10 %", "copying 100 %"}, "backup", plain)
	runHere(t, exitUsage, []string{"--recipient: "}, "backup", encrypted, "--recipient=nobody")
	runHere(t, 0, []string{", encrypted\n"}, "backup", encrypted, fmt.Sprint("--recipient=", recipient))
	return plain, encrypted
}

// A restore writes nothing before it has read the whole backup, tells how far it is, and can be run again if it is
// broken off, but not over what has been restored.
func TestARestoreLooksBeforeItWrites(t *testing.T) {
	room := disktest.Mount(t, 32<<20)
	for name, value := range map[string]string{
		"DATA_DIR": "data", "ENV_FILE": "", "DISK_RESERVE_BYTES": "1048576", "MAX_UPLOAD_BYTES": "1048576",
	} {
		t.Setenv(name, value)
	}
	var keys []string // files with identities
	var recipient age.Recipient
	for n := range 2 {
		key, err := age.GenerateX25519Identity()
		if err != nil {
			t.Fatal(err)
		}
		recipient = key.Recipient()
		keys = append(keys, filepath.Join(t.TempDir(), fmt.Sprintf("%d.txt", n)))
		if err := os.WriteFile(keys[n], []byte(key.String()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	plain, encrypted := backUpTwice(t, recipient)
	data, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(filepath.Dir(plain), "damaged.tar")
	data[bytes.Index(data, []byte("bbbbbbbb"))+5<<20] ^= 1 // in the middle of the second file
	if err := os.WriteFile(damaged, data, 0o600); err != nil {
		t.Fatal(err)
	}

	t.Chdir(room)
	filler := disktest.FillTo(t, room, 10<<20)
	refuse := func(code int, says string, args ...string) {
		t.Helper()
		before := tree(t)
		runHere(t, code, []string{says}, args...)
		if diff := cmp.Diff(before, tree(t)); diff != "" {
			t.Errorf("%v changes something (- before, + after):\n%s", args, diff)
		}
	}
	refuse(exitFailure, "files/uploads/b-1.mp4: the backup is damaged", "restore", damaged)
	refuse(exitUsage, "--identity", "restore", encrypted)
	refuse(exitFailure, "encrypted for somebody else", "restore", encrypted, "--identity="+keys[0])
	err = errors.Join(os.Mkdir("data", 0o700), os.WriteFile("data/secret_key", make([]byte, 64), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	refuse(exitFailure, "there is another secret at data/secret_key", "restore", plain)
	if err := os.RemoveAll("data"); err != nil {
		t.Fatal(err)
	}
	refuse(0, "It is whole.", "backup", "verify", encrypted, "--identity="+keys[1])

	runHere(t, exitFailure, []string{"checking 0 %\n", "checking 100 %", "1 MiB that stay free"}, "restore", plain)
	if !exists("data/secret_key") || !exists("data/files/uploads/a-1.mp4") || exists("data/files/uploads/b-1.mp4") {
		t.Errorf("it is not broken off between the files: %v", disktest.Files(t, "data"))
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	runHere(t, 0, []string{"restoring 0 %\n", "restoring 100 %", " rows and 2 files are restored"},
		"restore", encrypted, "--identity="+keys[1])
	refuse(exitFailure, "the database is not empty", "restore", plain)
}
