package main

import (
	"fmt"
	"os"
	"strings"
)

// mostMemory is what app serve may have had resident at most, in MiB.
const mostMemory = 96

// forgetPeak has the peak of app serve's memory begin now (man 5 proc, clear_refs).
func (b *bench) forgetPeak() {
	// Where there is no such file, the peak is that of its whole life, or unknown.
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", b.serve.cmd.Process.Pid), []byte("5"), 0)
}

// printMemory says how much memory app serve has had resident at most, through all rows, and how much of that are pages
// of its program file. Only Linux tells.
func (b *bench) printMemory() error {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.serve.cmd.Process.Pid))
	if err != nil {
		fmt.Println("| resident memory of serve | – | unknown | | | | |")
		return nil
	}
	size := func(field string) int {
		_, rest, _ := strings.Cut(string(status), field+":")
		var kib int
		_, err = fmt.Sscan(rest, &kib)
		return kib
	}
	kib, ofFile := size("VmHWM"), size("RssFile")
	if err != nil {
		return fmt.Errorf("read the memory of serve: %w", err)
	}
	verdict := "met"
	if kib > mostMemory<<10 {
		verdict = "MISSED"
	}
	fmt.Printf("| resident memory of serve, at most | – | %d MiB, %d of them its program | | | ≤ %d MiB | %s |\n",
		kib>>10, ofFile>>10, mostMemory, verdict)
	return nil
}
