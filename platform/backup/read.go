package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"risingstars/platform/storage"
)

// ErrDamaged means that a backup is not what was written.
var ErrDamaged = errors.New("the backup is damaged")

// ErrLocked means that a backup is encrypted, and no identity fits.
var ErrLocked = errors.New("the backup is encrypted for somebody else")

// Reader reads a snapshot.
type Reader struct {
	Place    Place
	Snapshot *Snapshot
	// Identities decrypt; without any, what is encrypted cannot be read.
	Identities []age.Identity
	Progress   func(done, total int64)
	// Later begins the keys of files that stay as they are if they are there: they may be later than the snapshot. ""
	// is for none.
	Later string

	done, total int64
}

// Verify reads everything that belongs to the snapshot. check reads the rows; it is not called if they are encrypted
// and there is no identity, or if they are damaged. All that is wrong is in the error; but if no identity fits, nothing
// else is read. Progress counts from 0.
func (r *Reader) Verify(ctx context.Context, check func(io.Reader) error) error {
	readable := r.Snapshot.Recipient == "" || len(r.Identities) > 0
	r.done, r.total = 0, r.Snapshot.stored()
	if readable {
		r.total += r.Snapshot.Dump.Size // which is read once more
	}
	items := []Item{r.Snapshot.Dump}
	if r.Snapshot.Secret != nil {
		items = append(items, *r.Snapshot.Secret)
		r.total += r.Snapshot.Secret.Size
	}
	for _, file := range r.Snapshot.Files {
		items = append(items, file.Item)
	}
	var wrong []error
	for n, item := range items {
		err := r.raw(ctx, item, func(in io.Reader) error {
			_, err := io.Copy(io.Discard, in)
			return err
		})
		if n == 0 && err == nil && readable {
			err = r.Rows(ctx, check)
		}
		if err != nil {
			wrong = append(wrong, err)
		}
		if ctx.Err() != nil || errors.Is(err, ErrLocked) {
			break
		}
	}
	return errors.Join(wrong...)
}

// Rows gives the rows to read, decrypted and unpacked.
func (r *Reader) Rows(ctx context.Context, read func(io.Reader) error) error {
	return r.item(ctx, r.Snapshot.Dump, func(in io.Reader) error {
		z, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return err
		}
		defer z.Close()
		return read(z)
	})
}

// Secret returns the key that signs tokens and links; nil if the backup has none.
func (r *Reader) Secret(ctx context.Context) (secret []byte, err error) {
	if r.Snapshot.Secret == nil {
		return nil, nil
	}
	err = r.item(ctx, *r.Snapshot.Secret, func(in io.Reader) error {
		secret, err = io.ReadAll(io.LimitReader(in, 4<<10))
		return err
	})
	return secret, err
}

// Files copies the snapshot's files into a storage. What is there already with the same size stays. A file that is
// damaged is not copied. Progress counts from 0, and the rows come after the files.
func (r *Reader) Files(ctx context.Context, to *storage.Bucket) error {
	r.done, r.total = 0, r.Snapshot.stored()
	for _, file := range r.Snapshot.Files {
		if there, err := to.Stat(ctx, file.Key); err == nil &&
			(there.Size == file.Original || r.Later != "" && strings.HasPrefix(file.Key, r.Later)) {
			r.progress(file.Size)
			continue
		}
		err := r.item(ctx, file.Item, func(in io.Reader) error {
			_, err := to.Put(ctx, file.Key, in, storage.PutOptions{MaxBytes: file.Original, Announced: file.Original})
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// item gives an item to read, decrypted.
func (r *Reader) item(ctx context.Context, item Item, read func(io.Reader) error) error {
	return r.raw(ctx, item, func(in io.Reader) error {
		if !strings.HasSuffix(item.Name, encrypted) {
			return read(in)
		}
		if len(r.Identities) == 0 {
			return ErrLocked
		}
		plain, err := age.Decrypt(in, r.Identities...)
		if wrong := (*age.NoIdentityMatchError)(nil); errors.As(err, &wrong) {
			return ErrLocked
		}
		if err != nil {
			return fmt.Errorf("decrypt: %w", err)
		}
		return read(plain)
	})
}

// raw gives an item to read as it is stored. Whoever reads to its end gets ErrDamaged in place of io.EOF if it is not
// what was written.
func (r *Reader) raw(ctx context.Context, item Item, read func(io.Reader) error) error {
	in, err := r.Place.Open(ctx, item.Name)
	if errors.Is(err, storage.ErrNotFound) {
		return fmt.Errorf("%w: %s is missing", ErrDamaged, item.Name)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", item.Name, err)
	}
	defer in.Close()
	checked := &checked{r: r, in: in, item: item}
	checked.sum.Reader, checked.sum.sum = in, sha256.New()
	err = read(checked)
	if err == nil {
		_, err = io.Copy(io.Discard, checked) // what comes after the end of the content
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", item.Name, err)
	}
	return nil
}

func (r *Reader) progress(n int64) {
	r.done += n
	if r.Progress != nil && r.total > 0 { // not for what is read alone
		r.Progress(r.done, r.total)
	}
}

// stored is how many bytes the snapshot's rows and files have at the place.
func (s *Snapshot) stored() int64 {
	total := s.Dump.Size
	for _, file := range s.Files {
		total += file.Size
	}
	return total
}

// checked compares what it reads with what was written.
type checked struct {
	r    *Reader
	in   io.Reader
	item Item
	sum  hashed
}

func (c *checked) Read(p []byte) (int, error) {
	n, err := c.sum.Read(p)
	c.r.progress(int64(n))
	if errors.Is(err, io.EOF) {
		if sum := hex.EncodeToString(c.sum.sum.Sum(nil)); c.sum.size != c.item.Size || sum != c.item.SHA256 {
			return 0, ErrDamaged
		}
	}
	return n, err
}
