package ffmpeg

import (
	"fmt"
	"slices"
	"testing"

	"risingstars/infra/cliptest"
)

// ffmpeg decodes the beginning of every stream that it is not told to leave alone, also of one that it only copies.
func TestNoRunOpensAFileWithoutAListOfDecoders(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	in := cliptest.Make(t, "in.mov", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=0.1"),
		lavfi("testsrc=s=64x64:r=30:d=0.1"), x264("-c:v:1", "cinepak", "-pix_fmt:v:1", "rgb24",
			"-map", "0", "-map", "1"))...)
	p := newProcessor(t, Options{FFmpeg: standIn(t, fmt.Sprintf(
		`if [[ $* == *" "%q" "* && $* != *codec_whitelist*max_pixels* ]]; then exit 1; fi`, in))})
	checkClean(t, mustProcess(t, p, jobFor(t, in)), "30/1", false)
}
