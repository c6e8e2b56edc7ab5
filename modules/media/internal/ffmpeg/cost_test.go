package ffmpeg

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"risingstars/infra/cliptest"
	"risingstars/platform/box"
)

func TestCostlyClipsAreRejected(t *testing.T) {
	t.Parallel()
	small := func(t *testing.T, name, rate, secs string) string {
		return cliptest.Make(t, name, slices.Concat(lavfi("color=black:s=64x64:r="+rate+":d="+secs), x264())...)
	}
	for _, c := range []struct {
		name    string
		demuxer string // default mov
		make    func(t *testing.T) string
		limits  Limits
		codes   []string
		capped  bool // only a cap by the kernel ends it
		slow    bool
	}{
		{
			name:  "16,000×16,000",
			make:  func(t *testing.T) string { return hugePicture(t, 16000, true) },
			codes: []string{CodeTooComplex},
		},
		{
			name:  "30,000×30,000", // a size that libavcodec does not accept at all
			make:  func(t *testing.T) string { return hugePicture(t, 30000, true) },
			codes: []string{CodeTooComplex, CodeUnreadable},
		},
		{
			name:  "30,000×30,000, not in the index",
			make:  func(t *testing.T) string { return hugePicture(t, 30000, false) },
			codes: []string{CodeTooComplex, CodeUnreadable},
			slow:  true,
		},
		{
			name:  "1,000 pictures a second",
			make:  func(t *testing.T) string { return small(t, "in.mp4", "1000", "0.5") },
			codes: []string{CodeTooComplex},
		},
		{
			name: "ten hours",
			make: func(t *testing.T) string {
				minute := small(t, "minute.mp4", "1", "60")
				return cliptest.Make(t, "in.mp4", "-stream_loop", "599", "-i", minute, "-c", "copy")
			},
			codes: []string{CodeTooLong},
		},
		{
			name:    "500 streams",
			demuxer: "matroska",
			make:    manyStreams,
			codes:   []string{CodeTooComplex},
			slow:    true,
		},
		{
			name: "black JPEG, 32 million pixels each",
			make: func(t *testing.T) string {
				few := cliptest.Make(t, "few.mov", append(lavfi("color=black:s=8000x4000:r=30:d=0.07"),
					"-c:v", "mjpeg", "-pix_fmt", "yuvj420p")...)
				return cliptest.Make(t, "in.mov", "-stream_loop", "400", "-i", few, "-c", "copy", "-t", "27")
			},
			// CPU time and not wall time, because the machine may be busy with others.
			limits: Limits{Base: time.Second / 2, CPU: 10 * time.Millisecond},
			codes:  []string{CodeTooComplex},
			capped: true,
			slow:   true,
		},
		{
			name: "more memory than a run may have",
			make: func(t *testing.T) string {
				return cliptest.Make(t, "in.mp4", slices.Concat(lavfi("color=black:s=7680x4320:r=10:d=0.5"), x264())...)
			},
			limits: Limits{Memory: 400 << 20},
			codes:  []string{CodeTooComplex},
			capped: true,
			slow:   true,
		},
		{
			// Noise takes many times the bytes of a real picture; 16 MB of it, shown again and again, would become 340
			// MB.
			name: "more bytes than a rendition may have",
			make: func(t *testing.T) string {
				noise := lavfi("color=gray:s=640x360:r=30:d=2,noise=alls=100:allf=t")
				return cliptest.Make(t, "in.mp4", slices.Concat(noise, x264())...)
			},
			limits: Limits{OutputBytes: 1 << 20},
			codes:  []string{CodeTooComplex},
			capped: true,
			slow:   true,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if c.slow {
				skipIfShort(t)
			}
			p := newProcessor(t, Options{Limits: c.limits})
			if c.capped && slices.ContainsFunc(p.box.Walls(), func(w box.Wall) bool {
				return w.Name == box.Usage && w.Missing != ""
			}) {
				t.Skip("this system does not limit the memory of a run")
			}
			file := c.make(t)
			wantCode(t, processUnsniffed(t, p, file, or(c.demuxer, "mov")), c.codes...)
		})
	}
}

