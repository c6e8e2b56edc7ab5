package ffmpeg

import (
	"bytes"
	"testing"
)

// ffprobe has the last word on what a file is, whatever its brand says and whichever box comes first.
func TestOddBrandsAndFirstBoxesArePlayed(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	good := readClip(t, "in.mp4", append(lavfi("testsrc=s=64x64:r=30:d=0.1"), x264()...)...)
	start := len("\x00\x00\x00\x20ftypisom")
	for name, first := range map[string]string{
		"brand M4A": "\x00\x00\x00\x20ftypM4A ", "brand dby1": "\x00\x00\x00\x20ftypdby1",
		"brand hevc": "\x00\x00\x00\x20ftyphevc", "no known brand": "\x00\x00\x00\x20ftyp\x00\x00\x00\x00",
		"first a free box": "\x00\x00\x00\x20freeisom", "first a uuid box": "\x00\x00\x00\x20uuidisom",
		"first a styp box": "\x00\x00\x00\x20stypmsdh",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !bytes.HasPrefix(good, []byte("\x00\x00\x00\x20ftypisom")) {
				t.Fatalf("the clip begins with %q", good[:start])
			}
			file := writeFile(t, "in.mp4", append([]byte(first), good[start:]...))
			checkClean(t, mustProcess(t, p, jobFor(t, file)), "30/1", false)
		})
	}
}

func TestSniffDecidesOnTheDemuxer(t *testing.T) {
	t.Parallel()
	const rest = "\x00\x00\x00\x00mp42isom\x00\x00\x00\x00free"
	for head, demuxer := range map[string]string{
		"\x00\x00\x00\x18ftypisom" + rest:                          "mov",
		"\x00\x00\x00\x18ftypqt  " + rest:                          "mov",
		"\x00\x00\x00\x18ftypMSNV" + rest:                          "mov",
		"\x00\x00\x00\x18ftypM4A " + rest:                          "mov",
		"\x00\x00\x00\x18ftypf4v " + rest:                          "mov",
		"\x00\x00\x00\x18ftypmsf1" + rest:                          "mov",
		"\x00\x00\x00\x08wide\x00\x00\x00\x00mdat\x00\x00\x00\x00": "mov",
		"\x00\x00\x00\x01mdat\x00\x00\x00\x01\x00\x00\x00\x00":     "mov",
		"\x00\x00\x00\x00mdat\x00\x00\x00\x01\x65\x88\x80\x40":     "mov",
		"\x00\x00\x02\xe1moov\x00\x00\x00\x6cmvhd":                 "mov",
		"\x00\x00\x00\x08skip\x00\x00\x00\x18ftypisom" + rest:      "mov",
		"\x00\x00\x00\x54moof\x00\x00\x00\x10mfhd":                 "mov",
		"\x00\x00\x00\x2csidx\x00\x00\x00\x00":                     "mov",
		"\x1a\x45\xdf\xa3\x9f\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08" +
			"\x42\x82\x84webm": "matroska",
		"\x1a\x45\xdf\xa3\xa3\x42\x86\x81\x01\x42\xf7\x81\x01\x42\xf2\x81\x04\x42\xf3\x81\x08" +
			"\x42\x82\x88matroska": "matroska",

		"\x00\x00\x00\x18ftypheic" + rest: "", "\x00\x00\x00\x18ftypheix" + rest: "",
		"\x00\x00\x00\x18ftypmif1" + rest: "", "\x00\x00\x00\x18ftypavif" + rest: "",
		"\x00\x00\x00\x18ftypcrx " + rest: "", "\x00\x00\x00\x0cJXL \x0d\x0a\x87\x0a": "",
		"Get free beer, dear voters": "", "\x00\x00\x00\x18ftyp": "mov", "": "",
		"RIFF\x24\x00\x00\x00AVI LIST": "", "RIFF\x24\x00\x00\x00WEBPVP8 ": "", "FLV\x01\x05\x00\x00\x00\x09": "",
		"\x47\x40\x00\x10" + rest: "", "\x00\x00\x01\xba\x44\x00\x04\x00": "", "OggS\x00\x02": "", "ID3\x04\x00": "",
		"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c": "", "\xff\xd8\xff\xe1": "", "GIF89a": "",
		"\x1a\x45\xdf\xa3\x80": "",
	} {
		if c, ok := Sniff([]byte(head)); ok != (demuxer != "") || c.Demuxer != demuxer {
			t.Errorf("%q: %v %v, want %q", head, c, ok, demuxer)
		}
	}
}
