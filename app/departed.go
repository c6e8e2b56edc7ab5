package app

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"risingstars/modules/identity"
	"risingstars/platform/storage"
)

// A deletion is also noted in storage, by the account's id alone: a database that is restored from a backup of before
// brings the account back, and knows nothing of its deletion. Then it is deleted again. When its owner takes the
// deletion back, that is noted as well: a backup of the days between would go on with the deletion.

const (
	departedPrefix = "departed"
	departedEvery  = time.Hour
	// departedLife is how long a deletion is noted: longer than anybody keeps a backup of personal data.
	departedLife = 400 * 24 * time.Hour
	mostDeparted = 1 << 10 // bytes of a note
	// departedBatch notes are compared with the accounts at a time.
	departedBatch = 500
)

type departedNote struct {
	LeftAt     time.Time `json:"left_at"`
	ReturnedAt time.Time `json:"returned_at,omitzero"` // zero: the person has not come back
}

func departedKey(userID string) string { return departedPrefix + "/" + userID + ".json" }

func noteDeparted(ctx context.Context, bucket *storage.Bucket, userID string, note departedNote) error {
	content, err := json.Marshal(note)
	if err == nil {
		_, err = bucket.Put(ctx, departedKey(userID), bytes.NewReader(content), storage.PutOptions{})
	}
	if err != nil {
		return fmt.Errorf("note that an account is deleted: %w", err)
	}
	return nil
}

// departAgain deletes the accounts that are noted as deleted and are there nevertheless, and brings those back that are
// noted as returned and are deleted nevertheless. It returns how many, and goes on after an error.
func departAgain(ctx context.Context, bucket *storage.Bucket, m *identity.Module) (gone, back int, err error) {
	var ids []string
	var failed error
	look := func() {
		g, b, err := departThese(ctx, bucket, m, ids)
		gone, back, failed, ids = gone+g, back+b, errors.Join(failed, err), nil
	}
	err = bucket.List(ctx, departedPrefix+"/", func(o storage.Object) error {
		id := strings.TrimSuffix(path.Base(o.Key), ".json")
		if uuid.Validate(id) != nil || o.Key != departedKey(id) { // it is somebody else's
			return nil
		}
		if time.Since(o.ModTime) > departedLife {
			failed = errors.Join(failed, bucket.Delete(ctx, o.Key))
			return nil
		}
		if ids = append(ids, id); len(ids) == departedBatch {
			look()
		}
		return nil
	})
	look()
	if err = errors.Join(err, failed); err != nil {
		return gone, back, fmt.Errorf("compare accounts that a backup has brought back with the notes: %w", err)
	}
	return gone, back, nil
}

// departThese opens only the notes of accounts that are not erased.
func departThese(
	ctx context.Context, bucket *storage.Bucket, m *identity.Module, ids []string,
) (gone, back int, err error) {
	if len(ids) == 0 {
		return 0, 0, nil
	}
	known, err := m.Known(ctx, ids)
	if err != nil {
		return 0, 0, err
	}
	var failed error
	for _, id := range known {
		note, err := readDeparted(ctx, bucket, departedKey(id))
		switch {
		case err != nil:
		case note.ReturnedAt.After(note.LeftAt):
			var changed bool
			if changed, err = m.ReturnAgain(ctx, id, note.ReturnedAt); changed {
				back++
			}
		default:
			var changed bool
			if changed, err = m.DeleteAgain(ctx, id, note.LeftAt); changed && err == nil {
				gone++
			}
		}
		failed = errors.Join(failed, err)
	}
	return gone, back, failed
}

func readDeparted(ctx context.Context, bucket *storage.Bucket, key string) (note departedNote, err error) {
	r, _, err := bucket.Open(ctx, key)
	if err != nil {
		return note, err
	}
	defer r.Close()
	err = json.NewDecoder(io.LimitReader(r, mostDeparted)).Decode(&note)
	return note, err
}

// watchDeparted does departAgain, now and then until ctx ends.
func (a *app) watchDeparted(ctx context.Context) {
	ticker := time.NewTicker(departedEvery)
	defer ticker.Stop()
	for {
		gone, back, err := departAgain(ctx, a.bucket, a.identity)
		if err != nil && ctx.Err() == nil {
			a.log.WarnContext(ctx, "accounts that a backup may have brought back are looked for later", "error", err)
		}
		if gone+back > 0 {
			a.log.InfoContext(ctx, "accounts are again what they were before a backup was restored", "deleted", gone,
				"returned", back)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
