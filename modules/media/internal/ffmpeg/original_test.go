package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

func mp4() Container { return Container{"mov", ".mp4", "video/mp4"} }

// remote is a clip elsewhere.
type remote struct {
	io.ReadSeeker
	fetched, requests atomic.Int64  // bytes; one request for the first and for each after a seek
	at                int64         // where the last request stands
	breaksAt          int64         // reads from here on fail; 0: none do
	pace              time.Duration // before each read
}

var errBroken = errors.New("the connection broke")

func (r *remote) Read(p []byte) (int, error) {
	time.Sleep(r.pace)
	at, err := r.Seek(0, io.SeekCurrent)
	if err != nil {
		return 0, err
	}
	if at != r.at || r.requests.Load() == 0 {
		r.requests.Add(1)
	}
	if r.breaksAt > 0 {
		if at >= r.breaksAt {
			return 0, errBroken
		}
		p = p[:min(int64(len(p)), r.breaksAt-at)]
	}
	n, err := r.ReadSeeker.Read(p)
	r.at = at + int64(n)
	r.fetched.Add(int64(n))
	return n, err
}

// elsewhere returns the job on a clip that is not a file here.
func elsewhere(t testing.TB, content io.ReadSeeker, c Container) (Job, *remote) {
	t.Helper()
	r := &remote{ReadSeeker: content}
	size, err := content.Seek(0, io.SeekEnd)
	if err == nil {
		_, err = content.Seek(0, io.SeekStart)
	}
	if err != nil {
		t.Fatal(err)
	}
	return Job{Source: &Source{ReadSeeker: r, Size: size}, Container: c, Dir: t.TempDir()}, r
}

// A rendition does not depend on where the original is, and what a job does not need is not fetched.
func TestOnlyTheNeededBytesOfAnOriginalAreFetched(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	minutes := func(name, length string, more ...string) string {
		const size = "s=160x90:r=15:d="
		in := slices.Concat(lavfi("testsrc2="+size+length), lavfi(tone+":d="+length))
		return cliptest.Make(t, name, append(in, more...)...)
	}
	five := minutes("five.mp4", "300", x264("-crf", "1", "-g", "30")...)
	vp8 := []string{
		"-t", "120", "-c:a", "libvorbis", "-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k",
		"-g", "30",
	}
	two := cliptest.Make(t, "two.mov", append(lavfi("testsrc2=s=640x360:r=15:d=2,noise=alls=60:allf=t"),
		"-c:v", "mjpeg", "-q:v", "2", "-pix_fmt", "yuvj420p")...)
	large := cliptest.Make(t, "large.mov", "-stream_loop", "-1", "-i", two, "-c", "copy", "-fs", "100000000")
	const length = 2 * time.Second // 30 s would take the tests long to encode
	for _, c := range []struct {
		name, file string
		start      time.Duration
		most       float64 // of the file
	}{
		{"index at the end", five, 0, 1. / 10},
		{"index at the end, from the middle", five, time.Minute, 1. / 10},
		{
			"index first", cliptest.Make(t, "first.mp4", "-i", five, "-c", "copy", "-movflags", "+faststart"),
			time.Minute, 1. / 10,
		},
		{"Matroska", cliptest.Make(t, "five.mkv", "-i", five, "-c", "copy"), time.Minute, 1. / 10},
		{"WebM", cliptest.Make(t, "two.webm", append([]string{"-i", five}, vp8...)...), time.Minute, 1. / 4},
		{"100 MB of JPEGs", large, 20 * time.Second, 1. / 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newProcessor(t, Options{})
			local := jobFor(t, c.file)
			local.Start, local.Rules.MaxClip = c.start, length
			want := mustProcess(t, p, local)
			file, err := os.Open(c.file)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			for _, p := range bothWays(t, p) {
				j, source := elsewhere(t, file, local.Container)
				j.Start, j.Rules.MaxClip = c.start, length
				got := mustProcess(t, p, j)
				if !sameFile(t, want.Video, got.Video) || !sameFile(t, want.Poster, got.Poster) {
					t.Errorf("with programs that wait: %v, the result differs from that of the file", p.waits)
				}
				if entries, err := os.ReadDir(j.Dir); err != nil || len(entries) != filesOfAJob {
					t.Errorf("left in the folder: %v %v", entries, err)
				}
				fetched, size := source.fetched.Load(), j.Source.Size
				t.Logf("%d of %d kB in %d requests", fetched/1000, size/1000, source.requests.Load())
				switch {
				case p.waits && float64(fetched) > c.most*float64(size):
					t.Errorf("%d bytes were fetched of %d, want at most %.2f of them", fetched, size, c.most)
				case !p.waits && (fetched != size || source.requests.Load() != 1):
					t.Errorf("%d bytes were copied of %d", fetched, size)
				}
			}
		})
	}
}

