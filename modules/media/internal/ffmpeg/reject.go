package ffmpeg

import (
	"errors"
	"fmt"
	"strings"
)

// The codes of a Rejection. They are part of the public contract: clients match on them.
const (
	CodeNotAVideo      = "not_a_video"
	CodeNoVideoStream  = "no_video_stream"
	CodeTooShort       = "too_short"
	CodeTooLong        = "too_long"
	CodeResolutionLow  = "resolution_too_low"
	CodeUnsupported    = "unsupported_codec"
	CodeUnreadable     = "unreadable"
	CodeTooComplex     = "too_complex"
	CodeStartBeyondEnd = "start_beyond_end"
)

// Rejection means that the contestant's file is at fault, so trying again cannot help.
type Rejection struct {
	Code    string
	Subject string // what a sentence for the contestant may name, such as the codec; "" = nothing
	Detail  string // for the operator's log; not translated, never shown to users
	Stderr  string // as in ToolError, when a run failed because of the file
}

func (r *Rejection) Error() string { return fmt.Sprintf("clip rejected: %s: %s", r.Code, r.Detail) }

func reject(code, format string, args ...any) error {
	return &Rejection{Code: code, Detail: fmt.Sprintf(format, args...)}
}

// unsupported is reject for a picture in a codec that is not decoded here. name is the codec's, "" if it is unknown.
func unsupported(name, format string, args ...any) error {
	return &Rejection{Code: CodeUnsupported, Subject: name, Detail: fmt.Sprintf(format, args...)}
}

// rejectRun is reject for a fault that a failed run revealed.
func rejectRun(run error, code, format string, args ...any) error {
	r := &Rejection{Code: code, Detail: fmt.Sprintf(format, args...)}
	if tool, ok := errors.AsType[*ToolError](run); ok {
		r.Stderr = tool.Stderr
	}
	return r
}

// ToolError means that ffmpeg or ffprobe failed for a reason that is ours: a full disk, a lost connection, a bad build.
type ToolError struct {
	Step   string // probe, process, decode, sound, bumper, join or poster
	Err    error
	Stderr string // its last 4 KiB, for the operator's log only, because it may name files and hosts
}

// Error ends with the last words of the program, which name the cause better than its exit status.
func (e *ToolError) Error() string {
	text := fmt.Sprintf("ffmpeg %s: %v", e.Step, e.Err)
	lines := strings.Split(strings.TrimSpace(e.Stderr), "\n")
	if last := strings.TrimSpace(strings.TrimRight(lines[len(lines)-1], "- ")); last != "" {
		text += ": " + last
	}
	return text
}

func (e *ToolError) Unwrap() error { return e.Err }
