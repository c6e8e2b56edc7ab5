package box

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
)

// launcherFlag makes an executable a launcher. One that does not call Main refuses it as an unknown flag.
const launcherFlag = "--box-launcher"

// hello is what a launcher reports first. What follows is why it failed; nothing, if it became the program.
const hello = "launcher\n"

// The descriptors of a launcher, beside those that the program keeps.
const (
	statusFile = 3 // what it reports; closes when it becomes the program
	firstFile  = 4 // the first that a run adds
)

// spec is what a launcher has to do. Paths and arguments are bytes, because file names need not be text.
type spec struct {
	Path        []byte
	Args        [][]byte
	Read, Write [][]byte
	Limits      Limits
	Walls       []string // to raise
	Parent      int      // the process that the program must not outlive
	Try         bool     // only report which walls can be raised
	Reads       bool     // hand them over through firstFile
	TryReads    bool     // only find out whether that works
}

// encode returns the launcher's argument.
func (s spec) encode() (string, error) {
	data, err := json.Marshal(s)
	return string(data), err
}

func encoded(texts []string) [][]byte {
	var out [][]byte
	for _, t := range texts {
		out = append(out, []byte(t))
	}
	return out
}

func decoded(texts [][]byte) []string {
	var out []string
	for _, t := range texts {
		out = append(out, string(t))
	}
	return out
}

// Main returns at once unless this process was started as a launcher, which becomes the program or exits.
func Main() {
	if len(os.Args) != 3 || os.Args[1] != launcherFlag {
		return
	}
	// The walls are raised around this thread alone. It becomes the program, which ends all others.
	runtime.LockOSThread()
	debug.SetGCPercent(-1)
	status := os.NewFile(statusFile, "status")
	fmt.Fprint(status, hello)
	var s spec
	err := json.Unmarshal([]byte(os.Args[2]), &s)
	switch {
	case err != nil:
		fmt.Fprintf(status, "read the description of the run: %v", err)
	case s.Try:
		err = json.NewEncoder(status).Encode(s.try())
	case s.TryReads:
		if err = s.tryReads(); err != nil {
			fmt.Fprint(status, err)
		}
	default:
		err = s.launch()
		fmt.Fprint(status, err)
	}
	if err != nil {
		os.Exit(1) //nolint:revive // a launcher has no other way to end
	}
	os.Exit(0) //nolint:revive // as above
}
