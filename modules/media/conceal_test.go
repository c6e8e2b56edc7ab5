package media

import (
	"testing"
	"time"

	"risingstars/platform/storage"
)

// A hidden video of which a file is missing is not copied over and over: nothing is written before all are there.
func TestConcealingWritesNothingUnlessAllFilesAreThere(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, s *studio) {
		id, ctx := newID(), t.Context()
		name := "processed/" + id + "-1"
		v := Video{
			ID: id, OwnerID: "ana", Title: "Mi canción", Duration: 35 * time.Second, UploadedAt: time.Now(),
			ProcessedAt: time.Now(), Output: Output{ProcessedKey: name + ".mp4", PosterKey: name + ".jpg"},
		}
		if err := s.Seed(ctx, []Video{v}); err != nil {
			t.Fatal(err)
		}
		put := func(key string) {
			t.Helper()
			_, err := s.bucket.Put(ctx, key, newReader([]byte(key)), storage.PutOptions{MaxBytes: 1 << 10})
			if err != nil {
				t.Fatal(err)
			}
		}
		var orphans struct{ N int }
		count := func() int {
			t.Helper()
			if err := s.db.Query(ctx, &orphans, `SELECT COUNT(*) AS n FROM media_unclaimed_files`); err != nil {
				t.Fatal(err)
			}
			return orphans.N
		}
		put(v.ProcessedKey)
		for range 2 {
			if key, err := s.Conceal(ctx, id); err == nil || key != "" || count() != 0 {
				t.Errorf("without its poster, the video is named %q, %v; %d files are listed", key, err, orphans.N)
			}
		}
		put(v.PosterKey)
		key, err := s.Conceal(ctx, id)
		if err != nil || key == "" || key == v.ProcessedKey {
			t.Fatalf("the video is named %q, %v", key, err)
		}
		if _, err := s.bucket.Stat(ctx, key); err != nil {
			t.Error(err)
		}
		if _, err := s.bucket.Stat(ctx, v.ProcessedKey); err == nil {
			t.Error("the file with the old name is still there")
		}
	})
}
