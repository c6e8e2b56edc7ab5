package backup

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/klauspost/compress/zstd"

	"risingstars/platform/storage"
)

// Source is what is backed up.
type Source struct {
	Program string // its version
	Files   *storage.Bucket
	// Prefixes of the keys of files; everything under them is copied.
	Prefixes []string
	Export   func(ctx context.Context, out io.Writer) (rows int64, err error)
	Key      string // KeyID of the key that signs tokens and links
	Secret   []byte // that key, if the contest has made it itself
	Scratch  string // folder for the dump, until it is at the place; "": the system's
}

// Options may be left zero.
type Options struct {
	Recipient age.Recipient           // nil: nothing is encrypted
	Progress  func(done, total int64) // bytes of what is copied, as far as it is known
}

// Write adds a snapshot to a place, and copies the files that none before has. It copies files before and after the
// rows: what is uploaded meanwhile is in the second copy, and what is deleted meanwhile in the first, so that no row
// lacks a file. After an error there is no new snapshot, and the files that were copied serve the next one.
func Write(ctx context.Context, from Source, to Place, o Options) (*Snapshot, error) {
	w := &writer{
		from: from, to: to, o: o, known: map[string]File{}, has: map[string]File{}, left: map[string]int64{},
	}
	names, err := Names(ctx, to)
	if err != nil {
		return nil, err
	}
	if o.Recipient != nil {
		if w.overhead, err = overheadOf(o.Recipient); err != nil {
			return nil, fmt.Errorf("encrypt: %w", err)
		}
	}
	if err := w.learn(ctx, names); err != nil {
		return nil, err
	}
	if err := w.files(ctx); err != nil {
		return nil, err
	}
	s := &Snapshot{
		Format: format, Program: from.Program, At: time.Now().UTC().Truncate(time.Second),
		Recipient: w.recipient(), Key: from.Key,
	}
	if s.Name = s.At.Format(nameFormat); len(names) > 0 && names[0] >= s.Name {
		return nil, fmt.Errorf("the place has a backup of this second or a later one already: %s", names[0])
	}
	if err := w.dump(ctx, s); err != nil {
		return nil, err
	}
	if err := w.files(ctx); err != nil {
		return nil, err
	}
	for _, file := range w.has {
		s.Files = append(s.Files, file)
	}
	slices.SortFunc(s.Files, func(a, b File) int { return strings.Compare(a.Key, b.Key) })
	if err := w.wantAll(ctx, s); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return nil, err
	}
	return s, to.Put(ctx, snapshots+s.Name+".json", strings.NewReader(string(data)), int64(len(data)))
}

// wantAll fails unless everything that a snapshot names is at the place: another process may have deleted what belonged
// to none until now.
func (w *writer) wantAll(ctx context.Context, s *Snapshot) error {
	there := map[string]int64{}
	for _, prefix := range []string{dumps + s.Name, files} {
		if err := w.to.List(ctx, prefix, func(e Entry) error { there[e.Name] = e.Size; return nil }); err != nil {
			return fmt.Errorf("list what is there: %w", err)
		}
	}
	items := []Item{s.Dump}
	if s.Secret != nil {
		items = append(items, *s.Secret)
	}
	for _, file := range s.Files {
		items = append(items, file.Item)
	}
	for _, item := range items {
		if size, ok := there[item.Name]; !ok || size != item.Size {
			return fmt.Errorf("%s is not at the place any more: is another backup running?", item.Name)
		}
	}
	return nil
}

type writer struct {
	from        Source
	to          Place
	o           Options
	known       map[string]File  // by key, at the place
	left        map[string]int64 // sizes of files at the place that no snapshot may have, by name
	has         map[string]File  // by key, in the snapshot
	done, total int64
	overhead    int64 // of encryption, in bytes
}

// recipient is whom it is encrypted for; "" if it is not.
func (w *writer) recipient() string {
	if named, ok := w.o.Recipient.(fmt.Stringer); ok {
		return named.String()
	}
	return ""
}

