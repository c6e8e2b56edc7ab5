package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// Folder carries messages into files, for whoever has no server. A nil Folder has no files.
type Folder struct {
	path string
	log  *slog.Logger
}

// NewFolder creates the folder with the first message.
func NewFolder(path string, log *slog.Logger) *Folder { return &Folder{path, log} }

// unfit are the characters that names of files do not have.
var unfit = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

func (f *Folder) file(id string) string {
	return filepath.Join(f.path, unfit.ReplaceAllString(id, "-")+".eml")
}

// forget deletes the file of a message, if there is one.
func (f *Folder) forget(id string) error {
	if f == nil {
		return nil
	}
	if err := os.Remove(f.file(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete the file of a letter: %w", err)
	}
	return nil
}

// forgetOld deletes files of a certain age. Of some, nothing else is known: after a backup was restored, or if a letter
// was forgotten while it was under way.
func (f *Folder) forgetOld(age time.Duration) error {
	if f == nil {
		return nil
	}
	names, err := filepath.Glob(filepath.Join(f.path, "*.eml"))
	for _, name := range names {
		info, statErr := os.Stat(name)
		if statErr != nil || time.Since(info.ModTime()) < age {
			continue // or another process has just deleted it
		}
		if removeErr := os.Remove(name); !errors.Is(removeErr, os.ErrNotExist) {
			err = errors.Join(err, removeErr)
		}
	}
	return err
}

// Carry writes a file that only this user reads. The same message again replaces it.
func (f *Folder) Carry(ctx context.Context, m Message) error {
	content, err := compose(m)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(f.path, 0o700); err != nil {
		return fmt.Errorf("create the folder of letters: %w", err)
	}
	name := f.file(m.ID)
	file, err := os.CreateTemp(f.path, ".letter-*") // with 0600
	if err != nil {
		return fmt.Errorf("write a letter: %w", err)
	}
	_, err = content.WriteTo(file)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil {
		err = os.Rename(file.Name(), name)
	}
	if err != nil {
		return fmt.Errorf("write a letter: %w", errors.Join(err, os.Remove(file.Name())))
	}
	f.log.InfoContext(ctx, "a letter is in a file, because SMTP_URL is not set", "file", name)
	return nil
}
