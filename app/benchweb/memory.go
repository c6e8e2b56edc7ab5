package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// mostMemory is what app serve may have had resident at most, in MiB.
const mostMemory = 96

// printMemory says how much memory app serve has had resident at most, through all rows. Only Linux tells.
func (b *bench) printMemory() error {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", b.serve.cmd.Process.Pid))
	if err != nil {
		fmt.Println("| resident memory of serve | – | unknown | | | | |")
		return nil
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		return fmt.Errorf("read the memory of serve: %w", err)
	}
	verdict := "met"
	if kib > mostMemory<<10 {
		verdict = "MISSED"
	}
	fmt.Printf("| resident memory of serve, at most | – | %d MiB | | | ≤ %d MiB | %s |\n", kib>>10, mostMemory, verdict)
	return nil
}
