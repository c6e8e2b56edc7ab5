package media

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"risingstars/platform/storage"
)

// A power cut may come between any two steps. So an entry of every file is committed before its first byte is written,
// and the row that names a file is gone, and its entry there, before the file goes.
func TestFilesAndRowsChangeInAnOrderThatLeavesNoOrphan(t *testing.T) {
	t.Parallel()
	for name, way := range map[string]func(t *testing.T, s *studio){
		"upload":        func(t *testing.T, s *studio) { s.upload(t, notReallyAVideo()) },
		"broken upload": brokenUpload,
		"refused upload": func(t *testing.T, s *studio) {
			s.o.Quotas.Bytes = 1
			o, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
			if err == nil {
				_, err = s.accept(t.Context(), "ana", o, details{Title: "Song"})
			}
			if !errors.Is(err, errStorageQuota) {
				t.Error(err)
			}
		},
		"publication": func(t *testing.T, s *studio) {
			v := s.claimed(t, s.upload(t, notReallyAVideo()))
			if err := s.jobOf(v).publish(t.Context(), rendered(t)); err != nil {
				t.Error(err)
			}
		},
		"publication that deletes the original": func(t *testing.T, s *studio) {
			s.o.DeleteOriginal = true
			v := s.claimed(t, s.upload(t, notReallyAVideo()))
			if err := s.jobOf(v).publish(t.Context(), rendered(t)); err != nil {
				t.Error(err)
			}
		},
		"refused publication": func(t *testing.T, s *studio) {
			v := s.claimed(t, s.upload(t, notReallyAVideo()))
			s.board.refuse = errStuck
			if err := s.jobOf(v).publish(t.Context(), rendered(t)); !errors.Is(err, errStuck) {
				t.Error(err)
			}
		},
		"deletion": func(t *testing.T, s *studio) {
			v := s.claimed(t, s.upload(t, notReallyAVideo()))
			err := s.jobOf(v).publish(t.Context(), rendered(t))
			if err := errors.Join(err, s.Delete(t.Context(), "ana", v.ID)); err != nil {
				t.Error(err)
			}
		},
		"expired original": func(t *testing.T, s *studio) {
			s.failed(t)
			s.pass(t, keepFailed)
			s.sweep(t)
		},
		"direct upload": func(t *testing.T, s *studio) {
			if _, err := s.direct.complete(t.Context(), "ana", s.assembled(t).ID, nil); err != nil {
				t.Error(err)
			}
		},
		"cancelled direct upload": func(t *testing.T, s *studio) {
			if err := s.direct.cancel(t.Context(), s.assembled(t)); err != nil {
				t.Error(err)
			}
		},
		"expired direct upload": func(t *testing.T, s *studio) {
			s.assembled(t)
			s.pass(t, directLifetime+directGrace)
			s.sweep(t)
		},
		"refused direct upload": func(t *testing.T, s *studio) {
			u := s.begin(t, 40)
			s.put(t, u, make([]byte, 40))
			if _, err := s.direct.complete(t.Context(), "ana", u.ID, nil); !errors.Is(err, errNotAVideo) {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *studio) {
				operations := 0
				s.guard(func(op, key string) error {
					operations++
					s.wantInOrder(t, op, key)
					return nil
				})
				way(t, s)
				if operations == 0 {
					t.Error("storage did not change")
				}
				s.pass(t, 2*longestGrace)
				s.sweep(t)
				s.wantSound(t)
				s.wantOrphans(t, 0)
				s.wantDirect(t, 0)
			})
		})
	}
}

func brokenUpload(t *testing.T, s *studio) {
	if _, err := s.receive(t.Context(), brokenReader{errStuck}, largest); !errors.Is(err, errStuck) {
		t.Error(err)
	}
	o, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest) // and then the process dies
	if err != nil {
		t.Error(err)
		return
	}
	if _, err := s.bucket.Stat(t.Context(), o.key); err != nil {
		t.Error(err)
	}
	s.pass(t, uploadGrace)
	s.sweep(t)
	if _, err := s.bucket.Stat(t.Context(), o.key); !errors.Is(err, storage.ErrNotFound) {
		t.Error(err)
	}
}

// wantInOrder fails the test if the rows, as other connections see them, do not yet allow the operation on key.
func (s *studio) wantInOrder(t *testing.T, op, key string) {
	t.Helper()
	count := func(query string) int {
		var row struct{ N int }
		if err := s.db.Query(t.Context(), &row, `SELECT COUNT(*) AS n FROM `+query, key); err != nil {
			t.Error(err)
		}
		return row.N
	}
	listed := count(`media_unclaimed_files WHERE storage_key = ?`)
	named := count(`media_videos WHERE ? IN (original_key, processed_key, poster_key, small_key,
		poster_640_key, poster_320_key)`)
	live := count(`media_direct_uploads WHERE storage_key = ? AND expires_at > 0`)
	condemned := count(`media_unclaimed_files WHERE storage_key = ? AND deleting`)
	state := fmt.Sprintf("%s %s: listed %d, named by videos %d, by live uploads %d, condemned %d",
		op, key, listed, named, live, condemned)
	switch op {
	case "put", "begin", "complete":
		if listed != 1 || condemned != 0 || named != 0 {
			t.Error(state)
		}
	case "abort":
		if live != 0 || named != 0 {
			t.Error(state)
		}
	case "delete":
		if listed != 1 || named != 0 || live != 0 {
			t.Error(state)
		}
	}
}

// A part of the sweep that takes long does not delay the others.
func TestPartsOfASweepDoNotWaitForEachOther(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.insert(t, Uploaded)
	if err := s.store.orphan(t.Context(), -time.Hour, "uploads/hangs.mp4"); err != nil {
		t.Fatal(err)
	}
	hangs, goOn := make(chan struct{}), make(chan struct{})
	s.guard(once("delete", func(string) { close(hangs); <-goOn }))
	s.set(t, v.ID, "sent_at = ?", s.now(t).UnixMicro())
	ended := make(chan struct{})
	go func() { s.Sweep(t.Context()); close(ended) }()
	t.Cleanup(func() { <-ended })
	<-hangs
	s.set(t, v.ID, "sent_at = 0")
	s.eventually(t, "the task is sent while a file hangs", func() bool { return s.queued(t) == 1 })
	close(goOn)
}
