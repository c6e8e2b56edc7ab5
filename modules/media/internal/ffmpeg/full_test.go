package ffmpeg

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"risingstars/infra/cliptest"
	"risingstars/platform/disk/disktest"
)

// standIn returns an ffmpeg that runs the lines of bash before it becomes the real one.
func standIn(t *testing.T, lines string) string { return standInFor(t, "ffmpeg", lines) }

func standInFor(t *testing.T, program, lines string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), program)
	script := "#!/bin/bash\nPATH=/usr/local/bin:/usr/bin:/bin\n" + lines + "\nexec " + program + " \"$@\"\n"
	if err := os.WriteFile(file, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

// clipWithSound is the input of tests in which something else goes wrong.
func clipWithSound(t *testing.T) string {
	t.Helper()
	pictures := lavfi("color=black:s=64x64:r=10:d=3")
	return cliptest.Make(t, "in.mp4", slices.Concat(pictures, lavfi(tone+":d=3"), x264())...)
}

func wantFullDisk(t *testing.T, err error) {
	t.Helper()
	if _, ok := errors.AsType[*ToolError](err); !ok || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want a ToolError for a full disk", err)
	}
}

func TestAFullDiskIsNotTheContestantsFault(t *testing.T) {
	skipIfShort(t)
	j := jobFor(t, clipWithSound(t))
	j.Dir = disktest.Mount(t, 1<<20)
	_, err := newProcessor(t, Options{}).Process(t.Context(), j)
	wantFullDisk(t, err)
}

// Without the sound there would be room. If only the last bytes of a file find none, ffmpeg says so and exits with 0.
func TestAFullDiskIsNotBrokenSound(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	for _, message := range []string{"No space left on device", "Disk quota exceeded"} {
		for status := range 2 {
			t.Run(fmt.Sprintf("%s, %d", message, status), func(t *testing.T) {
				t.Parallel()
				p := newProcessor(t, Options{FFmpeg: standIn(t, fmt.Sprintf(
					`if [[ $* == *sound1.wav* ]]; then echo "Error writing trailer of sound1.wav: %s" >&2; exit %d; fi`,
					message, status))})
				_, err := p.Process(t.Context(), jobFor(t, clipWithSound(t)))
				wantFullDisk(t, err)
			})
		}
	}
}
