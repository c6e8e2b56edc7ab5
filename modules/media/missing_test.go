package media

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/storage"
)

// A published file that is gone is known to the owner and to the gallery, until it is back or made again.
func TestAPublishedFileThatIsGoneIsNoticed(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.upload(t, clip(t, "1"))
		if err := s.deliver(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		look := func(want bool) {
			t.Helper()
			for range 2 { // the second time finds what it knows
				if err := s.lookForFiles(t.Context(), 0); err != nil {
					t.Fatal(err)
				}
				n, err := s.CountMissing(t.Context())
				if err != nil || (n == 1) != want || s.board.missing[v.ID] != want {
					t.Errorf("%d videos lack a file (%v), gallery: %v, want %v", n, err, s.board.missing, want)
				}
				if got := s.read(t, v.ID).video().FilesMissing; got != want {
					t.Errorf("the owner is told %v, want %v", got, want)
				}
			}
		}
		look(false)
		row := s.read(t, v.ID)
		for _, key := range row.output().keys() {
			path := filepath.Join(s.root, filepath.FromSlash(key))
			if err := os.Rename(path, path+".gone"); err != nil {
				t.Fatal(err)
			}
			look(true)
			if err := os.Rename(path+".gone", path); err != nil {
				t.Fatal(err)
			}
			look(false)
		}
		if err := os.Remove(filepath.Join(s.root, filepath.FromSlash(row.ProcessedKey))); err != nil {
			t.Fatal(err)
		}
		look(true)
		if err := s.Reprocess(t.Context(), v.ID); err != nil {
			t.Fatal(err)
		}
		if err := s.deliver(t.Context(), v); err != nil {
			t.Fatal(err)
		}
		look(false)
	})
}

// shows publishes a video whose files are none.
func (s *studio) shows(t *testing.T) Video {
	t.Helper()
	v := s.upload(t, notReallyAVideo())
	name := "processed/" + v.ID + "-1"
	for _, key := range []string{name + ".mp4", name + ".jpg"} {
		if _, err := s.bucket.Put(t.Context(), key, newReader([]byte("x")), storage.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	s.set(t, v.ID, "status = 'processed', attempt = 1, processed_key = ?, poster_key = ?", name+".mp4", name+".jpg")
	return s.read(t, v.ID).video()
}

func (s *studio) wantMissing(t *testing.T, want ...Video) {
	t.Helper()
	var rows []struct{ ID string }
	err := s.db.Query(t.Context(), &rows, `SELECT id FROM media_videos WHERE missing_since > 0 ORDER BY id`)
	same := slices.EqualFunc(rows, want, func(row struct{ ID string }, v Video) bool { return row.ID == v.ID })
	if err != nil || !same {
		t.Errorf("%v lack a file (%v), want %d of them", rows, err, len(want))
	}
}

func (s *studio) mustLook(t *testing.T, every time.Duration) {
	t.Helper()
	if err := s.lookForFiles(t.Context(), every); err != nil {
		t.Fatal(err)
	}
}

func TestOneWorkerAtATimeLooksForFiles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.shows(t)
		s.remove(t, v.PosterKey)
		var taken atomic.Int32
		var claim atomic.Pointer[roundClaim]
		var errs [8]error
		var workers sync.WaitGroup
		for i := range errs {
			workers.Go(func() {
				c, ok, err := s.store.takeRound(t.Context(), roundEvery)
				if errs[i] = err; ok {
					taken.Add(1)
					claim.Store(&c)
				}
			})
		}
		workers.Wait()
		if err := errors.Join(errs[:]...); err != nil || taken.Load() != 1 {
			t.Fatalf("%d workers have the round (%v)", taken.Load(), err)
		}
		s.mustLook(t, roundEvery)
		s.mustLook(t, 0) // not even as it starts
		s.wantMissing(t)

		s.pass(t, roundLease) // without a word of its worker
		s.mustLook(t, roundEvery)
		s.wantMissing(t, v)
		if kept, err := s.store.keepRound(t.Context(), *claim.Load()); err != nil || kept {
			t.Errorf("the first worker has the round still: %t (%v)", kept, err)
		}
	})
}

func TestARoundIsDueOnceInItsTime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.shows(t)
		s.mustLook(t, roundEvery)
		s.remove(t, v.ProcessedKey)
		s.pass(t, roundEvery-time.Minute)
		s.mustLook(t, roundEvery)
		s.wantMissing(t)
		s.pass(t, time.Minute)
		s.mustLook(t, roundEvery)
		s.wantMissing(t, v)

		// The clock was set back: the last round was in the future.
		s.pass(t, -time.Hour)
		_, err := s.bucket.Put(t.Context(), v.ProcessedKey, newReader([]byte("x")), storage.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s.mustLook(t, roundEvery)
		s.wantMissing(t)

		// After a repair, what was restored is known at once.
		s.remove(t, v.ProcessedKey)
		s.checkFiles(t, time.Hour, false)
		s.mustLook(t, roundEvery)
		s.wantMissing(t)
		s.set(t, v.ID, "original_key = ''") // it could be processed again
		s.checkFiles(t, time.Hour, true)
		s.mustLook(t, roundEvery)
		s.wantMissing(t, v)
	})
}

