package disk

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
)

// Volume is the file system of one folder. A nil Volume has unlimited space.
type Volume struct {
	name, path string
	rows       bool // holds the database and no files
	o          Options
	ledger     *ledger
}

// ledger counts what this process has claimed on one file system.
type ledger struct {
	device  uint64
	mu      sync.Mutex
	claimed int64
}

// Claim is space that is promised to one writer. It is safe for concurrent use. A nil Claim is empty.
type Claim struct {
	ledger *ledger
	left   int64
	also   []*Claim
}

// State reads how much is free now.
func (v *Volume) State() (State, error) {
	v.ledger.mu.Lock()
	defer v.ledger.mu.Unlock()
	return v.state()
}

func (v *Volume) state() (State, error) {
	var stat syscall.Statfs_t
	if err := syscall.Statfs(v.path, &stat); err != nil {
		return State{}, fmt.Errorf("examine the volume %s, %s: %w", v.name, v.path, err)
	}
	block := int64(stat.Bsize) //nolint:unconvert // the fields' types differ between systems
	s := State{
		Name: v.name, Path: v.path, Size: int64(stat.Blocks) * block, Free: int64(stat.Bavail) * block,
		Claimed: v.ledger.claimed, Reserve: v.o.Reserve,
	}
	if !v.rows {
		s.Largest = v.o.Largest
	}
	if s.Reserve == 0 {
		s.Reserve = max(min(s.Size/reservePart, maxPartReserve), 2*v.o.Largest)
	}
	return s, nil
}

// Claim claims n bytes for something new. The error is ErrFull if the volume then had less than its reserve.
func (v *Volume) Claim(n int64) (*Claim, error) { return v.claim(n, 1) }

// Borrow claims n bytes for work on something that was accepted before. The error is ErrFull if the volume then had
// less than half of its reserve.
func (v *Volume) Borrow(n int64) (*Claim, error) { return v.claim(n, 2) }

func (v *Volume) claim(n, part int64) (*Claim, error) {
	if v == nil {
		return nil, nil // a nil claim is an empty one
	}
	v.ledger.mu.Lock()
	defer v.ledger.mu.Unlock()
	s, err := v.state()
	if err != nil {
		return nil, err
	}
	if keep := s.Reserve / part; s.Free-s.Claimed-n < keep {
		return nil, ErrFull.With(fmt.Errorf("%d MiB are needed beside %d MiB that stay free, but %s",
			n>>20, keep>>20, s))
	}
	v.ledger.claimed += n
	return &Claim{ledger: v.ledger, left: n}, nil
}

// Allocate allocates what is left of the claim for the empty file f, where the file system can: other processes then
// see it, and the claim is empty. When the file is complete, Trim gives back what it does not need. The error is
// ErrFull if another program was faster; the claim is then empty, too.
func (c *Claim) Allocate(f *os.File) error {
	if c == nil || c.left == 0 {
		return nil
	}
	err := allocate(f, c.left)
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	}
	c.Release()
	return Explain(err)
}

// Trim frees the space that was allocated for f beyond its end.
func Trim(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	return f.Truncate(info.Size())
}

// Use says that n of the bytes have been written, so that they are no longer free.
func (c *Claim) Use(n int64) {
	if c == nil || c.ledger == nil {
		return
	}
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	n = min(n, c.left)
	c.left -= n
	c.ledger.claimed -= n
}

// Release gives back what is left of the claim. It may be called again.
func (c *Claim) Release() {
	if c == nil {
		return
	}
	for _, claim := range c.also {
		claim.Release()
	}
	if c.ledger != nil {
		c.ledger.mu.Lock()
		defer c.ledger.mu.Unlock()
		c.ledger.claimed -= c.left
		c.left = 0
	}
}
