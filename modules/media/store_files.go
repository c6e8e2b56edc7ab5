package media

import (
	"context"
	"fmt"
	"time"
)

const (
	// longestGrace is the longest time that anything stays adoptable: the file of a direct upload.
	longestGrace = directLifetime + 2*directGrace
	// clockSlack is by how much a time may seem too late although the clock was not set back: the statement that judges
	// it may be older than the one that wrote it.
	clockSlack = time.Minute
)

// condemned is a file that its reader is to delete. Nothing can adopt it any more.
type condemned struct {
	StorageKey  string
	DeleteAfter int64 // tells this try from later ones
}

// orphan lists files as orphans before they are written, to be deleted after a grace unless they are adopted.
func (s *store) orphan(ctx context.Context, grace time.Duration, keys ...string) error {
	for _, key := range keys {
		_, err := s.db.Exec(ctx, `INSERT INTO media_unclaimed_files (storage_key, delete_after)
			VALUES (?, `+plus(s.clock(), grace)+`)`, key)
		if err != nil {
			return fmt.Errorf("list file %s as an orphan: %w", key, err)
		}
	}
	return nil
}

// adopt takes files off the list of orphans. It belongs in the transaction that makes a video's row point to them. The
// error is errDiscarded if one of them is not on the list or is being deleted.
func (s *store) adopt(ctx context.Context, keys ...string) error {
	rows, err := s.db.Exec(ctx,
		`DELETE FROM media_unclaimed_files WHERE storage_key IN ? AND NOT deleting`, keys)
	if err != nil {
		return fmt.Errorf("adopt files: %w", err)
	}
	if rows != int64(len(keys)) {
		return errDiscarded.With(fmt.Errorf("adopt %q: only %d are listed", keys, rows))
	}
	return nil
}

// condemn lists files that no row points to any more as being deleted, for the caller to do so after the commit. The
// sweeper tries again after a pause. It skips empty keys.
func (s *store) condemn(ctx context.Context, pause time.Duration, keys ...string) (files []condemned, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		files = nil
		for _, key := range keys {
			if key == "" {
				continue
			}
			var file condemned
			err := s.db.Query(ctx, &file, `
				INSERT INTO media_unclaimed_files (storage_key, delete_after, deleting, tries)
				VALUES (?, `+plus(s.clock(), pause)+`, TRUE, 1)
				ON CONFLICT (storage_key) DO UPDATE SET delete_after = excluded.delete_after, deleting = TRUE,
					tries = media_unclaimed_files.tries + 1
				RETURNING storage_key, delete_after`, key)
			if err != nil {
				return fmt.Errorf("condemn file %s: %w", key, err)
			}
			files = append(files, file)
		}
		return nil
	})
	return files, err
}

// condemnOrphans condemns those of the files that are orphans. Those that a video points to are not.
func (s *store) condemnOrphans(ctx context.Context, keys ...string) ([]condemned, error) {
	return s.takeFiles(ctx, fmt.Sprintf(`
		UPDATE media_unclaimed_files SET deleting = TRUE, tries = tries + 1, delete_after = %s
		WHERE storage_key IN ? AND NOT deleting
		RETURNING storage_key, delete_after`, s.tryAgain()), keys)
}

func (s *store) takeFiles(ctx context.Context, statement string, arg any) (files []condemned, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		files = nil // of a run that was rolled back
		return s.db.Query(ctx, &files, statement, arg)
	})
	if err != nil {
		return nil, fmt.Errorf("condemn orphans: %w", err)
	}
	return files, nil
}

// dueFiles condemns up to limit orphans that are due, and returns them with condemned ones that are due for another
// try. Nobody else gets the same ones before their next try. A file that a video names is no orphan, whoever has listed
// it: an old version, which does not know all columns, may take it for one. Its entry is deleted.
func (s *store) dueFiles(ctx context.Context, limit int) (files []condemned, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		files = nil // of a run that was rolled back
		var due []struct {
			StorageKey string
			Deleting   bool
		}
		err := s.db.Query(ctx, &due, fmt.Sprintf(`
			SELECT storage_key, deleting FROM media_unclaimed_files WHERE delete_after <= %s
			ORDER BY delete_after LIMIT ? %s`, s.moment(), s.skipLocked()), limit)
		if err != nil || len(due) == 0 {
			return err
		}
		var keys, listed []string
		for _, file := range due {
			if keys = append(keys, file.StorageKey); !file.Deleting {
				listed = append(listed, file.StorageKey)
			}
		}
		if err := s.unlistNamed(ctx, listed); err != nil {
			return err
		}
		files, err = s.takeFiles(ctx, fmt.Sprintf(`
			UPDATE media_unclaimed_files SET deleting = TRUE, tries = tries + 1, delete_after = %s
			WHERE storage_key IN ?
			RETURNING storage_key, delete_after`, s.tryAgain()), keys)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("take the orphans that are due: %w", err)
	}
	return files, nil
}

// unlistNamed takes those of the keys off the list of orphans that a video names.
func (s *store) unlistNamed(ctx context.Context, keys []string) error {
	var ids []string
	for _, key := range keys {
		if id := videoOf(key); id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	named, err := s.namedByVideos(ctx, ids)
	if err != nil {
		return err
	}
	for _, key := range keys {
		if !named[key] {
			continue
		}
		if err := s.adopt(ctx, key); err != nil {
			return err
		}
	}
	return nil
}

// deleted deletes the entry of a file that has been deleted, unless it has been condemned again since.
func (s *store) deleted(ctx context.Context, file condemned) error {
	_, err := s.db.Exec(ctx,
		`DELETE FROM media_unclaimed_files WHERE storage_key = ? AND deleting AND delete_after = ?`,
		file.StorageKey, file.DeleteAfter)
	if err != nil {
		return fmt.Errorf("delete the entry of orphan %s: %w", file.StorageKey, err)
	}
	return nil
}
