package e2e

import (
	"testing"

	"risingstars/infra/cliptest"
)

// shortClip returns the cheapest realistic clip: two seconds with sound.
func shortClip(t *testing.T) string {
	t.Helper()
	return cliptest.Make(t, "short.mp4",
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440",
		"-t", "2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac")
}

// tinyClip returns the clip that costs a worker the least: one second without sound.
func tinyClip(t *testing.T) string {
	t.Helper()
	return cliptest.Make(t, "tiny.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15", "-t", "1",
		"-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
}
