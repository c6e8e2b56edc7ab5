package diskstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"time"

	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

// A direct upload is a hidden folder directName/{id} that every process of the host sees: a file with its key, its parts, and, once it is
// completed, the ETag of its object, by which a repeated question is recognised. A lock on the folder keeps parts that arrive, shared,
// apart from what ends the upload, exclusive.
const (
	directName = ".direct"
	keyName    = "key"
	doneName   = "done"
)

var directID = regexp.MustCompile(`^[A-Z2-7]{26}$`)

func partName(number int) string { return fmt.Sprintf("part-%05d", number) }

// BeginDirect also removes uploads that nobody will ask for any more.
func (s *Store) BeginDirect(_ context.Context, key, _ string) (uploadID string, err error) {
	s.forget(time.Now())
	id := rand.Text()
	if err := s.makeFolders(directName); err != nil {
		return "", err
	}
	dir := path.Join(directName, id)
	if err := s.root.Mkdir(dir, 0o700); err != nil {
		return "", err
	}
	if err := s.note(dir, keyName, key); err != nil {
		return "", errors.Join(err, s.root.RemoveAll(dir))
	}
	return id, s.sync(directName)
}

// note keeps a text about an upload in its folder, durable when it returns: a crash leaves all of the file or none.
func (s *Store) note(dir, name, text string) error {
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
	if _, err := s.settle(f, temp); err != nil {
		return err
	}
	if err := s.root.Rename(temp, path.Join(dir, name)); err != nil {
		return err
	}
	return s.sync(dir)
}

// direct is the folder of an upload, locked.
type direct struct {
	store *Store
	path  string // below the root
	lock  *os.File
	done  string // the ETag of the object that the upload became, "" while it is under way
}

