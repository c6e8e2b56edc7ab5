package ffmpeg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"risingstars/platform/box"
)

// Source is a clip that is not a file on this machine, such as an object in S3. Only one goroutine at a time reads it.
type Source struct {
	io.ReadSeeker
	Size int64  // of the clip, in bytes
	Head []byte // what the caller has read from the clip's beginning; it need not be fetched again
}

const (
	// fetchBytes is how much is fetched at once, so that the next reads of ffmpeg, which are small, find their bytes.
	fetchBytes = 256 << 10
	// skipBytes is the longest gap that is read through: up to there, another request would take longer.
	skipBytes = 1 << 20
)

// errOriginal means that the original could not be read, which says nothing about its content.
var errOriginal = errors.New("the original could not be read")

// original is the clip of a Source as a file in the job's folder. The file has the clip's size from the start and holes
// for content: fill fetches a part before a program reads it. Nothing is fetched twice, also not by the next program.
type original struct {
	path   string
	size   int64
	source io.ReadSeeker
	file   *os.File
	whole  bool // by fillAll

	mu      sync.Mutex
	at      int64  // where the source stands
	have    []span // of the file, ordered, with gaps between them
	fetched int64  // bytes
	failure error  // of the source or the file; final
}

// newOriginal creates the file. It fetches nothing.
func newOriginal(dir string, s *Source) (o *original, err error) {
	o = &original{path: filepath.Join(dir, "original"), size: s.Size, source: s}
	if o.file, err = os.OpenFile(o.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	if err = o.file.Truncate(o.size); err != nil {
		return o, err
	}
	if o.at, err = s.Seek(0, io.SeekCurrent); err != nil {
		return o, err
	}
	if n := int64(len(s.Head)); n > 0 && n <= o.size {
		_, err = o.file.WriteAt(s.Head, 0)
		o.add(span{0, n})
	}
	return o, err
}

// close removes the file. The Source stays open.
func (o *original) close() error {
	return errors.Join(o.file.Close(), os.Remove(o.path)) //nolint:gosec // the path is in the job's own folder
}

// err returns why the original could not be read. It wraps errOriginal, or is nil.
func (o *original) err() error {
	if o == nil {
		return nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.failure
}

// fill returns when the file has the content from one offset to another. After a failure of the source or of the disk
// it always returns that error. When ctx ends first, it returns ctx's error, and what has arrived is kept.
func (o *original) fill(ctx context.Context, from, to int64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	to = min(to, o.size)
	for o.failure == nil {
		gap, found := o.gap(max(from, 0), to)
		if !found {
			return nil
		}
		if err := o.fetch(ctx, gap); err != nil {
			return err
		}
	}
	return o.failure
}

// fillAll fetches what the file lacks, for programs that cannot wait for it.
func (o *original) fillAll(ctx context.Context) error {
	o.whole = true
	return o.fill(ctx, 0, o.size)
}

// gap returns the first part that the file lacks and that begins before to. It ends where the file has content again,
// or fetchBytes later.
func (o *original) gap(from, to int64) (gap span, found bool) {
	next := o.size
	for _, s := range o.have {
		if s.from > from {
			next = s.from
			break
		}
		from = max(from, s.to)
	}
	return span{from, min(next, max(to, from+fetchBytes))}, from < to
}

// fetch reads a gap from the source into the file.
func (o *original) fetch(ctx context.Context, gap span) error {
	begin := gap.from
	known := func(s span) bool { return s.from < begin && s.to > o.at }
	if o.at < begin && begin-o.at <= skipBytes && !slices.ContainsFunc(o.have, known) {
		begin = o.at
	}
	if o.at != begin {
		if _, err := o.source.Seek(begin, io.SeekStart); err != nil {
			return o.fail(err)
		}
		o.at = begin
	}
	buf := make([]byte, 64<<10)
	for o.at < gap.to {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := o.source.Read(buf[:min(int64(len(buf)), gap.to-o.at)])
		if n > 0 {
			if _, err := o.file.WriteAt(buf[:n], o.at); err != nil {
				return o.fail(err)
			}
			o.add(span{o.at, o.at + int64(n)})
			o.at += int64(n)
			o.fetched += int64(n)
		}
		switch {
		case err == nil, errors.Is(err, io.EOF) && o.at == o.size:
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, io.EOF):
			return o.fail(io.ErrUnexpectedEOF)
		default:
			return o.fail(err)
		}
	}
	return o.end(ctx)
}

// end reads the end of a source that has been read to its last byte, because that is where a checksum is compared.
func (o *original) end(ctx context.Context) error {
	if o.at < o.size {
		return nil
	}
	n, err := o.source.Read(make([]byte, 1))
	switch {
	case n > 0:
		return o.fail(fmt.Errorf("it has more than its %d bytes", o.size))
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return o.fail(err)
}

func (o *original) fail(err error) error {
	o.failure = fmt.Errorf("%w: %w", errOriginal, err)
	return o.failure
}

// add notes that the file has the content of s.
func (o *original) add(s span) {
	first, _ := slices.BinarySearchFunc(o.have, s.from, func(h span, at int64) int { return cmp.Compare(h.to, at) })
	last := first
	for last < len(o.have) && o.have[last].from <= s.to {
		s = span{min(s.from, o.have[last].from), max(s.to, o.have[last].to)}
		last++
	}
	o.have = slices.Replace(o.have, first, last, s)
}

// reads makes a program wait for what it reads of the original; nil if there is none or if it is here as a whole.
func (o *original) reads() *box.Reads {
	if o == nil || o.whole {
		return nil
	}
	return &box.Reads{File: o.file, Before: o.fill}
}
