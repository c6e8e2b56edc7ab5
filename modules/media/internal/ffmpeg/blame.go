package ffmpeg

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"syscall"

	fg "github.com/u2takey/ffmpeg-go"
)

// withoutSound goes on after a failed pass with sound. If decoding the sound fails alone as well, it does the pass
// again without it and returns that failure as broken. Otherwise the sound is not to blame.
func (p *Processor) withoutSound(
	ctx context.Context, pl plan, sound []recording, pass func([]recording) (clip, error), cause error,
) (c clip, broken, err error) {
	if len(sound) == 0 || !exitedBy(cause) || errors.Is(cause, errOriginal) || tooCostly(cause, pl.input.original) {
		return clip{}, nil, p.blame(ctx, pl, cause)
	}
	switch broken = p.record(ctx, pl, sound); {
	case broken == nil:
		return clip{}, nil, p.blame(ctx, pl, cause)
	case !brokenFile(broken):
		return clip{}, nil, broken
	}
	if c, err = pass(nil); err != nil {
		return clip{}, nil, p.blame(ctx, pl, err)
	}
	return c, broken, nil
}

// brokenFile reports whether a run on the clip ended by itself with an error or cost too much.
func brokenFile(err error) bool {
	return !errors.Is(err, errOriginal) && (exitedBy(err) || tooCostly(err, nil))
}

// blame decides who is at fault for a failed pass. The exit code does not distinguish a broken clip from a full disk;
// making the picture alone, which writes nothing, does.
func (p *Processor) blame(ctx context.Context, pl plan, cause error) error {
	var tool *ToolError
	if !errors.As(cause, &tool) || errors.Is(cause, errOriginal) || errors.Is(cause, syscall.ENOSPC) {
		return cause
	}
	original := pl.input.original
	if tooCostly(cause, original) {
		return rejectRun(cause, CodeTooComplex, "%v", cause)
	}
	if original != nil && !exitedBy(cause) || errors.Is(cause, errStarved) {
		return cause // doing it again could take as long
	}
	in := p.source(pl)
	if pl.start > 0 {
		in = p.pictureSource(pl)
	}
	shown := picture(in.Get(strconv.Itoa(pl.video.index)), pl, pl.geometry)
	args, err := build(shown.Output("-", fg.KwArgs{"f": "null"}))
	if err != nil {
		return cause
	}
	err = p.run(ctx, command{
		step: "decode", path: p.ffmpeg, args: args, read: []string{pl.input.Input},
		budget: p.limits.forClip(pl.length), original: original,
	})
	switch {
	case err == nil:
		return cause
	case ctx.Err() != nil:
		return err
	case errors.Is(err, errOriginal):
		return err
	case tooCostly(err, original):
		return rejectRun(err, CodeTooComplex, "%v", err)
	case !exitedBy(err):
		return cause
	}
	return rejectRun(cause, CodeUnreadable, "%v: %s", err, lastLine(tool.Stderr))
}

// tooCostly reports whether a run was ended because the file costs too much. While an original arrives, the wall time
// does not prove that.
func tooCostly(err error, original *original) bool {
	return errors.Is(err, errOverCPU) || errors.Is(err, errOverMemory) || errors.Is(err, errOverOutput) ||
		(errors.Is(err, errOverWall) && original == nil)
}

// exitedBy reports whether the program ended by itself, as opposed to being killed, not started or out of disk space.
func exitedBy(err error) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && (exit.Exited() || crashed(err)) && !errors.Is(err, syscall.ENOSPC)
}

// crashed reports whether the program ended by a signal for what it did itself.
func crashed(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	if !ok || !status.Signaled() {
		return false
	}
	switch status.Signal() {
	case syscall.SIGABRT, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGSYS:
		return true
	}
	return false
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}
