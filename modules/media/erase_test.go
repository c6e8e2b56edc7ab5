package media

import (
	"errors"
	"testing"
)

// What arrives after its owner has left becomes no video, and an erasure leaves nothing of it, nor of what was there
// before.
func TestAnErasureLeavesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		ctx := t.Context()
		before, late := s.upload(t, notReallyAVideo()), s.begin(t, len(mp4Head))
		s.put(t, late, mp4Head)
		o, err := s.receive(ctx, newReader(notReallyAVideo()), largest)
		if err != nil {
			t.Fatal(err)
		}
		s.board.gone = errors.New("gone")
		if _, err := s.accept(ctx, "ana", o, details{Title: "Tarde"}); !errors.Is(err, s.board.gone) {
			t.Errorf("a form that arrives late: %v", err)
		}
		if _, err := s.direct.complete(ctx, "ana", late.ID, nil); !errors.Is(err, s.board.gone) {
			t.Errorf("an upload that ends late: %v", err)
		}
		s.wantFiles(t, before.OriginalKey, late.Key)
		for range 2 {
			if err := s.EraseOwner(ctx, "ana"); err != nil {
				t.Fatal(err)
			}
		}
		s.wantNothing(t)
		var left struct{ N int }
		err = s.db.Query(ctx, &left, `
			SELECT (SELECT COUNT(*) FROM media_videos) + (SELECT COUNT(*) FROM media_owners) AS n`)
		if err != nil || left.N > 0 {
			t.Errorf("%d rows are left, %v", left.N, err)
		}
	})
}