// bothWays returns p, if programs can wait here, and a Processor that copies originals, as where they cannot.
func bothWays(t *testing.T, p *Processor) []*Processor {
	t.Helper()
	copies := *p
	copies.waits = false
	if !p.waits {
		t.Log("here programs cannot wait")
		return []*Processor{&copies}
	}
	return []*Processor{p, &copies}
}

// filesOfAJob are two renditions and three posters.
const filesOfAJob = 5

func sameFile(t *testing.T, a, b string) bool {
	t.Helper()
	x, err1 := os.ReadFile(a)
	y, err2 := os.ReadFile(b)
	if err := errors.Join(err1, err2); err != nil {
		t.Fatal(err)
	}
	return bytes.Equal(x, y)
}

// A file that ends too early or holds noise gets the same result wherever it is. A broken connection proves nothing
// about the file, wherever it breaks.
func TestDamageIsDistinguishedFromALostConnection(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	encode := slices.Concat(lavfi("testsrc=s=320x180:r=30:d=4"), x264("-bf", "0"))
	whole := readClip(t, "in.mp4", append(encode, "-movflags", "+faststart")...)
	noise := bytes.Clone(whole)
	for i := bytes.Index(noise, []byte("mdat")) + 4; i < len(noise); i++ {
		noise[i] = byte(i * 31)
	}
	atEnd := readClip(t, "in.mp4", encode...)
	for _, p := range bothWays(t, newProcessor(t, Options{})) {
		process := func(data []byte, breaksAt int) (Result, error) {
			j, source := elsewhere(t, bytes.NewReader(data), mp4())
			source.breaksAt = int64(breaksAt)
			return p.Process(t.Context(), j)
		}
		r, err := process(whole[:len(whole)/2], 0)
		if content := r.Duration - 2*briefBumper; err != nil || content < time.Second || content > 3*time.Second {
			t.Errorf("half a file: %v, %v", r.Duration, err)
		}
		_, err = process(noise, 0)
		wantCode(t, err, CodeUnreadable)
		for name, data := range map[string][]byte{"index first": whole, "index at the end": atEnd, "noise": noise} {
			for _, at := range []int{1, 40, len(data) / 2, len(data) - 1} {
				_, err := process(data, at)
				if _, refused := errors.AsType[*Rejection](err); err == nil || refused || !errors.Is(err, errBroken) {
					t.Errorf("%s, broken at %d: %v, want the source's error", name, at, err)
				}
			}
		}
	}
}

// The source has fewer bytes than its size says, or more.
func TestAnOriginalOfAnotherSizeIsAnError(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	data := readClip(t, "in.mp4", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=0.2"), x264())...)
	for _, size := range []int{len(data) - 1, len(data) + 1} {
		j, _ := elsewhere(t, bytes.NewReader(data), mp4())
		j.Source.Size = int64(size)
		if _, err := newProcessor(t, Options{}).Process(t.Context(), j); !errors.Is(err, errOriginal) {
			t.Errorf("%d of %d bytes: %v", len(data), size, err)
		}
	}
}

// A slow source is waited for. When the job is cancelled meanwhile, it ends, and it blames nobody.
func TestASlowOriginalIsWaitedFor(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=1"), x264())...)
	data, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	p := newProcessor(t, Options{})
	j, source := elsewhere(t, bytes.NewReader(data), mp4())
	source.pace = 200 * time.Millisecond
	mustProcess(t, p, j)

	j, source = elsewhere(t, bytes.NewReader(data), mp4())
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	source.ReadSeeker = onRead{source.ReadSeeker, func() { cancel(nil) }}
	if _, err := p.Process(ctx, j); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled while it arrives: %v", err)
	}
	if entries, err := os.ReadDir(j.Dir); err != nil || len(entries) != 0 {
		t.Errorf("left in the folder: %v %v", entries, err)
	}
}