func TestAnotherWorkerGoesOnWithARound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		seen, next := s.shows(t), s.shows(t)
		begun := func() roundClaim {
			claim, taken, err := s.store.takeRound(t.Context(), roundEvery)
			if err != nil || !taken || claim.AfterID != "" {
				t.Fatalf("taken %t, %+v (%v)", taken, claim, err)
			}
			claim.AfterID = seen.ID
			if kept, err := s.store.keepRound(t.Context(), claim); err != nil || !kept {
				t.Fatalf("kept %t (%v)", kept, err)
			}
			return claim
		}
		claim := begun()
		s.remove(t, seen.ProcessedKey, next.ProcessedKey)
		if err := s.store.leaveRound(t.Context(), claim, 0); err != nil { // its worker is told to stop
			t.Fatal(err)
		}
		s.mustLook(t, roundEvery)
		s.wantMissing(t, next)
		s.mustLook(t, roundEvery) // it is complete
		s.wantMissing(t, next)

		// One that was left too long ago begins again.
		s.pass(t, roundEvery)
		begun()
		s.pass(t, roundEvery)
		s.mustLook(t, roundEvery)
		s.wantMissing(t, seen, next)
	})
}

func TestAFileThatCannotBeReadKeepsNoOtherFromBeingFound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		unreadable, gone := s.shows(t), s.shows(t)
		s.remove(t, unreadable.PosterKey, gone.PosterKey)
		// A circular link is neither an object nor a missing one: reading it fails.
		file := filepath.Join(s.root, filepath.FromSlash(unreadable.PosterKey))
		if err := os.Symlink(filepath.Base(file), file); err != nil {
			t.Fatal(err)
		}
		_, err := s.bucket.Stat(t.Context(), unreadable.PosterKey)
		if err == nil || errors.Is(err, storage.ErrNotFound) {
			t.Fatalf("read: %v", err)
		}
		s.mustLook(t, roundEvery)
		s.wantMissing(t, gone)
		if _, taken, err := s.store.takeRound(t.Context(), roundEvery); err != nil || taken {
			t.Errorf("another round is due at once: %t (%v)", taken, err)
		}
	})
}

// Where storage cannot be listed, nobody tries again for a while.
func TestAnErrorOfAllStorageEndsARound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.shows(t)
		s.remove(t, v.PosterKey)
		folder := filepath.Join(s.root, "processed")
		err := os.Rename(folder, folder+".away")
		if err == nil {
			err = os.Symlink("processed", folder)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := s.lookForFiles(t.Context(), roundEvery); err == nil {
			t.Error("no error")
		}
		if err := errors.Join(os.Remove(folder), os.Rename(folder+".away", folder)); err != nil {
			t.Fatal(err)
		}
		s.mustLook(t, roundEvery)
		s.wantMissing(t)
		s.pass(t, roundPause)
		s.mustLook(t, roundEvery)
		s.wantMissing(t, v)
	})
}

// What is there is listed, and what is gone is asked for once.
func TestARoundAsksOnlyForWhatIsGone(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		registry := prometheus.NewRegistry()
		s.bucket = storage.New(s.files, storage.Options{Registerer: registry})
		var videos [12]Video
		for i := range videos {
			videos[i] = s.shows(t)
		}
		s.remove(t, videos[3].ProcessedKey, videos[3].PosterKey, videos[7].PosterKey)
		s.mustLook(t, roundEvery)
		s.wantMissing(t, videos[3], videos[7])
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		asked := map[string]uint64{}
		for _, family := range families {
			for _, metric := range family.GetMetric() {
				for _, label := range metric.GetLabel() {
					if label.GetName() == "operation" {
						asked[label.GetValue()] += metric.GetHistogram().GetSampleCount()
					}
				}
			}
		}
		if asked["list"] != 1 || asked["stat"] != 2 {
			t.Errorf("storage was asked %v", asked)
		}
	})
}

// A disk costs nothing, so a process that starts does not wait until a round is due.
func TestAProcessThatStartsLooksOnItsDisk(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.shows(t)
		s.mustLook(t, roundEvery)
		s.remove(t, v.ProcessedKey)
		ctx, stop := context.WithCancel(t.Context())
		var done sync.WaitGroup
		done.Go(func() { s.WatchFiles(ctx) })
		s.eventually(t, "the file is missed", func() bool {
			n, err := s.CountMissing(ctx)
			return err == nil && n == 1
		})
		stop()
		done.Wait()
		if _, taken, err := s.store.takeRound(t.Context(), 0); err != nil || !taken {
			t.Errorf("its round is kept: taken %t (%v)", taken, err)
		}
	})
}
