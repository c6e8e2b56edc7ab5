package media

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"
)

// checkedVideo is what a check has read about a video.
type checkedVideo struct {
	ID           string
	Status       Status
	Attempt      int
	OriginalKey  string
	ProcessedKey string
	PosterKey    string
	SmallKey     string
	Poster640Key string `gorm:"column:poster_640_key"`
	Poster320Key string `gorm:"column:poster_320_key"`
}

const checkedColumns = `id, status, attempt, original_key, processed_key, poster_key, ` +
	`small_key, poster_640_key, poster_320_key`

// needs yields the files that must be there, by what it means if they are not. A video that is processed again after
// its files were lost needs only its original.
func (v checkedVideo) needs() func(yield func(kind, key string) bool) {
	return func(yield func(kind, key string) bool) {
		switch {
		case v.Status == Uploaded, v.Status == Processing:
			yield(MissingOriginal, v.OriginalKey)
			return
		case v.Status == Failed && v.OriginalKey != "" && !yield(MissingOriginal, v.OriginalKey):
			return
		}
		for _, file := range []struct{ kind, key string }{
			{MissingRendition, v.ProcessedKey},
			{MissingRendition, v.SmallKey},
			{MissingPoster, v.PosterKey},
			{MissingPoster, v.Poster640Key},
			{MissingPoster, v.Poster320Key},
		} {
			if file.key != "" && !yield(file.kind, file.key) {
				return
			}
		}
	}
}

// named returns those of the files that a row names. ids are those of the videos or uploads that the files' names begin
// with. It is one statement, which sees one moment: a file that is adopted or deleted meanwhile is named by the list of
// orphans or by a video.
func (s *store) named(ctx context.Context, keys, ids []string) (map[string]bool, error) {
	var rows []struct{ StorageKey string }
	err := s.db.Query(ctx, &rows, `
		SELECT storage_key FROM media_unclaimed_files WHERE storage_key IN ?
		UNION ALL SELECT storage_key FROM media_direct_uploads WHERE id IN ?
		UNION ALL SELECT original_key FROM media_videos WHERE id IN ?
		UNION ALL SELECT processed_key FROM media_videos WHERE id IN ?
		UNION ALL SELECT poster_key FROM media_videos WHERE id IN ?
		UNION ALL SELECT small_key FROM media_videos WHERE id IN ?
		UNION ALL SELECT poster_640_key FROM media_videos WHERE id IN ?
		UNION ALL SELECT poster_320_key FROM media_videos WHERE id IN ?`, keys, ids, ids, ids, ids, ids, ids, ids)
	if err != nil {
		return nil, fmt.Errorf("look for the rows of files: %w", err)
	}
	named := make(map[string]bool, len(rows))
	for _, row := range rows {
		named[row.StorageKey] = true
	}
	return named, nil
}

// namedByVideos returns the files that the videos' rows name.
func (s *store) namedByVideos(ctx context.Context, ids []string) (map[string]bool, error) {
	var videos []checkedVideo
	err := s.db.Query(ctx, &videos, `SELECT `+checkedColumns+` FROM media_videos WHERE id IN ?`, ids)
	if err != nil {
		return nil, fmt.Errorf("read the files of videos: %w", err)
	}
	named := map[string]bool{}
	for _, v := range videos {
		for _, key := range []string{
			v.OriginalKey, v.ProcessedKey, v.PosterKey, v.SmallKey, v.Poster640Key, v.Poster320Key,
		} {
			named[key] = true
		}
	}
	return named, nil
}

// disown lists a file as an orphan that is due after longestGrace. It reports false if a row names the file by now.
func (s *store) disown(ctx context.Context, key, id string) (bool, error) {
	rows, err := s.db.Exec(ctx, `
		INSERT INTO media_unclaimed_files (storage_key, delete_after)
		SELECT CAST(? AS TEXT), `+plus(s.clock(), longestGrace)+`
		WHERE NOT EXISTS (SELECT 1 FROM media_videos WHERE id = ? AND ? IN (
				original_key, processed_key, poster_key, small_key, poster_640_key, poster_320_key))
			AND NOT EXISTS (SELECT 1 FROM media_direct_uploads WHERE id = ? AND storage_key = ?)
		ON CONFLICT (storage_key) DO NOTHING`, key, id, key, id, key)
	if err != nil {
		return false, fmt.Errorf("list the unnamed file %s as an orphan: %w", key, err)
	}
	return rows > 0, nil
}

