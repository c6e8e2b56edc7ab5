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
// brings the account back, and knows nothing of its deletion. Then it is deleted again.

const (
	departedPrefix = "departed"
	departedEvery  = time.Hour
	// departedLife is how long a deletion is noted: longer than anybody keeps a backup of personal data.
	departedLife = 400 * 24 * time.Hour
	mostDeparted = 1 << 10 // bytes of a note
)

type departedNote struct {
	LeftAt time.Time `json:"left_at"`
}

func departedKey(userID string) string { return departedPrefix + "/" + userID + ".json" }

func noteDeparted(ctx context.Context, bucket *storage.Bucket, userID string, at time.Time) error {
	content, err := json.Marshal(departedNote{at})
	if err == nil {
		_, err = bucket.Put(ctx, departedKey(userID), bytes.NewReader(content), storage.PutOptions{})
	}
	if err != nil {
		return fmt.Errorf("note that an account is deleted: %w", err)
	}
	return nil
}

func forgetDeparted(ctx context.Context, bucket *storage.Bucket, userID string) error {
	if err := bucket.Delete(ctx, departedKey(userID)); err != nil {
		return fmt.Errorf("forget that an account was deleted: %w", err)
	}
	return nil
}

// deleteAgain deletes the accounts that are noted as deleted and are there nevertheless, and returns how many. It goes
// on after an error.
func deleteAgain(ctx context.Context, bucket *storage.Bucket, m *identity.Module) (n int, err error) {
	var failed error
	err = bucket.List(ctx, departedPrefix+"/", func(o storage.Object) error {
		id := strings.TrimSuffix(path.Base(o.Key), ".json")
		if uuid.Validate(id) != nil || o.Key != departedKey(id) { // it is somebody else's
			return nil
		}
		if time.Since(o.ModTime) > departedLife {
			failed = errors.Join(failed, bucket.Delete(ctx, o.Key))
			return nil
		}
		note, err := readDeparted(ctx, bucket, o.Key)
		if err != nil {
			failed = errors.Join(failed, err)
			return nil
		}
		again, err := m.DeleteAgain(ctx, id, note.LeftAt)
		if again && err == nil {
			n++
		}
		failed = errors.Join(failed, err)
		return nil
	})
	if err = errors.Join(err, failed); err != nil {
		return n, fmt.Errorf("delete accounts again that a backup has brought back: %w", err)
	}
	return n, nil
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

// watchDeparted deletes again, now and then until ctx ends, what a backup has brought back.
func (a *app) watchDeparted(ctx context.Context) {
	ticker := time.NewTicker(departedEvery)
	defer ticker.Stop()
	for {
		n, err := deleteAgain(ctx, a.bucket, a.identity)
		switch {
		case err != nil && ctx.Err() == nil:
			a.log.WarnContext(ctx, "accounts that a backup may have brought back are looked for later", "error", err)
		case n > 0:
			a.log.InfoContext(ctx, "accounts that a backup had brought back are deleted again", "count", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