// openDirect locks the upload, with scratch.Lock or LockShared; storage.ErrNoUpload.
func (s *Store) openDirect(ctx context.Context, key, id string, lock func(context.Context, *os.File) error) (_ *direct, err error) {
	d := &direct{store: s, path: path.Join(directName, id)}
	if err := s.findDirect(key, id); err != nil {
		return nil, err
	}
	if d.lock, err = s.root.Open(d.path); err != nil {
		return nil, noUpload(err)
	}
	defer func() {
		if err != nil {
			d.close()
		}
	}()
	if err := lock(ctx, d.lock); err != nil {
		return nil, err
	}
	// Only now is it known whether somebody ended the upload in the meantime.
	if err := s.findDirect(key, id); err != nil {
		return nil, err
	}
	done, err := s.root.ReadFile(path.Join(d.path, doneName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	d.done = string(done)
	return d, nil
}

// openUnderWay is openDirect, shared, of an upload that is not completed either.
func (s *Store) openUnderWay(ctx context.Context, key, id string) (*direct, error) {
	d, err := s.openDirect(ctx, key, id, scratch.LockShared)
	if err == nil && d.done != "" {
		d.close()
		err = storage.ErrNoUpload
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

// close gives the lock back.
func (d *direct) close() { _ = d.lock.Close() }

// findDirect looks without a lock whether the upload is there, under way or completed; storage.ErrNoUpload.
func (s *Store) findDirect(key, id string) error {
	if !directID.MatchString(id) {
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

// takePart stores one part of exactly size bytes. It looks for the upload twice: before the first byte, so that nothing is written for one
// that has ended, and at the end, since it must not stay locked for as long as a client sends.
func (s *Store) takePart(ctx context.Context, key, id string, number int, size int64, r io.Reader) (storage.Part, error) {
	d, err := s.openUnderWay(ctx, key, id)
	if err != nil {
		return storage.Part{}, err
	}
	d.close()
	f, err := s.scratch.File("put-")
	if err != nil {
		return storage.Part{}, err
	}
	// After the rename the name is free and this does nothing.
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := io.CopyN(f, r, size); err != nil {
		return storage.Part{}, fmt.Errorf("write: %w", err)
	}
	temp, err := filepath.Rel(s.path, f.Name())
	if err != nil {
		return storage.Part{}, err
	}
	info, err := s.settle(f, temp)
	if err != nil {
		return storage.Part{}, err
	}
	if d, err = s.openUnderWay(ctx, key, id); err != nil {
		return storage.Part{}, err
	}
	defer d.close()
	if err := s.root.Rename(temp, path.Join(d.path, partName(number))); err != nil {
		return storage.Part{}, err
	}
	return part(number, info), s.sync(d.path)
}

func part(number int, info fs.FileInfo) storage.Part {
	return storage.Part{Number: number, ETag: object("", info).ETag, Size: info.Size()}
}

// DirectParts reads the folder.
func (s *Store) DirectParts(ctx context.Context, key, uploadID string) ([]storage.Part, error) {
	d, err := s.openUnderWay(ctx, key, uploadID)
	if err != nil {
		return nil, err
	}
	defer d.close()
	return d.parts()
}

func (d *direct) parts() ([]storage.Part, error) {
	entries, err := fs.ReadDir(d.store.root.FS(), d.path)
	if err != nil {
		return nil, err
	}
	var parts []storage.Part
	for _, e := range entries { // by name, so by number
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

// CompleteDirect copies the parts into one file, which the file system may do without moving bytes.
func (s *Store) CompleteDirect(ctx context.Context, key, uploadID string, parts []storage.Part) (storage.Object, error) {
	d, err := s.openDirect(ctx, key, uploadID, scratch.Lock)
	if err != nil {
		return storage.Object{}, err
	}
	defer d.close()
	if d.done != "" {
		obj, err := s.Stat(ctx, key)
		if errors.Is(err, storage.ErrNotFound) || err == nil && obj.ETag != d.done {
			err = storage.ErrNoUpload
		}
		if err != nil {
			return storage.Object{}, err
		}
		return obj, nil
	}
	if err := d.check(parts); err != nil {
		return storage.Object{}, err
	}
	obj, err := d.assemble(ctx, key, parts)
	if err != nil {
		return storage.Object{}, err
	}
	if err := s.note(d.path, doneName, obj.ETag); err != nil {
		return storage.Object{}, err
	}
	stored, err := d.parts()
	if err != nil {
		return storage.Object{}, err
	}
	for _, p := range stored {
		if err := s.root.Remove(path.Join(d.path, partName(p.Number))); err != nil {
			return storage.Object{}, err
		}
	}
	return obj, nil
}

// check compares the parts named with those that are there.
func (d *direct) check(parts []storage.Part) error {
	for _, want := range parts {
		info, err := d.store.root.Stat(path.Join(d.path, partName(want.Number)))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: number %d was not sent", storage.ErrBadParts, want.Number)
		}
		if err != nil {
			return err
		}
		if part(want.Number, info) != want {
			return fmt.Errorf("%w: number %d is another one", storage.ErrBadParts, want.Number)
		}
	}
	return nil
}

func (d *direct) assemble(ctx context.Context, key string, parts []storage.Part) (storage.Object, error) {
	f, err := d.store.scratch.File("put-")
	if err != nil {
		return storage.Object{}, err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	for _, p := range parts {
		if err := ctx.Err(); err != nil {
			return storage.Object{}, err
		}
		if err := d.append(f, p); err != nil {
			return storage.Object{}, err
		}
	}
	return d.store.commit(ctx, key, f)
}

func (d *direct) append(f *os.File, p storage.Part) error {
	in, err := d.store.root.Open(path.Join(d.path, partName(p.Number)))
	if err != nil {
		return err
	}
	defer in.Close()
	if _, err := io.Copy(f, in); err != nil {
		return fmt.Errorf("append part %d: %w", p.Number, err)
	}
	return nil
}

// AbortDirect moves the folder away under the lock, so that no part can arrive any more, and then removes it.
func (s *Store) AbortDirect(ctx context.Context, key, uploadID string) error {
	d, err := s.openDirect(ctx, key, uploadID, scratch.Lock)
	if errors.Is(err, storage.ErrNoUpload) {
		return nil
	}
	if err != nil {
		return err
	}
	defer d.close()
	if d.done != "" {
		return nil
	}
	grave, err := s.scratch.Dir("aborted-")
	if err != nil {
		return err
	}
	temp, err := filepath.Rel(s.path, grave)
	if err != nil {
		return err
	}
	if err := s.root.Rename(d.path, path.Join(temp, uploadID)); err != nil {
		return err
	}
	return errors.Join(s.sync(directName), os.RemoveAll(grave))
}