// However many passes something broken makes necessary, they end when two good ones would have.
func TestTheCostOfPassesAddsUp(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=0.2"), x264())...)
	var spent time.Duration
	pl := plan{input: Job{Input: in, Container: mp4(), Dir: t.TempDir(), spent: &spent}, length: time.Second}
	nowhere := newRecordings(pl.input.Dir, []audioStream{{index: 9, channels: 1}})
	if err := p.record(t.Context(), pl, nowhere); err == nil || spent == 0 {
		t.Fatalf("a run that fails: %v, after %v", err, spent)
	}
	spent = 2*p.limits.forClip(pl.length).cpu + 1
	wantCode(t, p.record(t.Context(), pl, nowhere), CodeTooComplex)
	_, err := p.pass(t.Context(), pl, watermark{}, nil, nil)
	wantCode(t, err, CodeTooComplex)
}

// hugePicture is a clip whose pictures claim to be squares of that side, in their own headers and perhaps in the index.
func hugePicture(t *testing.T, side uint16, inIndex bool) string {
	t.Helper()
	data := readClip(t, "in.mov", append(lavfi("color=black:s=64x48:r=30:d=0.2"), "-c:v", "mjpeg")...)
	for i := 0; i+10 < len(data); i++ {
		if data[i] == 0xff && data[i+1] == 0xc0 { // start of frame: precision, height, width
			binary.BigEndian.PutUint16(data[i+5:], side)
			binary.BigEndian.PutUint16(data[i+7:], side)
		}
	}
	if inIndex {
		entry := bytes.Index(data, []byte("jpeg\x00\x00\x00\x00\x00\x00")) + 4
		binary.BigEndian.PutUint16(data[entry+24:], side)
		binary.BigEndian.PutUint16(data[entry+26:], side)
	}
	return writeFile(t, "in.mov", data)
}

func manyStreams(t *testing.T) string {
	t.Helper()
	track := cliptest.Make(t, "a.mka", append(lavfi(tone+":d=0.1"), "-c:a", "pcm_s16le")...)
	video := cliptest.Make(t, "v.mkv", slices.Concat(lavfi("color=black:s=64x64:r=30:d=0.1"), x264())...)
	args := []string{"-i", video, "-i", track, "-map", "0:v"}
	for range 499 {
		args = append(args, "-map", "1:a")
	}
	return cliptest.Make(t, "in.mkv", append(args, "-c", "copy")...)
}

// A live stream has no end and states none: its first part is published, whatever follows. If its clock stands still,
// every picture of the stream falls into that part.
func TestStreamsWithoutAnEnd(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	stream := readClip(t, "in.mp4", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=2"),
		x264("-bf", "0", "-g", "30", "-movflags", "frag_keyframe+empty_moov+default_base_moof"))...)
	// Each fragment is a moof with its time in a tfdt of version 1, and an mdat.
	begin := bytes.Index(stream, []byte("moof")) - 4
	end := begin + 8 + bytes.Index(stream[begin+8:], []byte("moof")) - 4
	head, fragment := stream[:begin], stream[begin:end]
	at := bytes.Index(fragment, []byte("tfdt")) + 8
	next := binary.BigEndian.Uint64(stream[end+at:])
	if first := binary.BigEndian.Uint64(fragment[at:]); first != 0 || next == 0 {
		t.Fatalf("the fragments are at %d and %d", first, next)
	}
	for name, c := range map[string]struct {
		step    uint64
		seconds uint64
		content time.Duration
	}{
		"an hour":                   {next, 3600, 4 * time.Second},
		"a clock that stands still": {0, 600, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, part := bytes.Clone(head), bytes.Clone(fragment)
			for i := range c.seconds {
				binary.BigEndian.PutUint64(part[at:], i*c.step)
				data = append(data, part...)
			}
			j := jobFor(t, writeFile(t, "in.mp4", data))
			j.Rules.MaxClip = 4 * time.Second
			began := time.Now()
			r := mustProcess(t, newProcessor(t, Options{}), j)
			if d := time.Since(began); d > 3*time.Minute {
				t.Errorf("took %v", d)
			}
			checkClean(t, r, "30/1", false)
			if (r.Duration - c.content - 2*briefBumper).Abs() > 100*time.Millisecond {
				t.Errorf("lasts %v", r.Duration)
			}
		})
	}
}
