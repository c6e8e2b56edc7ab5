package ffmpeg

import (
	"bytes"
	"strconv"
)

const encodeShare = 97

// progressReader is the stdout of a run with "-progress pipe:1": lines of key=value, of which it keeps the frame count.
type progressReader struct {
	want    int
	percent func(int)
	frames  int
	last    int
	rest    []byte
}

func newProgressReader(frames int, percent func(int)) *progressReader {
	return &progressReader{want: frames, percent: percent, last: -1}
}

// Write never fails. It is called from the one goroutine that exec copies stdout in, which ends before the run returns.
func (r *progressReader) Write(b []byte) (int, error) {
	r.rest = append(r.rest, b...)
	for {
		line, rest, ok := bytes.Cut(r.rest, []byte("\n"))
		if !ok {
			break
		}
		r.line(line)
		r.rest = rest
	}
	const longest = 4096 // a line without end would be no progress report
	if len(r.rest) > longest {
		r.rest = nil
	}
	return len(b), nil
}

func (r *progressReader) line(line []byte) {
	n, ok := bytes.CutPrefix(line, []byte("frame="))
	if !ok {
		return
	}
	frames, err := strconv.Atoi(string(bytes.TrimSpace(n)))
	if err != nil || frames < 0 {
		return
	}
	r.frames = frames
	// The join after this pass is the rest of the way to 100.
	if percent := min(frames*encodeShare/max(r.want, 1), encodeShare); percent > r.last {
		r.last = percent
		r.percent(percent)
	}
}
