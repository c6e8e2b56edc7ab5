package s3store

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"risingstars/platform/scratch"
)

const (
	// chunkBytes is how much memory a part gets at a time, once the bytes before have arrived. partBytes is a multiple.
	chunkBytes = 64 << 10
	// bufferBytes is how much memory the parts of all uploads have together. A part that gets no more of it goes to a
	// file from there on, so no upload ever waits for another one. The memory saves small uploads the file; for larger
	// ones it saves little, as the system keeps a file that was just written in memory, too, while there is enough.
	bufferBytes = 4 << 20
)

// buffers hold the parts that are being read or sent, in memory and, beyond bufferBytes, in temporary files.
type buffers struct {
	free chan []byte   // chunks that no part uses
	area *scratch.Area // nil: the system's folder
}

func newBuffers(area *scratch.Area) *buffers {
	b := &buffers{free: make(chan []byte, bufferBytes/chunkBytes), area: area}
	for chunk := range slices.Chunk(make([]byte, bufferBytes), chunkBytes) {
		b.free <- chunk
	}
	return b
}

// chunk returns a chunk of memory, or nil if there is none.
func (b *buffers) chunk() []byte {
	select {
	case chunk := <-b.free:
		return chunk
	default:
		return nil
	}
}

// file returns an empty file without a name: it vanishes when it is closed.
func (b *buffers) file() (*os.File, error) {
	create := func() (*os.File, error) { return os.CreateTemp("", "s3-part-") }
	if b.area != nil {
		create = func() (*os.File, error) { return b.area.File("s3-part-") }
	}
	f, err := create()
	if err != nil {
		return nil, err
	}
	if err := os.Remove(f.Name()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// part is at most partBytes of an upload: its first bytes in chunks, the rest in a file. It is released after its use.
type part struct {
	buffers *buffers
	chunks  [][]byte
	file    *os.File // nil: everything is in chunks
	size    int64
}

func (b *buffers) part() *part { return &part{buffers: b} }

// fill reads r until the part is full or r ends, and reports whether it ended.
func (p *part) fill(r io.Reader) (end bool, err error) {
	for p.size < partBytes && !end {
		var n int64
		if chunk := p.grow(); chunk != nil {
			var read int
			read, err = io.ReadFull(r, chunk)
			n = int64(read)
		} else {
			n, err = p.spill(r)
		}
		p.size += n
		end = errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !end {
			return false, err
		}
	}
	return end, nil
}

// grow adds a chunk and returns it, or nil if the rest of the part belongs in the file.
func (p *part) grow() []byte {
	if p.file != nil {
		return nil
	}
	chunk := p.buffers.chunk()
	if chunk != nil {
		p.chunks = append(p.chunks, chunk)
	}
	return chunk
}

// spill reads the rest of the part into its file. It returns io.EOF if r ends before.
func (p *part) spill(r io.Reader) (n int64, err error) {
	if p.file == nil {
		if p.file, err = p.buffers.file(); err != nil {
			return 0, fmt.Errorf("keep a part in a file: %w", err)
		}
	}
	return io.CopyN(p.file, r, partBytes-p.size)
}

// content returns the part's bytes from the beginning.
func (p *part) content() io.ReadSeeker { return io.NewSectionReader(p, 0, p.size) }

// ReadAt is for content, which does not read beyond size.
func (p *part) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		at := off + int64(n)
		i := int(at / chunkBytes)
		if i >= len(p.chunks) {
			read, err := p.file.ReadAt(b[n:], at-int64(len(p.chunks))*chunkBytes)
			return n + read, err
		}
		n += copy(b[n:], p.chunks[i][at%chunkBytes:])
	}
	return n, nil
}

// release gives back what the part occupies.
func (p *part) release() {
	for _, chunk := range p.chunks {
		p.buffers.free <- chunk
	}
	if p.file != nil {
		_ = p.file.Close() // it has no name any more
	}
	*p = part{buffers: p.buffers}
}
