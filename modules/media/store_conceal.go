package media

import (
	"context"
	"fmt"
)

// rename names the files of a published video anew. It reports false if they are others than the known one meanwhile.
func (s *store) rename(ctx context.Context, videoID, known string, o Output) (bool, error) {
	n, err := s.db.Exec(ctx, `
		UPDATE media_videos SET processed_key = ?, poster_key = ?, small_key = ?, poster_640_key = ?,
			poster_320_key = ?
		WHERE id = ? AND status = ? AND processed_key = ?`,
		o.ProcessedKey, o.PosterKey, o.SmallKey, o.Poster640Key, o.Poster320Key, videoID, Processed, known)
	if err != nil {
		return false, fmt.Errorf("name the files of %s anew: %w", videoID, err)
	}
	return n > 0, nil
}