// learn reads which files are at the place: from the latest snapshot for the same recipient, and what backups have left
// that were broken off. A snapshot that cannot be read only has its files copied again.
func (w *writer) learn(ctx context.Context, names []string) error {
	for _, name := range names {
		s, err := readSnapshot(ctx, w.to, name)
		if err != nil || s.Recipient != w.recipient() {
			continue
		}
		for _, file := range s.Files {
			w.known[file.Key] = file
		}
		break
	}
	if w.o.Recipient != nil { // whose files have other names and bytes each time
		return nil
	}
	now := time.Now()
	err := w.to.List(ctx, files, func(e Entry) error {
		if now.Sub(e.At) < young/2 { // so that no Prune deletes it before it is named
			w.left[e.Name] = e.Size
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list what is there: %w", err)
	}
	return nil
}

// files copies all files that are not at the place yet.
func (w *writer) files(ctx context.Context) error {
	var missing []storage.Object
	for _, prefix := range w.from.Prefixes {
		err := w.from.Files.List(ctx, prefix, func(o storage.Object) error {
			if _, has := w.has[o.Key]; has {
				return nil
			}
			if file, known := w.known[o.Key]; known && file.Original == o.Size {
				w.has[o.Key] = file
				return nil
			}
			missing = append(missing, o)
			w.total += o.Size
			return nil
		})
		if err != nil {
			return fmt.Errorf("list the files: %w", err)
		}
	}
	for _, o := range missing {
		if err := w.file(ctx, o); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) file(ctx context.Context, o storage.Object) error {
	r, now, err := w.from.Files.Open(ctx, o.Key)
	if errors.Is(err, storage.ErrNotFound) { // it was deleted since it was listed
		w.total -= o.Size
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", o.Key, err)
	}
	defer r.Close()
	put := w.put
	if size, there := w.left[files+o.Key]; there && size == now.Size {
		put = w.recognize
	}
	item, err := put(ctx, files+o.Key, io.LimitReader(r, now.Size), now.Size)
	if err != nil {
		return fmt.Errorf("copy %s: %w", o.Key, err)
	}
	w.has[o.Key] = File{Item: item, Key: o.Key, Original: now.Size}
	return nil
}

// put stores so many bytes, encrypted if there is a recipient.
func (w *writer) put(ctx context.Context, name string, r io.Reader, size int64) (Item, error) {
	r = &counted{r, w}
	if w.o.Recipient != nil {
		var stop func()
		r, stop = encrypting(r, w.o.Recipient)
		defer stop()
		// Each time other bytes come out, which must not replace those of another backup.
		name += "." + strings.ToLower(rand.Text()[:10]) + encrypted
		size = encryptedSize(size, w.overhead)
	}
	h := &hashed{Reader: r, sum: sha256.New()}
	if err := w.to.Put(ctx, name, h, size); err != nil {
		return Item{}, err
	}
	if h.size != size {
		return Item{}, fmt.Errorf("%d bytes came instead of %d", h.size, size)
	}
	return Item{name, h.size, hex.EncodeToString(h.sum.Sum(nil))}, nil
}

// recognize describes what is at the place already: r has the same bytes, because a file never changes.
func (w *writer) recognize(_ context.Context, name string, r io.Reader, _ int64) (Item, error) {
	h := &hashed{Reader: &counted{r, w}, sum: sha256.New()}
	_, err := io.Copy(io.Discard, h)
	return Item{name, h.size, hex.EncodeToString(h.sum.Sum(nil))}, err
}

// dump stores the rows, and the secret.
func (w *writer) dump(ctx context.Context, s *Snapshot) (err error) {
	f, err := os.CreateTemp(w.from.Scratch, "dump-*")
	if err != nil {
		return fmt.Errorf("create a file for the rows: %w", err)
	}
	defer f.Close()
	if err := os.Remove(f.Name()); err != nil { // it stays open; nothing is left behind, however this process ends
		return fmt.Errorf("create a file for the rows: %w", err)
	}
	z, err := zstd.NewWriter(f, zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if s.Rows, err = w.from.Export(ctx, z); err != nil {
		return fmt.Errorf("copy the rows: %w", errors.Join(err, z.Close()))
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("copy the rows: %w", err)
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("copy the rows: %w", err)
	}
	w.total += size
	if s.Dump, err = w.put(ctx, dumps+s.Name+".jsonl.zst", f, size); err != nil {
		return fmt.Errorf("copy the rows: %w", err)
	}
	if w.from.Secret != nil {
		length := int64(len(w.from.Secret))
		w.total += length
		item, err := w.put(ctx, dumps+s.Name+".secret", strings.NewReader(string(w.from.Secret)), length)
		if err != nil {
			return fmt.Errorf("copy the secret: %w", err)
		}
		s.Secret = &item
	}
	return nil
}

// counted reports what is read.
type counted struct {
	io.Reader
	w *writer
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.w.done += int64(n)
	if c.w.o.Progress != nil {
		c.w.o.Progress(c.w.done, c.w.total)
	}
	return n, err
}

type hashed struct {
	io.Reader
	sum  hash.Hash
	size int64
}

func (h *hashed) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	h.sum.Write(p[:n])
	h.size += int64(n)
	return n, err
}
