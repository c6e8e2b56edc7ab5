package media

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
)

var errStuck = errors.New("storage refuses")

// refuse makes storage refuse to change what has "stuck" in its key.
func (s *studio) refuse() {
	s.guard(func(_, key string) error {
		if strings.Contains(key, "stuck") {
			return errStuck
		}
		return nil
	})
}

// sweepStuck sweeps although some things are stuck, and returns the number of lines in the log.
func (s *studio) sweepStuck(t *testing.T) int {
	t.Helper()
	lines := 0
	for _, part := range s.sweeps() {
		if err := part(t.Context()); err != nil {
			if lines++; !errors.Is(err, errStuck) || strings.Count(err.Error(), errStuck.Error()) != 1 {
				t.Errorf("a part of the sweep ends with %v", err)
			}
		}
	}
	return lines
}

func TestStuckFilesDoNotKeepOthersWaiting(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		s.refuse()
		for i := range sweepBatch + 20 {
			if err := s.store.orphan(t.Context(), 0, fmt.Sprintf("uploads/stuck-%d.mp4", i)); err != nil {
				t.Fatal(err)
			}
		}
		s.exec(t, `UPDATE media_unclaimed_files SET delete_after = 1`)
		other, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
		if err != nil {
			t.Fatal(err)
		}
		s.exec(t, `UPDATE media_unclaimed_files SET delete_after = 2 WHERE storage_key = ?`, other.key)
		for range 2 {
			if lines := s.sweepStuck(t); lines != 1 {
				t.Errorf("a sweep logs %d errors, want 1", lines)
			}
		}
		s.wantFiles(t)
		s.wantOrphans(t, sweepBatch+20)

		// The pauses grow, and end when storage works again.
		s.pass(t, firstPause)
		s.sweepStuck(t)
		s.pass(t, firstPause)
		if lines := s.sweepStuck(t); lines > 1 {
			t.Errorf("a sweep logs %d errors, want 1 at most", lines)
		}
		var most struct{ Tries int }
		err = s.db.Query(t.Context(), &most, `SELECT MAX(tries) AS tries FROM media_unclaimed_files`)
		if err != nil || most.Tries > 2 {
			t.Errorf("the second pause is no longer than the first: %d tries (%v)", most.Tries, err)
		}
		s.exec(t, `UPDATE media_unclaimed_files SET tries = 1000`)
		for range 2 {
			s.pass(t, longestPause)
			s.sweepStuck(t)
		}
		s.bucket = setupOn(t, s.db).bucket
		for range 2 {
			s.pass(t, longestPause)
			s.sweep(t)
		}
		s.wantOrphans(t, 0)
	})
}

func TestStuckDirectUploadsDoNotKeepOthersWaiting(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		s.exec(t, `
			WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < ?)
			INSERT INTO media_direct_uploads (id, owner_id, slot, title, description, start_ms, storage_key, storage_id,
				size_bytes, part_bytes, expires_at)
			SELECT 'stuck ' || CAST(i AS TEXT), 'owner ' || CAST(i AS TEXT), 0, 'Song', '', 0,
				'uploads/stuck-' || CAST(i AS TEXT) || '.mp4', 'x', 1, 1, 1 FROM numbers`, sweepBatch+20)
		u := s.begin(t, len(mp4Head))
		s.put(t, u, mp4Head)
		s.exec(t, `UPDATE media_direct_uploads SET expires_at = 2 WHERE id = ?`, u.ID)
		s.refuse()
		for range 2 {
			if lines := s.sweepStuck(t); lines != 1 {
				t.Errorf("a sweep logs %d errors, want 1", lines)
			}
		}
		s.wantFiles(t)
		s.wantDirect(t, sweepBatch+20)
		if lines := s.sweepStuck(t); lines != 0 {
			t.Errorf("the next sweep tries again at once")
		}
		s.pass(t, 2*directGrace)
		s.bucket = setupOn(t, s.db).bucket
		for range 2 {
			s.pass(t, longestPause)
			s.sweep(t)
		}
		s.wantDirect(t, 0)
	})
}

// The first of a batch is stuck; the others are dealt with in the same sweep.
func TestASweepGoesOnAfterAnError(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		var uploads []directUpload
		for range 2 {
			u, err := s.direct.begin(t.Context(), "beto", "", details{Title: "S"}, ffmpeg.Containers()[0], 9)
			if err != nil {
				t.Fatal(err)
			}
			uploads = append(uploads, u)
		}
		videos := []Video{s.failed(t), s.failed(t)}
		var orphans []*original
		for range 2 {
			o, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest)
			if err != nil {
				t.Fatal(err)
			}
			orphans = append(orphans, o)
		}
		stuck := []string{uploads[0].Key, videos[0].OriginalKey, orphans[0].key}
		s.guard(func(_, key string) error {
			if slices.Contains(stuck, key) {
				return errStuck
			}
			return nil
		})
		s.pass(t, keepFailed+longestGrace)
		s.sweepStuck(t)
		s.wantFiles(t, videos[0].OriginalKey, orphans[0].key)
		s.wantDirect(t, 1)

		s.guard(func(string, string) error { return nil })
		s.pass(t, time.Hour)
		s.sweep(t)
		s.pass(t, time.Hour)
		s.sweep(t)
		s.wantFiles(t)
		s.wantDirect(t, 0)
		s.wantOrphans(t, 0)
	})
}
