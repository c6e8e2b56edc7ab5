// Package ffmpeg turns one uploaded clip into the renditions that are published: the part that the rules allow (30 s by
// default) at 1280×720, and for phones on a bad line at 640×360 or, if the clip is upright, 360×640; with a watermark,
// between an intro and an outro; and a poster in three sizes.
//
// It promises one decode and one encode per clip. A single ffmpeg run writes the picture, the sound as samples together
// with its loudness, and the poster's candidates. A second, short run joins intro, clip and outro by stream copy and
// encodes the sound of each rendition once over the whole length, so that no seam can shift sound against picture. A
// third one compresses the posters.
//
// The programs run with a fixed demuxer, no protocol but that of files, a list of decoders, and caps on time, memory,
// pixels and output, inside the walls of platform/box: they read the clip and nothing else of the machine, write
// nothing outside of Job.Dir and Options.CacheDir, and reach no network. Walls says which of these the system lacks. A
// clip that is not a file on this machine becomes one in Job.Dir, with holes: original.go fetches what a program is
// about to read.
//
// It knows nothing of videos, rows, queues or HTTP. Errors are sorted by owner: *Rejection means that the contestant's
// file is at fault, *ToolError that we are, and a cancelled context comes back as its own error.
//
// A job passes through the files in this order: probe.go, rules.go and plan.go (every decision, before the first
// picture is decoded), bumper.go, encode.go with picture.go and sound.go (the one pass), join.go, poster.go. profile.go
// has what all renditions have in common.
package ffmpeg
