package media

import (
	"context"
	"crypto/rand"
	"fmt"
	"path"
	"strings"

	"risingstars/platform/storage"
)

// Conceal gives the files of a published video names that nobody knows, so that every link to them stops that was given
// out, in each kind of storage; caches forget a file within an hour. It returns the key of the rendition that it has
// named, "" if the video is not published, or was processed meanwhile.
func (m *Module) Conceal(ctx context.Context, videoID string) (processedKey string, err error) {
	v, err := m.store.byID(ctx, videoID)
	if err != nil || v.Status != Processed {
		return "", err
	}
	renamed := v.Output
	var from, to []string
	name := m.o.ProcessedPrefix + "/" + v.ID + "-" + strings.ToLower(rand.Text())
	for key, end := range map[*string]string{
		&renamed.ProcessedKey: "", &renamed.PosterKey: "", &renamed.SmallKey: smallEnd,
		&renamed.Poster640Key: poster640End, &renamed.Poster320Key: poster320End,
	} {
		if *key == "" {
			continue
		}
		from = append(from, *key)
		*key = name + end + path.Ext(*key)
		to = append(to, *key)
	}
	for _, key := range from { // nothing is copied in vain
		if _, err := m.bucket.Stat(ctx, key); err != nil {
			return "", fmt.Errorf("look for %s: %w", key, err)
		}
	}
	if err := m.store.orphan(ctx, longestGrace, to...); err != nil {
		return "", err
	}
	for i := range from {
		if err := m.copyFile(ctx, from[i], to[i]); err != nil {
			m.discard(ctx, err, to...)
			return "", err
		}
	}
	var files []condemned
	replaced := false
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		replaced, err = m.store.rename(ctx, v.ID, v.ProcessedKey, renamed)
		if err != nil || !replaced {
			return err
		}
		owner, err := m.people.Profile(ctx, v.OwnerID)
		if err != nil {
			return err
		}
		err = m.gallery.Publish(ctx, Entry{
			VideoID: v.ID, UserID: v.OwnerID, PlayerName: owner.PlayerName, City: owner.City, Country: owner.Country,
			Title: v.Title, Description: v.Description, Output: renamed, Duration: v.Duration,
			UploadedAt: v.UploadedAt,
		})
		if err != nil {
			return err
		}
		if files, err = m.store.condemn(ctx, firstPause, from...); err != nil {
			return err
		}
		return m.store.adopt(ctx, to...)
	})
	if err != nil || !replaced {
		m.discard(ctx, err, to...)
		return "", err
	}
	m.tryDeleteFiles(ctx, files)
	return renamed.ProcessedKey, nil
}

func (m *Module) copyFile(ctx context.Context, from, to string) error {
	r, object, err := m.bucket.Open(ctx, from)
	if err != nil {
		return fmt.Errorf("open %s: %w", from, err)
	}
	defer func() { _ = r.Close() }() // it was read
	_, err = m.bucket.Put(ctx, to, r, storage.PutOptions{
		ContentType: storage.ContentType(to), MaxBytes: object.Size, Announced: object.Size,
	})
	if err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}
