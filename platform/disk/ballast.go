package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// ballastBytes is room for SQLite's log, which it checkpoints at 4 MiB, and for as much growth of its file.
const ballastBytes = 8 << 20

// Ballast is a file without use on the volume of a database. It is dropped when other programs have filled the volume
// to the last byte, so that rows can still be deleted. Several processes may keep the same one.
type Ballast struct{ path string }

// NewBallast does not create the file; Keep does.
func NewBallast(path string) *Ballast { return &Ballast{path} }

// Keep removes the file if the volume is exhausted, and creates it if it is missing and the volume is not even low. It
// reports whether it removed it.
func (b *Ballast) Keep(exhausted, low bool) (dropped bool, err error) {
	if exhausted {
		err := os.Remove(b.path)
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	}
	if low {
		return false, nil
	}
	f, err := os.OpenFile(b.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = allocate(f, ballastBytes)
	if errors.Is(err, errors.ErrUnsupported) {
		_, err = f.Write(make([]byte, ballastBytes))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return false, errors.Join(fmt.Errorf("fill the ballast: %w", err), os.Remove(b.path))
	}
	return false, nil
}
