package ffmpeg

import (
	"bytes"
	"strconv"
)

// encodeShare is the percentage of a job at the end of the pass; the join is the rest.
const encodeShare = 97

// progressReader is the stdout of a run with "-progress pipe:1". It keeps the frame count of the key=value lines.
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

// Write never fails. Only the goroutine in which exec copies stdout calls it, and that ends before the run returns.
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
	const longest = 4096 // a longer line is not a progress report
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
	if percent := min(frames*encodeShare/max(r.want, 1), encodeShare); percent > r.last {
		r.last = percent
		r.percent(percent)
	}
}

// rising passes on only what is more than before, for work that may be done twice.
func rising(percent func(int)) func(int) {
	last := -1
	return func(n int) {
		if n > last {
			last = n
			percent(n)
		}
	}
}
