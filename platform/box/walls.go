package box

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"slices"
)

// The names of the walls.
const (
	Usage   = "usage"        // limits of CPU time, memory, bytes in a file and open files
	Files   = "files"        // Landlock
	Calls   = "system calls" // seccomp; also closes the network
	Network = "network"      // seccomp, or a network namespace
)

// leftOut is why a wall is missing that Options.Without names.
const leftOut = "left out"

// Wall is one of the walls of a box.
type Wall struct {
	Name    string
	Missing string // why it does not stand; "" if it does
}

// try fills in b.walls.
func (b *Box) try(ctx context.Context, o Options) error {
	s := spec{Try: true, Parent: os.Getpid()}
	cmd, status, err := b.prepare(ctx, s, nil)
	if err != nil {
		return err
	}
	defer status.Close()
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	report, err := start(cmd, status)
	if err != nil {
		return err
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("box: try the walls: %s: %w", report, err)
	}
	if err := json.Unmarshal([]byte(report), &b.walls); err != nil {
		return fmt.Errorf("box: read which walls stand: %w", err)
	}
	for i, w := range b.walls {
		if slices.Contains(o.Without, w.Name) {
			b.walls[i].Missing = leftOut
		}
	}
	b.closeNetwork(ctx, o)
	b.waits = b.tryReads(ctx)
	return b.hide()
}

// missing returns why a wall does not stand; "" if it does.
func (b *Box) missing(name string) string {
	for _, w := range b.walls {
		if w.Name == name {
			return w.Missing
		}
	}
	return "this system has none"
}

// closeNetwork adds the wall against the network.
func (b *Box) closeNetwork(ctx context.Context, o Options) {
	w := Wall{Name: Network}
	switch reason := b.missing(Calls); {
	case slices.Contains(o.Without, Network):
		w.Missing = leftOut
	case reason == "":
	case !canIsolate(ctx):
		w.Missing = reason + ", and network namespaces are forbidden"
	default:
		b.namespace = true
	}
	b.walls = append(b.walls, w)
}
