package media

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/storage"
)

// A task is lost by a crash between the commit of the row and its enqueuing, or by the queue.
func TestALostTaskIsSentAgain(t *testing.T) {
	t.Parallel()
	const past, present = -time.Hour, time.Duration(0)
	lease := leaseTime - time.Second
	for name, c := range map[string]struct {
		set  string
		args []any // a duration stands for a time that long from now
		sent bool
	}{
		"never sent":             {"sent_at = 0", nil, true},
		"sent long ago":          {"sent_at = ?", []any{past}, true},
		"sent just now":          {"sent_at = ?", []any{present}, false},
		"never sent, a mock":     {"sent_at = 0, mock = ?", []any{true}, false},
		"claimed":                {"sent_at = ?, status = 'processing', lease_until = ?", []any{past, lease}, false},
		"claimed, lease lapsed":  {"sent_at = ?, status = 'processing', lease_until = ?", []any{past, past}, true},
		"released":               {"sent_at = ?, status = 'processing', lease_until = 0", []any{past}, true},
		"released, not long ago": {"sent_at = ?, status = 'processing', lease_until = 0", []any{present}, false},
		"processed":              {"sent_at = ?, status = 'processed'", []any{past}, false},
		"failed":                 {"sent_at = ?, status = 'failed'", []any{past}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *studio) {
				v, now, args := s.insert(t, Uploaded), s.now(t), slices.Clone(c.args)
				for i, arg := range args {
					if d, ok := arg.(time.Duration); ok {
						args[i] = database.Micros(now.Add(d))
					}
				}
				s.set(t, v.ID, c.set, args...)
				if err := s.sweepOnce(t.Context()); err != nil {
					t.Fatal(err)
				}
				want := 0
				if c.sent {
					want = 1
				}
				if got := s.queued(t); got != want {
					t.Fatalf("%d tasks, want %d", got, want)
				}
				if c.sent && s.read(t, v.ID).SentAt < database.Micros(now) {
					t.Fatal("the row does not record that the task was sent")
				}
				if err := s.sweepOnce(t.Context()); err != nil || s.queued(t) != want {
					t.Fatalf("the next sweep: %v, %d tasks", err, s.queued(t))
				}
			})
		})
	}
}

func TestOrphansAreDeletedInTime(t *testing.T) {
	t.Parallel()
	each(t, orphansAreDeletedInTime)
}

func orphansAreDeletedInTime(t *testing.T, s *studio) {
	kept := s.upload(t, notReallyAVideo())
	orphan, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest) // and then the process is killed
	if err != nil {
		t.Fatal(err)
	}
	if err := s.store.orphan(t.Context(), time.Minute, "processed/never-written.mp4"); err != nil {
		t.Fatal(err)
	}
	s.pass(t, uploadGrace-time.Minute)
	s.sweep(t)
	s.wantFiles(t, kept.OriginalKey, orphan.key)
	s.wantOrphans(t, 1)
	s.pass(t, time.Minute)
	s.sweep(t)
	s.wantFiles(t, kept.OriginalKey)
	s.wantOrphans(t, 0)
}

type brokenReader struct{ err error }

func (r brokenReader) Read([]byte) (int, error) { return 0, r.err }

func TestAFailedUploadLeavesNothing(t *testing.T) {
	t.Parallel()
	each(t, aFailedUploadLeavesNothing)
}

func aFailedUploadLeavesNothing(t *testing.T, s *studio) {
	broken := errors.New("the client is gone")
	head := notReallyAVideo()
	for name, c := range map[string]struct {
		content []byte
		then    error
		want    error
	}{
		"not a video":        {[]byte("#!/bin/sh\necho hello\n"), nil, errNotAVideo},
		"empty":              {nil, nil, errNotAVideo},
		"ends in its head":   {head[:100], broken, broken},
		"ends in its body":   {head, broken, broken},
		"one byte too large": {append(head, make([]byte, largest-len(head)+1)...), nil, errTooLarge},
	} {
		r := newReader(c.content)
		if c.then != nil {
			r = io.MultiReader(r, brokenReader{c.then})
		}
		if o, err := s.receive(t.Context(), r, largest); !errors.Is(err, c.want) || o != nil {
			t.Errorf("%s: %+v, %v", name, o, err)
		}
		s.wantFiles(t)
		s.wantOrphans(t, 0)
	}
	fits := newReader(append(head, make([]byte, largest-len(head))...))
	if o, err := s.receive(t.Context(), fits, largest); err != nil {
		t.Fatalf("exactly the limit: %v", err)
	} else if object, err := s.bucket.Stat(t.Context(), o.key); err != nil || object.Size != largest {
		t.Fatalf("%+v, %v", object, err)
	}
}

// After going back a release, an old version may have listed files that it does not know.
func TestAFileThatAVideoNamesIsNeverSwept(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.claimed(t, s.upload(t, notReallyAVideo()))
		if err := s.jobOf(v).publish(t.Context(), rendered(t)); err != nil {
			t.Fatal(err)
		}
		shown := append(s.read(t, v.ID).output().keys(), v.OriginalKey)
		gone := "processed/" + v.ID + "-0-old.mp4"
		if _, err := s.bucket.Put(t.Context(), gone, strings.NewReader("x"), storage.PutOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := s.store.orphan(t.Context(), 0, append(shown, gone)...); err != nil {
			t.Fatal(err)
		}
		s.pass(t, time.Second)
		s.sweep(t)
		s.wantFiles(t, shown...)
		s.wantOrphans(t, 0)
	})
}
