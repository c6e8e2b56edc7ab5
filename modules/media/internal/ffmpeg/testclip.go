package ffmpeg

import (
	"context"
	"path/filepath"

	fg "github.com/u2takey/ffmpeg-go"
)

// testClipSeconds is how long a test clip is.
const testClipSeconds = 5

// TestClip writes a clip of ffmpeg's own test picture, with a tone, to dir.
func (p *Processor) TestClip(ctx context.Context, dir string) (string, error) {
	generated := func(source string) *fg.Stream {
		return fg.Input(source, fg.KwArgs{"f": "lavfi", "t": testClipSeconds})
	}
	out := filepath.Join(dir, "test.mp4")
	streams := []*fg.Stream{
		generated("testsrc2=s=1280x720:r=30").Video(), generated("sine=frequency=440:sample_rate=48000").Audio(),
	}
	args, err := build(fg.Output(streams, out, fg.KwArgs{
		"c:v": "libx264", "preset": "ultrafast", "pix_fmt": "yuv420p", "c:a": "aac", "f": "mp4",
	}))
	if err != nil {
		return "", &ToolError{Step: "test clip", Err: err}
	}
	return out, p.run(ctx, command{
		step: "test clip", path: p.ffmpeg, args: args, write: []string{dir}, budget: forOurOwn(),
	})
}
