package app

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// openTerminal returns both ends of a new terminal: that of whoever sits before it, and that of programs.
func openTerminal(t *testing.T) (screen, terminal *os.File) {
	t.Helper()
	screen, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = screen.Close() })
	if err := unix.IoctlSetPointerInt(int(screen.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(screen.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = terminal.Close() })
	return screen, terminal
}

// A terminal is recognized, and cleared before each status, unless the status is for a program.
func TestStatusIsWatchedOnATerminal(t *testing.T) {
	t.Parallel()
	for _, asJSON := range []bool{false, true} {
		screen, terminal := openTerminal(t)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() {
			ended <- watchStatus(ctx, terminal, asJSON, func(context.Context) (status, error) { return status{}, nil })
		}()
		first, err := bufio.NewReader(screen).ReadString('\n')
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if cleared := strings.HasPrefix(first, clearScreen); err != nil || cleared == asJSON {
			t.Errorf("as JSON: %v, it begins with %q, %v", asJSON, first, err)
		}
	}
}
