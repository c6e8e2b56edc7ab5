package media

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/media/internal/ffmpeg"
)

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func newReader(content []byte) io.Reader { return bytes.NewReader(content) }

func TestOneOfManyClaimsSucceeds(t *testing.T) {
	t.Parallel()
	each(t, oneOfManyClaimsSucceeds)
}

func oneOfManyClaimsSucceeds(t *testing.T, s *studio) {
	v := s.insert(t, Uploaded)
	for round := 1; round <= 3; round++ { // first a new video, then one whose lease has lapsed
		var winners atomic.Int32
		var claimants sync.WaitGroup
		for range 50 {
			claimants.Go(func() {
				got, claimed, err := s.store.claim(t.Context(), v.ID)
				if err != nil {
					t.Error(err)
				}
				if claimed {
					winners.Add(1)
					if got.Attempt != 1+round {
						t.Errorf("round %d is attempt %d", round, got.Attempt)
					}
				}
			})
		}
		claimants.Wait()
		if winners.Load() != 1 {
			t.Fatalf("round %d has %d winners", round, winners.Load())
		}
		s.pass(t, leaseTime)
	}
}

// A worker whose claim has an earlier attempt number is refused everywhere.
func TestAnOldClaimChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, anOldClaimChangesNothing)
}

func anOldClaimChangesNothing(t *testing.T, s *studio) {
	v := s.insert(t, Uploaded)
	old := s.claimed(t, v)
	s.set(t, v.ID, "lease_until = 0")
	s.claimed(t, v)
	before := s.read(t, v.ID)
	for name, act := range map[string]func() (bool, error){
		"renew":   func() (bool, error) { return s.store.renew(t.Context(), old, "x", 1) },
		"release": func() (bool, error) { return false, s.store.release(t.Context(), old) },
		"reject":  func() (bool, error) { return s.store.reject(t.Context(), old, codeNotAVideo, "") },
		"publish": func() (bool, error) { return s.store.publish(t.Context(), old) },
	} {
		if done, err := act(); done || err != nil {
			t.Errorf("%s: %v, %v", name, done, err)
		}
		if after := s.read(t, v.ID); after != before {
			t.Errorf("%s changed %+v to %+v", name, before, after)
		}
	}
}

func (s *studio) claimed(t *testing.T, v Video) Video {
	t.Helper()
	got, claimed, err := s.store.claim(t.Context(), v.ID)
	if err != nil || !claimed {
		t.Fatal(claimed, err)
	}
	return got
}

// rendered writes files in place of those that ffmpeg writes.
func rendered(t *testing.T) ffmpeg.Result {
	t.Helper()
	dir := t.TempDir()
	r := ffmpeg.Result{
		Video: filepath.Join(dir, "out.mp4"), Duration: time.Second,
		Small: ffmpeg.Rendition{File: filepath.Join(dir, "small.mp4"), Width: 360, Height: 640},
	}
	for i, width := range []int{1280, 640, 320} {
		r.Posters[i] = ffmpeg.Rendition{
			File: filepath.Join(dir, fmt.Sprintf("out-%d.jpg", width)), Width: width, Height: width * 9 / 16,
		}
	}
	r.Poster = r.Posters[0].File
	for _, path := range []string{r.Video, r.Small.File, r.Poster, r.Posters[1].File, r.Posters[2].File} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func TestALostClaimPublishesNothingAndLeavesNoOutput(t *testing.T) {
	t.Parallel()
	for name, lose := range map[string]func(s *studio, v Video) error{
		"deleted": func(s *studio, v Video) error { return s.Delete(t.Context(), "ana", v.ID) },
		"claimed by another": func(s *studio, v Video) error {
			_, err := s.db.Exec(t.Context(), `UPDATE media_videos SET attempt = attempt + 1 WHERE id = ?`, v.ID)
			return err
		},
		"failed": func(s *studio, v Video) error {
			if err := s.store.release(t.Context(), v); err != nil {
				return err
			}
			_, err := s.store.fail(t.Context(), v.ID, 1)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			v := s.claimed(t, s.upload(t, notReallyAVideo()))
			if err := lose(s, v); err != nil {
				t.Fatal(err)
			}
			j := s.jobOf(v)
			if err := j.publish(t.Context(), rendered(t)); !errors.Is(err, errClaimLost) {
				t.Fatalf("publish returns %v", err)
			}
			if entries := s.board.entries(); len(entries) != 0 {
				t.Fatalf("published %+v", entries)
			}
			if name == "deleted" {
				s.wantFiles(t)
			} else {
				s.wantFiles(t, v.OriginalKey)
			}
			s.wantOrphans(t, 0)
		})
	}
}

func TestARefusedPublicationLeavesTheClaimAlone(t *testing.T) {
	t.Parallel()
	each(t, aRefusedPublicationLeavesTheClaimAlone)
}

func aRefusedPublicationLeavesTheClaimAlone(t *testing.T, s *studio) {
	v := s.claimed(t, s.upload(t, notReallyAVideo()))
	s.board.refuse = errors.New("the gallery is closed")
	j := s.jobOf(v)
	if err := j.publish(t.Context(), rendered(t)); !errors.Is(err, s.board.refuse) {
		t.Fatalf("publish returns %v", err)
	}
	if row := s.read(t, v.ID); row.Status != string(Processing) || row.ProcessedKey != "" {
		t.Fatalf("%+v", row)
	}
	s.wantFiles(t, v.OriginalKey)
	s.wantOrphans(t, 0)
}

// If the outcome of a commit is unknown, it may have succeeded although the caller sees an error.
func TestCleaningUpKeepsAdoptedFiles(t *testing.T) {
	t.Parallel()
	each(t, cleaningUpKeepsAdoptedFiles)
}

func cleaningUpKeepsAdoptedFiles(t *testing.T, s *studio) {
	v := s.claimed(t, s.upload(t, notReallyAVideo()))
	j := s.jobOf(v)
	if err := j.publish(t.Context(), rendered(t)); err != nil {
		t.Fatal(err)
	}
	row := s.read(t, v.ID)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	s.discard(ended, nil, append(row.output().keys(), row.OriginalKey)...)
	s.wantFiles(t, append(row.output().keys(), row.OriginalKey)...)
}
