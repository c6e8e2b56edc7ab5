package diskstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"

	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

// Every direct upload has a hidden folder directName/{id} that all processes of the host see. It holds a file with the
// upload's key, its parts, for each part an empty file that its writer locks and, once the upload is completed, a file
// with the ETag of its object, by which a repeated CompleteDirect recognises the object. Storing a part locks the
// folder shared; completing or aborting the upload locks it exclusively.
const (
	directName = ".direct"
	keyName    = "key"
	doneName   = "done"
)

var uploadID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

func partName(number int) string { return fmt.Sprintf("part-%05d", number) }

// uploadFolder is the locked folder of a direct upload.
type uploadFolder struct {
	store *Store
	path  string // below the root
	lock  *os.File
	etag  string // of the upload's object; "" while the upload is in progress
}

// openUpload locks the folder with lock, which is scratch.Lock or scratch.LockShared. It returns storage.ErrNoUpload if
// there is no such upload, neither in progress nor completed.
func (s *Store) openUpload(
	ctx context.Context, key, id string, lock func(context.Context, *os.File) error,
) (_ *uploadFolder, err error) {
	u := &uploadFolder{store: s, path: path.Join(directName, id)}
	if err := s.checkUpload(key, id); err != nil {
		return nil, err
	}
	if u.lock, err = s.root.Open(u.path); err != nil {
		return nil, noUpload(err)
	}
	defer func() {
		if err != nil {
			u.close()
		}
	}()
	if err := lock(ctx, u.lock); err != nil {
		return nil, err
	}
	// Another process may have aborted the upload before this one got the lock.
	if err := s.checkUpload(key, id); err != nil {
		return nil, err
	}
	etag, err := s.root.ReadFile(path.Join(u.path, doneName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	u.etag = string(etag)
	return u, nil
}

// openInProgress locks the folder shared. It returns storage.ErrNoUpload also if the upload was completed.
func (s *Store) openInProgress(ctx context.Context, key, id string) (*uploadFolder, error) {
	u, err := s.openUpload(ctx, key, id, scratch.LockShared)
	if err == nil && u.etag != "" {
		u.close()
		err = storage.ErrNoUpload
	}
	if err != nil {
		return nil, err
	}
	return u, nil
}

// close releases the lock.
func (u *uploadFolder) close() { _ = u.lock.Close() }

// checkUpload returns storage.ErrNoUpload unless the upload is in progress or completed. It takes no lock.
func (s *Store) checkUpload(key, id string) error {
	if !uploadID.MatchString(id) {
		return storage.ErrNoUpload
	}
	stored, err := s.root.ReadFile(path.Join(directName, id, keyName))
	if err != nil {
		return noUpload(err)
	}
	if string(stored) != key {
		return storage.ErrNoUpload
	}
	return nil
}

func noUpload(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return storage.ErrNoUpload
	}
	return err
}

// writeNote writes a small file about an upload into its folder dir. The file is durable on return; a crash leaves all
// of it or none.
func (s *Store) writeNote(dir, name, text string) error {
	f, err := s.scratch.File("note-")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		return err
	}
	temp, err := filepath.Rel(s.path, f.Name())
	if err != nil {
		return err
	}
	if _, err := s.persist(f, temp); err != nil {
		return err
	}
	if err := s.root.Rename(temp, path.Join(dir, name)); err != nil {
		return err
	}
	return s.sync(dir)
}

func part(number int, info fs.FileInfo) storage.Part {
	return storage.Part{Number: number, ETag: object("", info).ETag, Size: info.Size()}
}

func (u *uploadFolder) parts() ([]storage.Part, error) {
	entries, err := fs.ReadDir(u.store.root.FS(), u.path)
	if err != nil {
		return nil, err
	}
	var parts []storage.Part
	for _, e := range entries { // ordered by name, and so by number
		number, err := strconv.Atoi(e.Name()[max(0, len(e.Name())-5):])
		if err != nil || e.Name() != partName(number) {
			continue
		}
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		parts = append(parts, part(number, info))
	}
	return parts, nil
}

// checkParts returns storage.ErrBadParts unless the folder has all the listed parts.
func (u *uploadFolder) checkParts(listed []storage.Part) error {
	for _, want := range listed {
		info, err := u.store.root.Stat(path.Join(u.path, partName(want.Number)))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: part %d was not sent", storage.ErrBadParts, want.Number)
		}
		if err != nil {
			return err
		}
		if part(want.Number, info) != want {
			return fmt.Errorf("%w: part %d has another size or ETag", storage.ErrBadParts, want.Number)
		}
	}
	return nil
}

func (u *uploadFolder) removeParts() error {
	parts, err := u.parts()
	if err != nil {
		return err
	}
	for _, p := range parts {
		if err := u.store.root.Remove(path.Join(u.path, partName(p.Number))); err != nil {
			return err
		}
	}
	return nil
}
