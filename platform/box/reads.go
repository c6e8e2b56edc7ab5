package box

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
)

// Reads lets a program wait for the content of one file. It is no wall: a program can map the file into memory, or move
// the file's position in one thread while another one reads, and then finds what the file has at that moment. It harms
// only its own result by that, because the walls decide what it can reach.
type Reads struct {
	File *os.File // the file, as this process has it open
	// Before is called before each read of the file, by one goroutine at a time, with the offsets of the first byte and
	// of the first after the last, which may be beyond the end of the file. After an error the program's read fails
	// with EIO. ctx ends with the run.
	Before func(ctx context.Context, from, to int64) error
}

// ErrReads means that a program's reads could not be answered. The file may be sound.
var ErrReads = errors.New("box: the program's reads could not be answered")

// CanWait reports whether Command.Reads works on this system.
func (b *Box) CanWait() bool { return b.waits }

// readServer answers the reads of one run.
type readServer struct {
	socket *os.File // the launcher's end of the connection
	cancel context.CancelFunc
	served chan struct{} // closed in the end
	err    error         // after that
}

// close waits until no read is being answered any more. It may be called twice, and for nil.
func (s *readServer) close() error {
	if s == nil {
		return nil
	}
	s.cancel()
	s.socket.Close()
	<-s.served
	if s.err != nil {
		return fmt.Errorf("%w: %w", ErrReads, s.err)
	}
	return nil
}

// files are what the launcher gets.
func (s *readServer) files() []*os.File {
	if s == nil {
		return nil
	}
	return []*os.File{s.socket}
}

// tryReads finds out whether a launcher can wait for the content of a file, by letting one read this executable.
func (b *Box) tryReads(ctx context.Context) bool {
	path, err := executable()
	if err != nil {
		return false
	}
	file, err := os.Open(path)
	if err != nil {
		return false
	}
	defer file.Close()
	var asked atomic.Bool
	server, err := serveReads(ctx, &Reads{File: file, Before: func(context.Context, int64, int64) error {
		asked.Store(true)
		return nil
	}})
	if err != nil {
		return false
	}
	report, err := b.startReader(ctx, append(server.files(), file))
	return errors.Join(err, server.close()) == nil && report == "" && asked.Load()
}

// startReader starts a launcher that reads from the second file, and returns its report.
func (b *Box) startReader(ctx context.Context, files []*os.File) (report string, err error) {
	cmd, status, err := b.prepare(ctx, spec{TryReads: true, Parent: os.Getpid()}, files)
	if err != nil {
		return "", err
	}
	defer status.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if report, err = start(cmd, status); err != nil {
		return "", err
	}
	return report, cmd.Wait()
}
