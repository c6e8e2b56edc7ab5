package ffmpeg

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// processUnsniffed processes a file as if it had been recognised, as an attacker who gets past Sniff would. No other
// test may use the file at the same time.
func processUnsniffed(t *testing.T, p *Processor, file string, demuxer string) error {
	t.Helper()
	j := Job{Input: file, Container: Container{Demuxer: demuxer}, Dir: t.TempDir()}
	start := time.Now()
	_, err := p.Process(t.Context(), j)
	// This usually takes seconds; a clip that is not rejected may take five minutes.
	if d := time.Since(start); d > 3*time.Minute {
		t.Errorf("took %v", d)
	}
	if left := processesWith(t, j.Dir); len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
	// Other programs of this machine may work on an input that is not a file of this test.
	if left := processesWith(t, file); strings.Contains(file, os.TempDir()) && len(left) > 0 {
		t.Errorf("still running: %v", left)
	}
	return err
}

func wantCode(t *testing.T, err error, codes ...string) {
	t.Helper()
	var r *Rejection
	if !errors.As(err, &r) || !slices.Contains(codes, r.Code) {
		t.Errorf("got %v, want a rejection with one of %v", err, codes)
	}
}

// forbiddenServer is a server that must not be called.
func forbiddenServer(t *testing.T) string {
	t.Helper()
	var calls atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls.Add(1) }))
	t.Cleanup(func() {
		s.Close()
		if n := calls.Load(); n > 0 {
			t.Errorf("%d requests reached the network", n)
		}
	})
	return s.URL
}

func TestFilesThatAreNotVideosAreRejected(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	url := forbiddenServer(t)
	canary := writeFile(t, "canary.txt", []byte("TOPSECRET"))
	for name, data := range map[string]string{
		"empty": "",
		"playlist": "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:10.0,\nfile://" + canary +
			"\n#EXTINF:10.0,\n" + url + "/seg.ts\n#EXT-X-ENDLIST\n",
		"key": "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI=\"" + url + "/key\"\n#EXTINF:10.0,\n" + url +
			"/seg.ts\n#EXT-X-ENDLIST\n",
		"ffconcat": "ffconcat version 1.0\nfile '" + canary + "'\nfile '" + url + "/x.mp4'\n",
		"concat":   "concat:" + canary + "|" + url,
		"subfile":  "subfile,,start,0,end,9,,:" + canary,
		"dash": `<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static">` +
			`<BaseURL>` + url + `</BaseURL><Period><AdaptationSet><Representation id="1">` +
			`<BaseURL>a.mp4</BaseURL></Representation></AdaptationSet></Period></MPD>`,
		"svg": `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink">` +
			`<image xlink:href="` + url + `/a.png"/></svg>`,
		"sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nt=0 0\n" +
			"m=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n",
		"zip":       "PK\x03\x04\x14\x00\x00\x00\x08\x00" + strings.Repeat("x", 200),
		"pdf":       "%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n",
		"elf":       "\x7fELF\x02\x01\x01" + strings.Repeat("\x00", 200),
		"text":      "Talent on stage\n",
		"png":       "\x89PNG\r\n\x1a\n\x00\x00\x00\x0dIHDR",
		"avi":       "RIFF\x00\x00\x00\x00AVI LIST",
		"heic":      "\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic",
		"just ebml": "\x1a\x45\xdf\xa3\x80",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c, ok := Sniff([]byte(data)); ok {
				t.Errorf("recognised as %v", c)
			}
			file := writeFile(t, name+".mp4", []byte(data))
			demuxers := []string{"mov", "matroska"}
			if testing.Short() {
				demuxers = demuxers[:1]
			}
			for _, demuxer := range demuxers {
				wantCode(t, processUnsniffed(t, p, file, demuxer), CodeNotAVideo, CodeNoVideoStream, CodeUnreadable)
			}
		})
	}
}

// Anything else that ffmpeg would understand is refused.
func TestOnlyPathsAreInputs(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=0.2"), x264())...)
	for _, input := range []string{
		"concat:" + in, "subfile,,start,0,end,0,,:" + in, "file:" + in, "pipe:0", "relative.mp4",
		"ftp://127.0.0.1/x.mp4", "https://127.0.0.1/x.mp4", "http://127.0.0.1/x.mp4", "data:text/plain,x", "",
	} {
		var tool *ToolError
		if err := processUnsniffed(t, p, input, "mov"); !errors.As(err, &tool) {
			t.Errorf("%q: got %v, want a ToolError", input, err)
		}
	}
}

