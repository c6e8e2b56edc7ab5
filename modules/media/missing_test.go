package media

import (
	"os"
	"path/filepath"
	"testing"
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
				if _, err := s.lookForFiles(t.Context(), ""); err != nil {
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
