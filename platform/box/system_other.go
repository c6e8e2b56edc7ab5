//go:build !linux

package box

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"
)

// Elsewhere than on Linux there are no walls but the limits of CPU time, bytes in a file and open files: enough to
// develop with clips of one's own, and not enough for those of strangers. A program outlives a worker that is killed.

func executable() (string, error) { return os.Executable() }

func (s spec) try() []Wall {
	const reason = "only Linux has it"
	return []Wall{{Name: Usage, Missing: "memory is not limited, as on Linux"}, {Files, reason}, {Calls, reason}}
}

func isolate(*syscall.SysProcAttr) {}

func canIsolate(context.Context) bool { return false }

func (b *Box) hide() error { return nil }

// launch sets the limits and becomes the program. It returns only if that fails.
func (s spec) launch() error {
	syscall.CloseOnExec(statusFile)
	seconds := uint64(s.Limits.CPU/time.Second) + 1
	for resource, value := range map[int]uint64{
		syscall.RLIMIT_CPU: seconds, syscall.RLIMIT_FSIZE: uint64(s.Limits.FileBytes),
		syscall.RLIMIT_NOFILE: openFiles, syscall.RLIMIT_CORE: 0,
	} {
		if value == 0 && resource != syscall.RLIMIT_CORE {
			continue
		}
		if err := syscall.Setrlimit(resource, &syscall.Rlimit{Cur: value, Max: value}); err != nil {
			return fmt.Errorf("set limit %d: %w", resource, err)
		}
	}
	args := append([]string{string(s.Path)}, decoded(s.Args)...)
	return syscall.Exec(string(s.Path), args, []string{"PATH=/usr/bin:/bin", "LANG=C"})
}