// onRead calls a function before each read.
type onRead struct {
	io.ReadSeeker
	call func()
}

func (r onRead) Read(p []byte) (int, error) {
	r.call()
	return r.ReadSeeker.Read(p)
}

// However the parts are read, each byte is fetched once and the file has what the source has.
func TestNoByteOfAnOriginalIsFetchedTwice(t *testing.T) {
	t.Parallel()
	const size = 8 << 20
	content := make([]byte, size)
	if _, err := rand.NewChaCha8([32]byte{1}).Read(content); err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		j, source := elsewhere(t, bytes.NewReader(content), mp4())
		if seed%2 == 0 {
			j.Source.Head = content[:1000]
			if _, err := source.Seek(1000, io.SeekStart); err != nil {
				t.Fatal(err)
			}
		}
		o, err := newOriginal(j.Dir, j.Source)
		if err != nil {
			t.Fatal(err)
		}
		for range 40 {
			from := random.Int64N(size)
			to := from + random.Int64N(100_000)
			if err := o.fill(t.Context(), from, to); err != nil {
				t.Fatal(err)
			}
			to = min(to, size)
			got := make([]byte, to-from)
			if _, err := o.file.ReadAt(got, from); err != nil || !bytes.Equal(got, content[from:to]) {
				t.Fatalf("the bytes from %d to %d are wrong (%v)", from, to, err)
			}
		}
		if fetched := source.fetched.Load(); fetched > size {
			t.Errorf("%d bytes were fetched of %d", fetched, size)
		}
		if err := o.fill(t.Context(), 0, size); err != nil || len(o.have) != 1 || o.have[0] != (span{0, size}) {
			t.Errorf("the whole file: %v, %v", o.have, err)
		}
		if err := o.close(); err != nil {
			t.Error(err)
		}
	}
}

// A file that starts with what the caller has read is fetched from there on with one request.
func TestTheHeadOfAnOriginalIsNotFetchedAgain(t *testing.T) {
	t.Parallel()
	content := bytes.Repeat([]byte("star"), 100_000)
	j, source := elsewhere(t, bytes.NewReader(content), mp4())
	j.Source.Head = content[:SniffLen]
	if _, err := io.ReadFull(source, make([]byte, SniffLen)); err != nil {
		t.Fatal(err)
	}
	o, err := newOriginal(j.Dir, j.Source)
	if err != nil {
		t.Fatal(err)
	}
	err = o.fillAll(t.Context())
	if got := source.fetched.Load(); err != nil || got != int64(len(content)) || source.requests.Load() != 1 {
		t.Errorf("%d bytes in %d requests (%v)", got, source.requests.Load(), err)
	}
	if got, err := os.ReadFile(filepath.Join(j.Dir, "original")); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the file is not the clip (%v)", err)
	}
	if err := o.close(); err != nil {
		t.Error(err)
	}
}

// What the disk cannot hold is not the clip's fault either, and the error says so.
func TestAnOriginalThatDoesNotFitIsAnErrorOfTheDisk(t *testing.T) {
	t.Parallel()
	j, _ := elsewhere(t, bytes.NewReader(make([]byte, 1000)), mp4())
	o, err := newOriginal(j.Dir, j.Source)
	if err != nil {
		t.Fatal(err)
	}
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no device that is always full")
	}
	defer full.Close()
	here := o.file
	o.file = full
	if err := o.fillAll(t.Context()); !errors.Is(err, syscall.ENOSPC) || !errors.Is(err, errOriginal) {
		t.Errorf("on a full disk: %v", err)
	}
	o.file = here
	if err := o.close(); err != nil {
		t.Error(err)
	}
}
