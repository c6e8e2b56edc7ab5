// Package ffmpeg turns one uploaded clip into the rendition that is published: at most 30 s of it at 1280×720, branded,
// between an intro and an outro, with a poster.
//
// It promises one decode and one encode per clip: a single ffmpeg run writes the picture, the sound as samples together
// with its loudness, and the poster's candidates; a second, short run joins intro, clip and outro by stream copy and
// encodes the sound once over the whole length, so that no seam can push picture and sound apart.
//
// The programs are boxed: fixed demuxer, protocol list, caps on time, memory, pixels and output, a process group of their
// own, no environment, and no network for local files where the system allows it. Nothing is written outside Job.Dir and
// Options.CacheDir.
//
// It does not know videos, rows, queues or HTTP. Errors are sorted by owner: *Rejection is the contestant's file,
// *ToolError is trouble of ours, and a cancelled context comes back as its own error.
package ffmpeg
