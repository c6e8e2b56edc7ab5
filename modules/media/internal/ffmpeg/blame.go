package ffmpeg

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"

	fg "github.com/u2takey/ffmpeg-go"
)

// blame decides who is at fault for a failed pass. The exit code does not distinguish a broken clip from a full disk;
// decoding alone, which writes nothing, does. stderr is what the pass wrote.
func (p *Processor) blame(ctx context.Context, pl plan, cause error, stderr *tailWriter) error {
	var tool *ToolError
	if !errors.As(cause, &tool) {
		return cause
	}
	network, _ := p.inputArgs(pl.input.Input)
	if tooCostly(cause, network) {
		return rejectRun(cause, CodeTooComplex, "%v", cause)
	}
	if network && (stderr.network || !exitedBy(cause)) {
		return cause // reading it again could fail for the same lost connection
	}
	args, err := build(p.source(pl).Get(strconv.Itoa(pl.video.index)).Output("-", fg.KwArgs{"f": "null"}))
	if err != nil {
		return cause
	}
	stderr = &tailWriter{}
	err = p.run(ctx, command{
		step: "decode", path: p.ffmpeg, args: args, read: []string{pl.input.Input},
		budget: p.limits.forClip(pl.length), network: network, stderr: stderr,
	})
	switch {
	case err == nil:
		return cause
	case ctx.Err() != nil:
		return err
	case tooCostly(err, network):
		return rejectRun(err, CodeTooComplex, "%v", err)
	case network && (stderr.network || !exitedBy(err)):
		return cause
	}
	return rejectRun(cause, CodeUnreadable, "%v: %s", err, lastLine(tool.Stderr))
}

// tooCostly reports whether a run was ended because the file costs too much. Over a network, the wall time does not
// prove that.
func tooCostly(err error, network bool) bool {
	return errors.Is(err, errOverCPU) || errors.Is(err, errOverMemory) || errors.Is(err, errOverOutput) ||
		(errors.Is(err, errOverWall) && !network)
}

// exitedBy reports whether the program ended by itself, as opposed to being killed or not started.
func exitedBy(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.Exited()
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
