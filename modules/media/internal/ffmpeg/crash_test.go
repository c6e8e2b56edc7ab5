package ffmpeg

import (
	"errors"
	"fmt"
	"slices"
	"testing"
)

// A decoder that crashes does so at every attempt. What else is in the clip is published.
func TestACrashIsTheClipsFault(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for name, c := range map[string]struct {
		o       Options
		notices []Notice
		code    string
	}{
		"in the sound": {
			o:       Options{FFmpeg: standIn(t, dies("*sound1.wav*", "SEGV"))},
			notices: []Notice{NoticeNoSound},
		},
		"in the picture": {
			o:    Options{FFmpeg: standIn(t, dies("*candidates.gray*", "ABRT")+dies("*bicubic*-f*null*", "ABRT"))},
			code: CodeUnreadable,
		},
		"in both programs": {
			o: Options{
				FFmpeg:  standIn(t, dies("*-f*null*", "FPE")),
				FFprobe: standInFor(t, "ffprobe", dies("*-show_error*", "BUS")),
			},
			code: CodeUnreadable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, err := newProcessor(t, c.o).Process(t.Context(), jobFor(t, clipWithSound(t)))
			if c.code != "" {
				wantCode(t, err, c.code)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if checkClean(t, r, "30/1", false); !slices.Equal(r.Notices, c.notices) {
				t.Errorf("notices %v, want %v", r.Notices, c.notices)
			}
		})
	}
}

// The kernel and the operator end programs, too.
func TestBeingKilledIsNotTheClipsFault(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{FFmpeg: standIn(t, dies("*sound1.wav*", "KILL"))})
	_, err := p.Process(t.Context(), jobFor(t, clipWithSound(t)))
	if _, ok := errors.AsType[*ToolError](err); !ok {
		t.Errorf("got %v, want a ToolError", err)
	}
}

// dies ends a run with such arguments by a signal.
func dies(arguments, signal string) string {
	return fmt.Sprintf("if [[ $* == %s ]]; then kill -%s $$; fi\n", arguments, signal)
}
