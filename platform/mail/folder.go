package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
)

// Folder carries messages into files, for whoever has no server.
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

// Forget deletes the file of a message, if there is one.
func (f *Folder) Forget(id string) error {
	if err := os.Remove(f.file(id)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("delete the file of a letter: %w", err)
	}
	return nil
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
