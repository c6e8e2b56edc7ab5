package media

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"risingstars/platform/storage"
)

// checkFiles returns what a check finds, sorted by key. Size and video are left out.
func (s *studio) checkFiles(t *testing.T, grace time.Duration, repair bool) []Finding {
	t.Helper()
	found := []Finding{}
	_, err := s.CheckFiles(t.Context(), CheckOptions{Grace: grace, Repair: repair, Each: func(f Finding) error {
		if strings.HasPrefix(f.Key, "uploads/") && f.VideoID == "" {
			t.Errorf("%+v names no video", f)
		}
		f.Size, f.VideoID = 0, ""
		found = append(found, f)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found, func(a, b Finding) int { return strings.Compare(a.Key, b.Key) })
	return found
}

func (s *studio) wantFound(t *testing.T, repair bool, want ...Finding) {
	t.Helper()
	slices.SortFunc(want, func(a, b Finding) int { return strings.Compare(a.Key, b.Key) })
	if diff := gocmp.Diff(append([]Finding{}, want...), s.checkFiles(t, 0, repair)); diff != "" {
		t.Fatalf("found (- want, + got):\n%s", diff)
	}
}

func (s *studio) remove(t *testing.T, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if err := os.Remove(filepath.Join(s.root, filepath.FromSlash(key))); err != nil {
			t.Fatal(err)
		}
	}
}

// published uploads a clip and publishes it.
func (s *studio) published(t *testing.T) Video {
	t.Helper()
	v := s.upload(t, clip(t, "1"))
	if err := s.deliver(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	return s.read(t, v.ID).video()
}

func TestACheckFindsNothingWhereNothingIsWrong(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		s.published(t)
		s.failed(t)
		s.upload(t, notReallyAVideo())
		direct := s.begin(t, 100)
		_, err := s.receive(t.Context(), newReader(notReallyAVideo()), largest) // an orphan
		if err == nil {
			err = s.store.orphan(t.Context(), time.Hour, "processed/"+newID()+"-1.mp4") // not yet written
		}
		if err != nil {
			t.Fatal(err)
		}
		s.wantFound(t, true)
		_, err = s.bucket.Put(t.Context(), direct.Key, newReader(notReallyAVideo()), storage.PutOptions{})
		if err != nil {
			t.Fatal(err)
		}
		s.wantFound(t, true)
	})
}

func TestAnUnnamedFileBecomesAnOrphan(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		kept := s.published(t)
		unnamed := []string{
			"uploads/" + newID() + ".mp4", "processed/" + kept.ID + "-7-abc.mp4", "processed/strange.txt",
		}
		var want []Finding
		for _, key := range unnamed {
			if _, err := s.bucket.Put(t.Context(), key, newReader([]byte("x")), storage.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			want = append(want, Finding{Kind: UnnamedFile, Key: key, Remedy: ListOrphan})
		}
		if found := s.checkFiles(t, time.Hour, true); len(found) > 0 {
			t.Fatalf("young files are found: %+v", found)
		}
		s.wantFound(t, false, want...)
		s.wantOrphans(t, 0)
		for i := range want {
			want[i].Repaired = true
		}
		s.wantFound(t, true, want...)
		s.wantFound(t, true)
		s.wantOrphans(t, 3)
		s.sweep(t)
		s.wantFiles(t, append(unnamed, append(kept.keys(), kept.OriginalKey)...)...)
		s.pass(t, longestGrace)
		s.sweep(t)
		s.wantFiles(t, append(kept.keys(), kept.OriginalKey)...)
	})
}

// failures is a herald that notes which videos have failed because their originals are lost.
type failures struct{ of []string }

func (*failures) Published(context.Context, Entry) error { return nil }

func (f *failures) Failed(_ context.Context, videoID, _, code string, _ int) error {
	if code == codeOriginalLost {
		f.of = append(f.of, videoID)
	}
	return nil
}

