package disktest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

func mount(dir string, size int64) error {
	return os.NewSyscallError("mount", syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0755", size)))
}

// unmount reports a file system that is still in use, but removes it from the tree all the same.
func unmount(dir string) error {
	err := syscall.Unmount(dir, 0)
	// What another test is starting has our files, too, until it is another program.
	for end := time.Now().Add(time.Minute); errors.Is(err, syscall.EBUSY) && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
		err = syscall.Unmount(dir, 0)
	}
	if err != nil {
		_ = syscall.Unmount(dir, syscall.MNT_DETACH)
	}
	return os.NewSyscallError("umount", err)
}

// ownNamespaces runs a command as root of a user namespace, with mounts of its own.
func ownNamespaces(cmd *exec.Cmd) {
	ids := func(id int) []syscall.SysProcIDMap { return []syscall.SysProcIDMap{{HostID: id, Size: 1}} }
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: ids(os.Getuid()), GidMappings: ids(os.Getgid()),
	}
}