// withFiles returns the videos that follow an id, in the order of their ids.
func (s *store) withFiles(ctx context.Context, after string, limit int) (videos []checkedVideo, err error) {
	err = s.db.Query(ctx, &videos,
		`SELECT `+checkedColumns+` FROM media_videos WHERE id > ? ORDER BY id LIMIT ?`, after, limit)
	if err != nil {
		return nil, fmt.Errorf("list videos with their files: %w", err)
	}
	return videos, nil
}

// checked returns errNotFound for an unknown id.
func (s *store) checked(ctx context.Context, id string) (v checkedVideo, err error) {
	err = s.db.Query(ctx, &v, `SELECT `+checkedColumns+` FROM media_videos WHERE id = ?`, id)
	if err != nil {
		return v, fmt.Errorf("read video %s: %w", id, err)
	}
	if v.ID == "" {
		return v, errNotFound
	}
	return v, nil
}

// latestOriginal returns the key of the latest video's original, or "".
func (s *store) latestOriginal(ctx context.Context) (string, error) {
	var row struct{ OriginalKey string }
	err := s.db.Query(ctx, &row, `SELECT original_key FROM media_videos ORDER BY id DESC LIMIT 1`)
	if err != nil {
		return "", fmt.Errorf("read the latest original: %w", err)
	}
	return row.OriginalKey, nil
}

func (s *store) unchanged(ctx context.Context, v checkedVideo) (bool, error) {
	now, err := s.checked(ctx, v.ID)
	if errors.Is(err, errNotFound) {
		return false, nil
	}
	return now == v, err
}

// lose ends a video that waits, or that failed, because its original is missing. It reports false if the video has
// changed, or a worker has a lease on it and will find out itself.
func (s *store) lose(ctx context.Context, v checkedVideo) (lost bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		lost = true
		if v.Status != Failed {
			waits := "attempt = ? AND original_key = ? AND NOT mock AND NOT " + leased(s.clock())
			claimed, err := s.move(ctx, v.ID, Processing, []Status{Uploaded, Processing},
				map[string]any{"lease_until": 0}, waits, v.Attempt, v.OriginalKey)
			if lost = claimed; err != nil || !lost {
				return err
			}
			if lost, err = s.moveToFailed(ctx, v.ID, codeOriginalLost, "attempt = ?", v.Attempt); err != nil || !lost {
				return err
			}
		}
		// A failure of the clip keeps its reason: it cannot be retried anyway.
		rows, err := s.db.Exec(ctx, `
			UPDATE media_videos SET original_key = '', original_bytes = 0,
				failure_code = CASE WHEN failure_code = ? THEN ? ELSE failure_code END
			WHERE id = ? AND status = ? AND original_key = ?`,
			codeProcessingError, codeOriginalLost, v.ID, string(Failed), v.OriginalKey)
		lost = rows > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("record that the original of video %s is lost: %w", v.ID, err)
	}
	return lost, nil
}

// processAgain makes a published video wait for a worker, because it has lost its files. Until the new ones are
// published, its row and its entry keep the names of the old ones, and the row their notices. It reports false if the
// video has changed.
func (s *store) processAgain(ctx context.Context, v checkedVideo) (bool, error) {
	return s.move(ctx, v.ID, Uploaded, []Status{Processed, Failed}, map[string]any{
		"failure_code": "", "failure_subject": "", "stage": stepQueued, "progress": 0, "sent_at": 0,
		"failed_at": 0, "forgiven": gorm.Expr("attempt"),
	}, "attempt = ? AND original_key = ? AND processed_key = ?", v.Attempt, v.OriginalKey, v.ProcessedKey)
}

// eachPublished calls each with the ids of all videos that have an entry, in batches.
func (s *store) eachPublished(ctx context.Context, each func(ids []string) error) error {
	for after := ""; ; {
		var rows []videoRow
		err := s.db.Gorm(ctx).Select("id").Where("id > ? AND processed_key <> ''", after).
			Order("id").Limit(checkBatch).Find(&rows).Error
		if err != nil {
			return fmt.Errorf("list published videos: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		ids := make([]string, len(rows))
		for i, row := range rows {
			ids[i] = row.ID
		}
		if err := each(ids); err != nil {
			return err
		}
		after = ids[len(ids)-1]
	}
}

func (s *store) outputs(ctx context.Context, ids []string) (map[string]Output, error) {
	var rows []videoRow
	err := s.db.Gorm(ctx).Select("id", "processed_key", "poster_key",
		"small_key", "small_width", "small_height", "poster_640_key", "poster_320_key").
		Where("id IN ? AND processed_key <> ''", ids).Find(&rows).Error
	if err != nil {
		return nil, fmt.Errorf("read the outputs of videos: %w", err)
	}
	found := make(map[string]Output, len(rows))
	for _, row := range rows {
		found[row.ID] = row.output()
	}
	return found, nil
}