func TestAVideoWithoutItsOriginalFails(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		failed := s.failed(t)
		waits, released := s.upload(t, notReallyAVideo()), s.upload(t, notReallyAVideo())
		claimed := s.claimed(t, s.upload(t, notReallyAVideo()))
		s.set(t, released.ID, "status = 'processing', attempt = 1, lease_until = 0")
		videos := []Video{waits, released, failed, claimed}
		var want []Finding
		for _, v := range videos {
			s.remove(t, v.OriginalKey)
			want = append(want, Finding{Kind: MissingOriginal, Key: v.OriginalKey, Remedy: FailVideo})
		}
		s.wantFound(t, false, want...)
		for i := range want[:3] {
			want[i].Repaired = true
		}
		leased, told := want[3], &failures{}
		s.herald = told
		s.wantFound(t, true, want...)
		s.wantFound(t, true, leased)           // a worker has it
		ids := []string{waits.ID, released.ID} // others know of failed
		slices.Sort(ids)
		slices.Sort(told.of)
		if !slices.Equal(told.of, ids) {
			t.Errorf("told of %v, not of %v", told.of, ids)
		}
		for _, v := range videos[:3] {
			if row := s.read(t, v.ID); row.Status != string(Failed) || row.FailureCode != codeOriginalLost ||
				row.OriginalKey != "" || row.FailedAt == 0 {
				t.Errorf("%+v", row)
			}
		}
		if row := s.read(t, claimed.ID); row.Status != string(Processing) || row.Attempt != claimed.Attempt {
			t.Errorf("%+v", row)
		}
		if text := failureTexts[codeOriginalLost]; text.ES == "" || text.EN == "" {
			t.Errorf("the owner reads %+v", text)
		}
	})
}

func TestAPublishedVideoWithoutItsFilesIsProcessedAgain(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]func(v Video) (kinds, keys []string){
		"rendition": func(v Video) ([]string, []string) { return []string{MissingRendition}, []string{v.ProcessedKey} },
		"poster":    func(v Video) ([]string, []string) { return []string{MissingPoster}, []string{v.PosterKey} },
		"small":     func(v Video) ([]string, []string) { return []string{MissingRendition}, []string{v.SmallKey} },
		"posters":   func(v Video) ([]string, []string) { return []string{MissingPoster}, []string{v.Poster320Key} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			each(t, func(t *testing.T, s *studio) {
				s.o.Rules.NoSmall = name != "small"
				v := s.published(t)
				kinds, keys := lost(v)
				s.remove(t, keys...)
				want := Finding{Kind: kinds[0], Key: keys[0], Remedy: ProcessAgain}
				s.wantFound(t, false, want)
				want.Repaired = true
				s.wantFound(t, true, want)
				s.wantFound(t, true) // it is on its way
				s.sweep(t)
				if n := s.queued(t); n != 1 {
					t.Fatalf("%d tasks wait", n)
				}
				if err := s.deliver(t.Context(), v); err != nil {
					t.Fatal(err)
				}
				again := s.read(t, v.ID).video()
				entries := s.board.entries()
				if again.Status != Processed || len(entries) != 2 || entries[1].ProcessedKey != again.ProcessedKey ||
					again.ProcessedKey == v.ProcessedKey || again.PosterKey == v.PosterKey {
					t.Fatalf("%+v, published %+v", again, entries)
				}
				s.wantFiles(t, append(again.keys(), again.OriginalKey)...)
				s.wantOrphans(t, 0)
				s.wantFound(t, true)
			})
		})
	}
}

// The entry and its votes stay: the file may be in a backup.
func TestAPublishedVideoWithoutAnyFileIsOnlyReported(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.published(t)
		s.remove(t, v.OriginalKey)
		s.wantFound(t, true) // which a rule of the bucket may have deleted
		s.remove(t, v.ProcessedKey)
		s.wantFound(t, true, Finding{Kind: MissingRendition, Key: v.ProcessedKey, Remedy: Nothing})
		if row := s.read(t, v.ID); row.Status != string(Processed) {
			t.Errorf("%+v", row)
		}
	})
}

// The state that a repair saw is older than that of the database: whoever was faster wins.
func TestARepairSparesWhatHasChanged(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		v := s.published(t)
		seen := checkedVideo{
			ID: v.ID, Status: Processed, Attempt: v.Attempt, OriginalKey: v.OriginalKey,
			ProcessedKey: v.ProcessedKey, PosterKey: v.PosterKey,
		}
		again, err := s.store.processAgain(t.Context(), seen)
		if err != nil || !again {
			t.Fatal(again, err)
		}
		if again, err = s.store.processAgain(t.Context(), seen); err != nil || again {
			t.Errorf("a second repair: %t (%v)", again, err)
		}
		seen.Status = Uploaded
		claimed := s.claimed(t, v)
		if lost, err := s.store.lose(t.Context(), seen); err != nil || lost {
			t.Errorf("claimed meanwhile, and lost: %t (%v)", lost, err)
		}
		if row := s.read(t, v.ID); row.Attempt != claimed.Attempt || row.Status != string(Processing) {
			t.Errorf("%+v", row)
		}
		for _, key := range append(v.keys(), v.OriginalKey) {
			if disowned, err := s.store.disown(t.Context(), key, v.ID); err != nil || disowned {
				t.Errorf("%s, which a row names, is disowned: %t (%v)", key, disowned, err)
			}
		}
	})
}
