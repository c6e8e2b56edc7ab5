package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"strings"
	"time"
)

// packetTimes is when the packets of one stream are shown, on the file's own clock.
type packetTimes struct {
	count            int
	first, last, end time.Duration // end is that of the packet which ends last
}

// packets has ffprobe read the packets of the job's input, without decoding them, and returns their times by stream.
// What cannot be read is left out. intervals are as in ffprobe's option read_intervals, "" for the whole file; stream
// is the only one to read, -1 for all. each, if not nil, is called with the time of every packet.
func (p *Processor) packets(
	ctx context.Context, j Job, intervals string, stream int, each func(time.Duration),
) (map[int]packetTimes, error) {
	args := []string{
		"-v", "error", "-of", "csv=p=0", "-show_entries", "packet=stream_index,pts_time,duration_time",
		"-protocol_whitelist", "file", "-codec_whitelist", decoders(), "-codec_whitelist:", decoders(bystanders()...),
		"-threads", "1", "-f", j.Container.Demuxer,
	}
	if intervals != "" {
		args = append(args, "-read_intervals", intervals)
	}
	if stream >= 0 {
		args = append(args, "-select_streams", strconv.Itoa(stream))
	}
	out := &packetReader{times: map[int]packetTimes{}, each: each}
	err := p.run(ctx, command{
		step: "probe", path: p.ffprobe, args: append(args, "-i", j.Input), read: []string{j.Input}, stdout: out,
		budget: p.limits.forClip(j.Rules.maxClip()), original: j.original,
	})
	switch {
	case tooCostly(err, j.original):
		return nil, rejectRun(err, CodeTooComplex, "reading its packets is over budget: %v", err)
	case err != nil && (!exitedBy(err) || errors.Is(err, errOriginal)):
		return nil, err
	}
	return out.times, nil
}

// packetReader is the stdout of a run that lists packets: one line for each, "stream,time,duration".
type packetReader struct {
	times map[int]packetTimes
	each  func(time.Duration)
	rest  []byte
}

// Write never fails.
func (r *packetReader) Write(b []byte) (int, error) {
	r.rest = append(r.rest, b...)
	for {
		line, rest, ok := bytes.Cut(r.rest, []byte("\n"))
		if !ok {
			break
		}
		r.line(string(line))
		r.rest = rest
	}
	const longest = 4096 // a longer line is not about a packet
	if len(r.rest) > longest {
		r.rest = nil
	}
	return len(b), nil
}

func (r *packetReader) line(line string) {
	fields := strings.Split(strings.TrimSpace(line), ",")
	if len(fields) < 3 {
		return
	}
	stream, err1 := strconv.Atoi(fields[0])
	seconds, err2 := strconv.ParseFloat(fields[1], 64)
	if err1 != nil || err2 != nil || !(seconds > -maxSeconds && seconds < maxSeconds) {
		return
	}
	at := time.Duration(seconds * float64(time.Second)).Round(time.Microsecond)
	t, known := r.times[stream]
	if !known {
		t = packetTimes{first: at, last: at, end: at}
	}
	t.count++
	t.first, t.last = min(t.first, at), max(t.last, at)
	t.end = max(t.end, at+max(0, parseSeconds(fields[2])))
	r.times[stream] = t
	if r.each != nil {
		r.each(at)
	}
}
