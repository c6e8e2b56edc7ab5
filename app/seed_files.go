package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"risingstars/config"
	"risingstars/modules/media"
	"risingstars/platform/storage"
)

// seedFiles gives entries of a crowd their files: copies of one test clip, processed as every clip is. The zero value
// gives none.
type seedFiles struct {
	bucket       *storage.Bucket
	clip, poster string // paths
}

// prepare processes the clip. forget, which is never nil, removes it.
func (f *seedFiles) prepare(
	ctx context.Context, c *config.Config, report func(step string, percent int),
) (forget func(), err error) {
	cacheDir, forgetBumpers, err := bumperFolder(c)
	if err != nil {
		return forgetBumpers, err
	}
	dir, err := os.MkdirTemp("", "seed-*")
	if err != nil {
		return forgetBumpers, fmt.Errorf("create a folder for the clip: %w", err)
	}
	forget = func() {
		_ = os.RemoveAll(dir)
		forgetBumpers()
	}
	brand, err := readBrand(c, cacheDir, nil)
	if err != nil {
		return forget, err
	}
	f.clip, f.poster = filepath.Join(dir, "clip.mp4"), filepath.Join(dir, "clip.jpg")
	return forget, brand.processor.Preview(ctx, f.clip, report)
}

// put stores the files of one entry, which is added afterwards.
func (f *seedFiles) put(ctx context.Context, to media.Output) error {
	if f.clip == "" {
		return nil
	}
	return errors.Join(f.copy(ctx, f.clip, to.ProcessedKey), f.copy(ctx, f.poster, to.PosterKey))
}

func (f *seedFiles) copy(ctx context.Context, path, key string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = f.bucket.Put(ctx, key, file, storage.PutOptions{})
	return err
}
