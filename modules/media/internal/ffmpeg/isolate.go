package ffmpeg

import (
	"context"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// isolate puts a child into a network namespace of its own, where not even the loopback is up. Without root that takes a
// user namespace around it, in which the child keeps our own user.
func isolate(a *syscall.SysProcAttr) {
	a.Cloneflags |= syscall.CLONE_NEWNET
	if uid, gid := os.Geteuid(), os.Getegid(); uid != 0 {
		a.Cloneflags |= syscall.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: uid, HostID: uid, Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: gid, HostID: gid, Size: 1}}
	}
}

// canIsolate tries it once. Containers often forbid namespaces; the protocol list then stands alone.
func canIsolate(ffmpeg string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, ffmpeg, "-version")
	cmd.Env = []string{"LANG=C"}
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	isolate(cmd.SysProcAttr)
	err := cmd.Run()
	// What is forbidden fails at once. A machine too busy to say its version in time must not cost the isolation.
	return err == nil || ctx.Err() != nil
}
