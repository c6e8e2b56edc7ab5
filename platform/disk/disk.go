// Package disk keeps a part of every volume free, so that a full disk does not stop what must go on: signing in,
// voting, deleting, and publishing what is done.
//
// Every volume has a reserve. Whoever wants to store something new claims its space first, and is refused if that would
// use the reserve. Work on what was accepted before may borrow the upper half of the reserve. The lower half is for the
// database, for deleting, and for publishing.
//
// The space that is claimed and not yet written counts as used, in this process. Other processes see it where the file
// system can allocate space for a file before its content is written. The package cannot stop other programs from
// filling the disk.
package disk

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/fault"
)

const (
	// reservePart of a volume's size is its reserve, at most maxPartReserve: a fixed part of a large disk would be
	// wasted.
	reservePart    = 20
	maxPartReserve = 10 << 30
	// retryAfter is in seconds. An operator, or contestants who delete videos, must make room first.
	retryAfter = 300
)

// ErrFull is the fault for what a volume has no room for. Its cause says how much is free and how much is needed.
var ErrFull = fault.New(fault.Full, "storage_full",
	"No queda espacio para guardar archivos en este momento. Vuelve a intentarlo más tarde.",
	"There is no space left for files at the moment. Please try again later.").WithRetryAfter(retryAfter)

// Faults returns the faults that this package declares, for the catalogue of errors.
func Faults() []*fault.Error { return []*fault.Error{ErrFull} }

// Explain returns ErrFull, with err as its cause, if err means that a disk or a quota is full, and otherwise err.
func Explain(err error) error {
	if (errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)) && !errors.Is(err, ErrFull) {
		return ErrFull.With(err)
	}
	return err
}

// Options of Disks. The zero value works.
type Options struct {
	// Reserve of every volume, in bytes. 0: 5 % of the volume, at most 10 GiB, and at least twice Largest.
	Reserve int64
	// Largest is the size of the largest file that may arrive, in bytes.
	Largest    int64
	Registerer prometheus.Registerer // receives the free space and the reserve of each volume; nil: no metrics
}

// Disks are the volumes that a process writes to. They are safe for concurrent use. Nil Disks have unlimited space.
type Disks struct {
	o       Options
	mu      sync.Mutex
	volumes []*Volume
}

// New panics if its metrics are already registered, as prometheus.MustRegister does.
func New(o Options) *Disks {
	d := &Disks{o: o}
	if o.Registerer != nil {
		o.Registerer.MustRegister(collector{d})
	}
	return d
}

// Add returns the volume of the folder at path, which it creates if it is missing, for files that arrive or are made.
// name is for metrics and messages. Folders on the same file system share what is claimed.
func (d *Disks) Add(name, path string) (*Volume, error) { return d.add(name, path, false) }

// Watch is Add for a volume that holds the database, whose rows are small: nothing is borrowed there, but below its
// reserve nothing new is accepted anywhere.
func (d *Disks) Watch(name, path string) (*Volume, error) { return d.add(name, path, true) }

func (d *Disks) add(name, path string, rows bool) (*Volume, error) {
	if d == nil {
		return nil, nil // a nil volume has unlimited space
	}
	path, err := filepath.Abs(path)
	if err == nil {
		err = MkdirAll(path, 0o750)
	}
	if err != nil {
		return nil, fmt.Errorf("open the volume %s: %w", name, Explain(err))
	}
	device, err := deviceOf(path)
	if err != nil {
		return nil, fmt.Errorf("open the volume %s: %w", name, err)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	v := &Volume{name: name, path: path, rows: rows, o: d.o, ledger: &ledger{device: device}}
	for _, other := range d.volumes {
		if other.ledger.device == device {
			v.ledger = other.ledger
		}
	}
	d.volumes = append(d.volumes, v)
	return v, nil
}

// Volumes returns the volumes in the order in which they were added.
func (d *Disks) Volumes() []*Volume {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.volumes)
}

// Check returns ErrFull if a volume is below its reserve: nothing new should then be accepted, wherever it is stored.
func (d *Disks) Check() error {
	for _, v := range d.Volumes() {
		claim, err := v.Claim(0)
		if err != nil {
			return err
		}
		claim.Release()
	}
	return nil
}

// Borrow claims n bytes on each volume that was added, for work on something that was accepted before. The error is
// ErrFull.
func (d *Disks) Borrow(n int64) (*Claim, error) {
	all := &Claim{}
	var seen []*ledger
	for _, v := range d.Volumes() {
		if v.rows || slices.Contains(seen, v.ledger) {
			continue
		}
		seen = append(seen, v.ledger)
		claim, err := v.Borrow(n)
		if err != nil {
			all.Release()
			return nil, err
		}
		all.also = append(all.also, claim)
	}
	return all, nil
}

// Low returns a sentence for each volume on which the largest file no longer fits, or that cannot be examined.
func (d *Disks) Low() []string {
	var low []string
	for _, v := range d.Volumes() {
		state, err := v.State()
		switch {
		case err != nil:
			low = append(low, err.Error())
		case state.Low():
			low = append(low, state.String())
		}
	}
	return low
}

// Exhausted reports whether nothing more can be written to one of the volumes.
func (d *Disks) Exhausted() bool {
	const useless = 1 << 20 // programs write in blocks, so some bytes remain
	return slices.ContainsFunc(d.Volumes(), func(v *Volume) bool {
		state, err := v.State()
		return err == nil && state.Free < useless
	})
}

// State is the space of a volume at one moment, in bytes.
type State struct {
	Name, Path string
	Size       int64
	Free       int64 // what this process may still write
	Claimed    int64 // of the free space, by this process
	Reserve    int64
	Largest    int64 // file that may arrive; 0 on a volume that is only watched
}

// Spare returns how much can be claimed; less than 0 if the volume is below its reserve.
func (s State) Spare() int64 { return s.Free - s.Claimed - s.Reserve }

// Low reports whether the largest file no longer fits.
func (s State) Low() bool { return s.Spare() < s.Largest }

// String says how much is free and how much is needed.
func (s State) String() string {
	text := fmt.Sprintf("%s are free in %s (%s) and %s are its reserve", mib(s.Free), s.Path, s.Name, mib(s.Reserve))
	if s.Claimed > 0 {
		text = strings.Replace(text, " and ", fmt.Sprintf(", %s of them promised, and ", mib(s.Claimed)), 1)
	}
	return text
}

func mib(n int64) string { return fmt.Sprintf("%d MiB", n>>20) }