func TestBrokenFilesEndInACode(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	p := newProcessor(t, Options{})
	good := readClip(t, "in.mp4", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=0.5"), lavfi(tone+":d=0.5"),
		x264("-movflags", "+faststart"))...)
	index := bytes.Index(good, []byte("mdat"))
	broken := map[string][]byte{}
	for _, n := range []int{20, 48, index / 2, index, index + 40, len(good) - 100} {
		broken[fmt.Sprintf("cut at %d", n)] = good[:n]
	}
	for seed := range uint64(10) {
		r := rand.New(rand.NewPCG(seed, 7))
		data := bytes.Clone(good)
		for range 1 + seed*4 {
			data[40+r.IntN(index-40)] ^= 1 << r.IntN(8)
		}
		broken[fmt.Sprintf("index with flipped bits, seed %d", seed)] = data
	}
	noise := bytes.Clone(good)
	for i := index + 8; i < len(noise); i++ {
		noise[i] = byte(i * 31)
	}
	broken["noise for pictures"] = noise
	for name, data := range broken {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := processUnsniffed(t, p, writeFile(t, "in.mp4", data), "mov")
			var r *Rejection
			if err != nil && !errors.As(err, &r) {
				t.Errorf("got %v, want a rendition or a rejection", err)
			}
			if err == nil && (name == "noise for pictures" || strings.HasPrefix(name, "cut at 20")) {
				t.Error("a rendition of nothing")
			}
		})
	}
}

// The pictures of this file are in another file, which the index names as QuickTime aliases do.
func TestReferencesToOtherFilesAreNotFollowed(t *testing.T) {
	t.Parallel()
	good := cliptest.Make(t, "secret.mov", append(lavfi("testsrc=s=64x64:r=30:d=0.5"), "-c:v", "mjpeg")...)
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	data = replaceBox(data, []string{"moov", "trak", "mdia", "minf", "dinf", "dref"}, aliasTo(good))
	i := bytes.Index(data, []byte("mdat"))
	end := bytes.Index(data, []byte("moov")) - 4
	clear(data[i+4 : end])
	file := writeFile(t, "in.mov", data)
	// The file is what it claims: with references allowed, the other file's pictures would appear.
	allowed := ffmpegRun(t, "-v", "error", "-enable_drefs", "1", "-use_absolute_path", "1", "-i", file,
		"-f", "framemd5", "-")
	if !bytes.Contains(allowed, []byte("0,")) {
		t.Fatalf("the trap does not work: %s", allowed)
	}
	wantCode(t, processUnsniffed(t, newProcessor(t, Options{}), file, "mov"), CodeUnreadable)
}

// aliasTo is the content of a dref box with one alias to an absolute path.
func aliasTo(path string) []byte {
	body := append([]byte(nil), make([]byte, 150)...)
	binary.BigEndian.PutUint16(body[4:], uint16(len(body)))
	volume, name := "disk", filepath.Base(path)
	body[10] = byte(len(volume))
	copy(body[11:], volume)
	body[50] = byte(len(name))
	copy(body[51:], name)
	add := func(kind int, text string) {
		body = binary.BigEndian.AppendUint16(body, uint16(kind))
		body = binary.BigEndian.AppendUint16(body, uint16(len(text)))
		body = append(body, text...)
		if len(text)%2 == 1 {
			body = append(body, 0)
		}
	}
	add(2, "disk"+strings.ReplaceAll(path, "/", ":"))
	add(18, path)
	body = binary.BigEndian.AppendUint16(body, 0xffff)
	body = append(body, 0, 0)
	out := []byte{0, 0, 0, 0, 0, 0, 0, 1}
	out = binary.BigEndian.AppendUint32(out, uint32(len(body)+12))
	out = append(out, "alis\x00\x00\x00\x00"...)
	return append(out, body...)
}

// replaceBox gives the first box at path a new content and corrects the sizes around it.
func replaceBox(data []byte, path []string, content []byte) []byte {
	for at := 0; at+8 <= len(data); {
		size := int(binary.BigEndian.Uint32(data[at:]))
		if size < 8 || at+size > len(data) {
			break
		}
		if string(data[at+4:at+8]) == path[0] {
			if len(path) > 1 {
				content = replaceBox(data[at+8:at+size], path[1:], content)
			}
			out := binary.BigEndian.AppendUint32(bytes.Clone(data[:at]), uint32(len(content)+8))
			out = append(append(out, path[0]...), content...)
			return append(out, data[at+size:]...)
		}
		at += size
	}
	return data
}

func TestFontsAndSubtitlesAreNotTouched(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	font := writeFile(t, "bomb.ttf", bytes.Repeat([]byte("font"), 1<<20))
	subs := writeFile(t, "subs.ass", []byte("[Script Info]\nScriptType: v4.00+\n\n[Events]\nFormat: Start, End, Text\n"+
		strings.Repeat("Dialogue: 0:00:00.00,0:00:01.00,{\\fnBomb\\fs9999\\t(\\fscx9999)}boom\n", 2000)))
	in := cliptest.Make(t, "in.mkv", slices.Concat(lavfi("testsrc=s=64x64:r=30:d=0.5"), []string{"-i", subs},
		[]string{"-attach", font, "-metadata:s:t", "mimetype=application/x-truetype-font"}, x264("-c:s", "ass"))...)
	checkClean(t, mustProcess(t, newProcessor(t, Options{}), jobFor(t, in)), "30/1", false)
}
