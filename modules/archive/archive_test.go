package archive_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/archive"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/disk"
	"risingstars/platform/queue"
)

// Of those who ask at once one copy is made; it has all there is, is told of by one letter, and goes in time.
func TestACopyIsMadeOnceAndKeptForAWhile(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners(), func(t *testing.T, db *database.DB) {
		s := open(t, db, archive.Options{URLExpiry: time.Hour}) // which is too long
		if c, err := s.Module.Of(t.Context(), s.userID); err != nil || c.State != archive.None {
			t.Errorf("before, the copy is %+v, %v", c, err)
		}
		release := make(chan struct{})
		s.answer(func(ctx context.Context) (archive.Person, bool, error) {
			<-release
			return ana(ctx)
		})
		ids := make([]string, 6)
		var group sync.WaitGroup
		for i := range ids {
			group.Go(func() { ids[i] = s.ask(t).ID })
		}
		group.Wait()
		if slices.Sort(ids); ids[0] != ids[5] || ids[0] == "" {
			t.Errorf("clicks at once give the copies %q", ids)
		}
		if c := s.await(t, archive.Making); !c.Pending() || c.ID != ids[0] {
			t.Errorf("the copy is %+v", c)
		}
		if address, _, err := s.Link(t.Context(), s.ask(t)); err != nil || address != "" {
			t.Errorf("what is not ready has the link %q, %v", address, err)
		}
		close(release)
		c := s.await(t, archive.Ready)
		got := s.read(t, c.ID)
		if got["videos/1/original.mp4"] != "clip!" || !strings.Contains(got["account.json"], `"first_name": "Ana"`) ||
			!strings.Contains(got["missing.json"], "videos/1/poster.jpg") || got["votes.json"] != "[]\n" ||
			!strings.Contains(got["README.txt"], "Consentimientos:") ||
			!strings.Contains(got["README.txt"], "Consents:") || len(got) != 5 {
			t.Errorf("the zip file has %q", got)
		}
		address, until, err := s.Link(t.Context(), c)
		if time.Until(until) > 10*time.Minute {
			t.Errorf("the link lives until %s", until)
		}
		if err != nil || !strings.Contains(address, "signature=") || c.Bytes < 200 {
			t.Errorf("the link is %q, %v; the copy is %+v", address, err, c)
		}
		if d := time.Until(c.ExpiresAt) - archive.Life; d > 0 || d < -time.Hour {
			t.Errorf("it expires at %s", c.ExpiresAt)
		}
		if len(s.letters) != 1 || s.letters[0].To != "ana@example.com" || s.letters[0].Page != "/me/data" {
			t.Errorf("the letters are %+v", s.letters)
		}
		if again := s.ask(t); again.ID != c.ID || again.State != archive.Ready {
			t.Errorf("who asks again soon gets %+v", again)
		}
		// The next one, which is made an hour later, replaces it.
		s.exec(t, `UPDATE archive_copies SET created_at = created_at - 3601000000`)
		next := s.ask(t)
		for s.await(t, archive.Ready).ID != next.ID {
			time.Sleep(20 * time.Millisecond)
		}
		s.exec(t, `UPDATE archive_copies SET expires_at = 1`)
		if c, err := s.Module.Of(t.Context(), s.userID); err != nil || c.State != archive.None {
			t.Errorf("what has expired is %+v, %v", c, err)
		}
		s.gone(t)
	})
}

// A lost task, a worker that vanished, and a full disk only delay a copy.
func TestACopyIsGoneOnWith(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners(), func(t *testing.T, db *database.DB) {
		s := open(t, db, archive.Options{ResendAfter: time.Millisecond})
		insert := func(state string, held int) {
			s.exec(t, `DELETE FROM archive_copies`)
			_, err := db.Exec(t.Context(), `
				INSERT INTO archive_copies (id, user_id, state, attempt, held_until, created_at)
				VALUES (?, ?, ?, 1, ?, 1)`, uuid.NewString(), s.userID, state, held)
			if err != nil {
				t.Fatal(err)
			}
			s.await(t, archive.Ready)
		}
		insert("waiting", 0)
		insert("making", 1)
		if n := len(s.letters); n != 2 {
			t.Errorf("%d letters", n)
		}
	})
}

