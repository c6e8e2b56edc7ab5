//go:build !linux

package disktest

import (
	"errors"
	"os/exec"
)

var errNotLinux = errors.New("a test can mount a file system of its own on Linux only")

func mount(string, int64) error { return errNotLinux }

func unmount(string) error { return errNotLinux }

func ownNamespaces(*exec.Cmd) error { return errNotLinux }
