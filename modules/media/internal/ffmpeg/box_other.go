//go:build !linux

package ffmpeg

import "syscall"

// Elsewhere than on Linux the box has fewer walls, which is enough to develop with clips of one's own and not enough
// for the clips of strangers. What holds everywhere: the fixed demuxer and protocol list, the empty environment, the
// process group, the wall time, and the checks of a clip's size and rate before it is decoded.

// capped is false: nothing caps CPU time, memory, the size of a file, open files or core dumps, because the kernel
// cannot limit another process. A run that costs too much ends only when its wall time is over.
const capped = false

// dieWithWorker does nothing: ffmpeg outlives a worker that is killed, and finishes its run.
func dieWithWorker(*syscall.SysProcAttr) {}

// isolate does nothing: a run on a local file could reach the network if the protocol list had a hole.
func isolate(*syscall.SysProcAttr) {}

func canIsolate(string) bool { return false }

// apply does nothing; see capped.
func (b budget) apply(int) error { return nil }