// The task of a copy waits for the worker that has it, and that may vanish, although nobody sends the task again.
func TestATaskOutlivesTheWorkerThatHasTheCopy(t *testing.T) {
	t.Parallel()
	s := open(t, databasetest.Open(t, owners()...), archive.Options{ResendAfter: time.Hour})
	id, now := uuid.NewString(), time.Now().UnixMicro()
	_, err := s.db.Exec(t.Context(), `
		INSERT INTO archive_copies (id, user_id, state, attempt, held_until, sent_at, created_at)
		VALUES (?, ?, 'making', 1, ?, ?, ?)`, id, s.userID, now+time.Hour.Microseconds(), now, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.queue.Enqueue(t.Context(), queue.Task{Kind: "archive.make", ID: id}); err != nil {
		t.Fatal(err)
	}
	s.tasks(t, 1, 0)
	s.exec(t, `UPDATE archive_copies SET held_until = 1`)
	s.await(t, archive.Ready)
}

// A process makes one copy at a time, whoever asks: the next one waits, and takes no other slot of the worker.
func TestOneCopyIsMadeAtATime(t *testing.T) {
	t.Parallel()
	s := open(t, databasetest.Open(t, owners()...), archive.Options{})
	made, release := make(chan struct{}, 2), make(chan struct{})
	s.answer(func(ctx context.Context) (archive.Person, bool, error) {
		made <- struct{}{}
		<-release
		return ana(ctx)
	})
	s.ask(t)
	<-made
	next, err := s.Ask(t.Context(), uuid.NewString())
	if err != nil {
		t.Fatal(err)
	}
	s.tasks(t, 1, 1)
	if row := s.row(t); row.ID != next.ID || row.State != archive.Waiting || len(made) > 0 {
		t.Errorf("the next copy is %+v", row)
	}
	close(release)
	s.await(t, archive.Ready)
}

// Whoever makes a copy has it for as long as that takes, and ends once somebody else has it or nobody wants it.
func TestACopyBelongsToItsWorker(t *testing.T) {
	t.Parallel()
	s := open(t, databasetest.Open(t, owners()...), archive.Options{Hold: 3 * time.Second})
	made, ended := make(chan struct{}), make(chan struct{})
	s.answer(func(ctx context.Context) (archive.Person, bool, error) {
		made <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return archive.Person{}, false, ctx.Err()
	})
	s.ask(t)
	<-made
	first := s.row(t)
	s.eventually(t, "the hold is renewed", func() bool { return s.row(t).HeldUntil > first.HeldUntil })
	if gone, err := s.Forget(t.Context(), s.userID); err != nil || gone {
		t.Errorf("what is being made is forgotten already: %v, %v", gone, err)
	}
	<-ended
	s.eventually(t, "it is forgotten", func() bool {
		gone, err := s.Forget(t.Context(), s.userID)
		return err == nil && gone
	})

	c := s.ask(t)
	<-made
	s.exec(t, `UPDATE archive_copies SET attempt = attempt + 1, held_until = 9000000000000000`) // by somebody else
	<-ended
	s.tasks(t, 0, 0) // the worker has done what it does at the end
	if row := s.row(t); row.ID != c.ID || row.State != archive.Making || row.Attempt != 2 {
		t.Errorf("of what somebody else makes, it has made %+v", row)
	}
}

// Old files that no row names are deleted, as after a restored backup; what has another name is somebody else's.
func TestStrayCopiesAreDeleted(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, archive.Prefix), 0o700); err != nil {
		t.Fatal(err)
	}
	old := func(name string) string {
		file := filepath.Join(root, archive.Prefix, name)
		day := time.Now().Add(-25 * time.Hour)
		if err := errors.Join(os.WriteFile(file, []byte("PK"), 0o600), os.Chtimes(file, day, day)); err != nil {
			t.Fatal(err)
		}
		return archive.Prefix + "/" + name
	}
	stray, foreign := old(uuid.NewString()+".zip"), []string{old("holiday.zip"), old(uuid.NewString() + ".mp4")}
	young := archive.Prefix + "/" + uuid.NewString() + ".zip" // its row may be about to be written
	if err := os.WriteFile(filepath.Join(root, young), []byte("PK"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, databasetest.Open(t, owners()...), archive.Options{}, root)
	foreign = append(foreign, young)
	slices.Sort(foreign)
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		keys := s.keys(t)
		if slices.Sort(keys); slices.Equal(keys, foreign) {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%s is a stray, and %q are left", stray, keys)
		}
	}
}

// What fails again and again is told; who is gone, or goes meanwhile, leaves nothing.
func TestACopyFailsOrIsForgotten(t *testing.T) {
	t.Parallel()
	s := open(t, databasetest.Open(t, owners()...), archive.Options{ResendAfter: 100 * time.Millisecond})
	s.answer(func(context.Context) (archive.Person, bool, error) { return archive.Person{}, false, nil })
	s.ask(t)
	s.await(t, archive.None)
	s.gone(t)

	s.answer(func(context.Context) (archive.Person, bool, error) {
		return archive.Person{}, false, errors.New("as it is told to")
	})
	s.ask(t)
	s.exec(t, `UPDATE archive_copies SET attempt = 6`)
	s.await(t, archive.Failed)

	full := make(chan struct{}, 100)
	s.answer(func(context.Context) (archive.Person, bool, error) {
		full <- struct{}{}
		return archive.Person{}, false, disk.ErrFull
	})
	s.ask(t)
	<-full
	s.await(t, archive.Waiting)
	if row := s.row(t); row.State == archive.Waiting && row.Attempt > 0 {
		t.Errorf("waiting for space counts as an attempt: %+v", row)
	}
	if _, err := s.Forget(t.Context(), s.userID); err != nil { // a worker may be at it
		t.Error(err)
	}
	s.gone(t)

	began, release := make(chan struct{}), make(chan struct{})
	s.answer(func(ctx context.Context) (archive.Person, bool, error) {
		close(began)
		<-release
		return ana(ctx)
	})
	s.ask(t)
	<-began
	if gone, err := s.Forget(t.Context(), s.userID); err != nil || gone {
		t.Errorf("what is being made is forgotten already: %v, %v", gone, err)
	}
	close(release)
	s.gone(t) // also what is written although nobody wants it any more
	if len(s.letters) > 0 {
		t.Errorf("letters are sent: %+v", s.letters)
	}
}
