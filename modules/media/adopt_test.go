package media

import (
	"context"
	"errors"
	"strings"
	"testing"

	"risingstars/platform/database"
	"risingstars/platform/fault"
)

// The upload ends after the sweeper has chosen its file and before it deletes it.
func TestAFileIsNotAdoptedWhileItIsBeingDeleted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		late, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
		if err != nil {
			t.Fatal(err)
		}
		s.pass(t, uploadGrace)
		var accepted error
		s.guard(once("delete", func(string) {
			_, accepted = s.accept(t.Context(), "ana", late, details{Title: "Late"})
		}))
		s.sweep(t)
		if f := fault.From(accepted); !errors.Is(accepted, errDiscarded) || f.Kind != fault.Unavailable {
			t.Errorf("the upload ends with %v, want errDiscarded", accepted)
		}
		if _, err := s.store.row(t.Context(), late.videoID); !errors.Is(err, errNotFound) {
			t.Errorf("the video without a file: %v", err)
		}
		s.wantSound(t)
		s.wantOrphans(t, 0)
		if used, err := s.store.usage(t.Context(), "ana"); err != nil || used.perDay != 0 {
			t.Errorf("the discarded upload counts: %+v, %v", used, err)
		}
	})
}

// The sweeper meets a file whose adoption is about to be committed.
func TestAFileThatIsBeingAdoptedIsNotDeleted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		late, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
		if err != nil {
			t.Fatal(err)
		}
		s.pass(t, uploadGrace)
		swept := make(chan error, 1)
		err = s.db.InTx(t.Context(), func(ctx context.Context) error {
			v, err := s.newVideo(ctx, details{Title: "Late"}, late.videoID, "ana", late.key, late.size)
			if err == nil {
				err = s.store.insert(ctx, v)
			}
			go func() { swept <- s.sweepOrphans(t.Context()) }()
			if s.db.Dialect() == database.PostgreSQL { // on SQLite the sweep waits for the commit
				err = errors.Join(err, <-swept)
				swept <- nil
			}
			return err
		})
		if err := errors.Join(err, <-swept); err != nil {
			t.Fatal(err)
		}
		s.wantFiles(t, late.key)
		s.wantOrphans(t, 0)
	})
}

// A publication takes longer than its files may wait: they are swept between being written and being adopted.
func TestAPublicationWhoseFilesWereSweptIsTriedAgain(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.claimed(t, s.upload(t, notReallyAVideo()))
		var keys []string
		s.guard(func(op, key string) error {
			if op != "put" {
				return nil
			}
			if keys = append(keys, key); len(keys) == 2 { // the poster, after the clip
				s.pass(t, outputGrace)
				s.sweep(t)
			}
			return nil
		})
		err := s.jobOf(v).publish(t.Context(), rendered(t))
		if !errors.Is(err, errDiscarded) || errors.Is(err, errClaimLost) {
			t.Fatalf("publish returns %v, want an error after which the queue tries again", err)
		}
		if row := s.read(t, v.ID); row.Status != string(Processing) || row.ProcessedKey != "" {
			t.Fatalf("%+v", row)
		}
		if entries := s.board.entries(); len(entries) > 1 {
			t.Fatalf("published %+v", entries)
		}
		s.wantFiles(t, v.OriginalKey)
		s.wantOrphans(t, 0)

		again := s.claimed(t, v)
		if err := s.jobOf(again).publish(t.Context(), rendered(t)); err != nil {
			t.Fatal(err)
		}
		if row := s.read(t, v.ID); row.Status != string(Processed) || row.ProcessedKey == keys[0] {
			t.Fatalf("%+v", row)
		}
		s.wantSound(t)
	})
}

// A process stalls in the middle of writing. When it goes on, the sweeper has deleted the entry, but no file.
func TestAFileThatArrivesAfterItsEntryIsGoneIsDeleted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		s.guard(once("put", func(string) {
			s.pass(t, uploadGrace)
			s.sweep(t)
		}))
		late, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
		if err != nil {
			t.Fatal(err)
		}
		s.wantFiles(t, late.key)
		s.wantOrphans(t, 0)
		if _, err := s.accept(t.Context(), "ana", late, details{Title: "L"}); !errors.Is(err, errDiscarded) {
			t.Errorf("the upload ends with %v, want errDiscarded", err)
		}
		s.wantSound(t)
		s.wantOrphans(t, 0)
	})
}

// A direct upload is completed while the sweeper, because the clock was ahead for a moment, deletes its file.
func TestADirectUploadIsNotCompletedWhileItsFileIsBeingDeleted(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		u := s.assembled(t)
		s.exec(t, `UPDATE media_unclaimed_files SET delete_after = 1`)
		var completed error
		s.guard(once("delete", func(string) { _, completed = s.direct.complete(t.Context(), "ana", u.ID, nil) }))
		s.sweep(t)
		if !errors.Is(completed, errDiscarded) {
			t.Errorf("the completion ends with %v, want errDiscarded", completed)
		}
		if _, err := s.Owned(t.Context(), "ana", u.ID); !errors.Is(err, errNotFound) {
			t.Errorf("the video without a file: %v", err)
		}
		if _, err := s.direct.complete(t.Context(), "ana", u.ID, nil); !errors.Is(err, errNoUpload) {
			t.Errorf("completed again: %v, want errNoUpload", err)
		}
		s.wantNothing(t)
	})
}

// Two sweepers, and whoever deletes a video, do not get in each other's way.
func TestAFileIsDeletedByOneAtATime(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.upload(t, notReallyAVideo())
		deletions := 0
		s.guard(func(op, key string) error {
			if op == "delete" {
				deletions++
				if err := s.sweepOrphans(t.Context()); err != nil {
					t.Error(err)
				}
			}
			return nil
		})
		if err := s.Delete(t.Context(), "ana", v.ID); err != nil {
			t.Fatal(err)
		}
		if deletions != 1 {
			t.Errorf("the file was deleted %d times", deletions)
		}
		s.wantSound(t)
		s.wantOrphans(t, 0)
	})
}

// Whoever was deleting a file has died. The next sweep continues, and until then nothing adopts the file.
func TestADeletionContinuesAfterACrash(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		o, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
		if err != nil {
			t.Fatal(err)
		}
		s.pass(t, uploadGrace)
		if files, err := s.store.dueFiles(t.Context(), 10); err != nil || len(files) != 1 { // and then it dies
			t.Fatal(files, err)
		}
		s.pass(t, firstPause)
		s.sweep(t)
		s.wantFiles(t)
		s.wantOrphans(t, 0)
		if _, err := s.accept(t.Context(), "ana", o, details{Title: "L"}); !errors.Is(err, errDiscarded) {
			t.Errorf("the upload ends with %v, want errDiscarded", err)
		}
	})
}

// After a backup is restored, attempt numbers begin again where they were, but addresses that caches may keep for ever
// do not.
func TestARestoredAttemptWritesUnderNewAddresses(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.claimed(t, s.upload(t, notReallyAVideo()))
		seen := map[string]bool{}
		for range 2 {
			if err := s.jobOf(v).publish(t.Context(), rendered(t)); err != nil {
				t.Fatal(err)
			}
			row := s.read(t, v.ID)
			for _, key := range row.output().keys() {
				if seen[key] || !strings.HasPrefix(key, "processed/"+v.ID+"-1-") {
					t.Errorf("%s is used again, or is no key of this attempt", key)
				}
				seen[key] = true
			}
			s.set(t, v.ID, "status = 'processing', attempt = 1, processed_key = '', poster_key = ''") // the backup
		}
	})
}
