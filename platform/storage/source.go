package storage

import (
	"context"
	"fmt"
	"io"
)

// source is the reader that a driver gets. It fails when ctx ends and when the limit is exceeded, and it keeps its
// error, because a driver may hide that behind its own.
type source struct {
	ctx   context.Context
	r     io.Reader
	limit int64 // bytes; 0 = none
	read  int64
	err   error
}

func (s *source) Read(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	if err := s.ctx.Err(); err != nil {
		s.err = err
		return 0, err
	}
	// One byte past the limit distinguishes "too large" from "just fits".
	if s.limit > 0 && int64(len(p)) > s.limit-s.read+1 {
		p = p[:s.limit-s.read+1]
	}
	n, err := s.r.Read(p)
	s.read += int64(n)
	if s.limit > 0 && s.read > s.limit {
		s.err = tooLarge(s.limit)
		return 0, s.err
	}
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

func tooLarge(limit int64) error { return fmt.Errorf("%w: more than %d bytes", ErrTooLarge, limit) }
