package mail_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/mail"
)

// Nothing is left of the letters about an account that is erased: not of one that nobody could send, nor of one that is
// under way, which arrives. Those about others stay, also to the same address.
func TestLettersAboutAnErasedAccountAreForgotten(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners(), func(t *testing.T, db *database.DB) {
		o := open(t, db, nil)
		about := func(id, userID string) {
			l := confirm(id, "ana@example.com")
			l.UserID = userID
			o.send(l)
		}
		begun, release := make(chan struct{}), make(chan struct{})
		o.server.Answer(func(step, _ string, nth int) error {
			if step == "rcpt" && nth == 1 {
				close(begun)
				<-release
			}
			return nil
		})
		o.work()
		about("under way", "ana")
		<-begun
		_, err := db.Exec(t.Context(), `
			INSERT INTO mail_letters
				(id, user_id, template, recipient, language, details, state, due_at, created_at, expires_at)
			VALUES ('dead', 'ana', 'confirm', 'ana@example.com', 'es', '{}', 'dead', 0, 0, 0)`)
		if err != nil {
			t.Fatal(err)
		}
		about("other", "who has the address now")
		for range 2 {
			if err := o.post.Forget(t.Context(), "ana"); err != nil {
				t.Fatal(err)
			}
		}
		if err := o.post.Forget(t.Context(), ""); err != nil {
			t.Fatal(err)
		}
		close(release)
		o.state("other", "sent")
		o.server.Await(t, "ana@example.com", 2)
		var left struct{ N int }
		err = db.Query(t.Context(), &left, `SELECT COUNT(*) AS n FROM mail_letters WHERE id <> 'other'`)
		if err != nil || left.N > 0 {
			t.Errorf("%d letters about the account are left, %v", left.N, err)
		}
	})
}

// A letter's file goes with its account, or when nobody needs to know of it any more.
func TestFilesOfLettersAreForgotten(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	o := open(t, databasetest.Open(t, owners()...), func(o *mail.Options) {
		o.Folder = mail.NewFolder(folder, slog.New(slog.DiscardHandler))
		o.Carrier = o.Folder
	})
	stray := filepath.Join(folder, "stray.eml") // of which a restored database knows nothing
	if err := os.WriteFile(stray, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(stray, time.Time{}, time.Now().AddDate(0, 0, -31)); err != nil {
		t.Fatal(err)
	}
	o.work()
	for _, id := range []string{"ana", "old", "other"} {
		l := confirm(id, "ana@example.com")
		l.UserID = id
		o.send(l)
		o.state(id, "sent")
	}
	if err := o.post.Forget(t.Context(), "ana"); err != nil {
		t.Fatal(err)
	}
	if _, err := o.db.Exec(t.Context(), `UPDATE mail_letters SET ended_at = 1 WHERE id = 'old'`); err != nil {
		t.Fatal(err)
	}
	o.sweep()
	var names []string
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		names = names[:0]
		files, err := os.ReadDir(folder)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range files {
			names = append(names, f.Name())
		}
		if len(names) == 1 {
			break
		}
	}
	if !slices.Equal(names, []string{"other.eml"}) {
		t.Errorf("the files are %q", names)
	}
}
