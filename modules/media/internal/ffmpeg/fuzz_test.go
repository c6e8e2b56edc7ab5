package ffmpeg

import (
	"math"
	"testing"
)

func FuzzSniff(f *testing.F) {
	for _, s := range []string{
		"", "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "\x00\x00\x00\x14ftypqt  ",
		"\x1a\x45\xdf\xa3\x9fB\x82\x84webm", "#EXTM3U\n", "\x00\x00\x00\x08wide",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, head []byte) {
		c, ok := Sniff(head)
		if ok && c.Demuxer != "mov" && c.Demuxer != "matroska" {
			t.Errorf("demuxer %q", c.Demuxer)
		}
		if !ok && c != (Container{}) {
			t.Errorf("not recognised, but named %v", c)
		}
	})
}

// Whatever ffprobe answers, the clip is rejected or the plan is one that the encoder can follow.
func FuzzProbe(f *testing.F) {
	f.Add([]byte(`{"streams":[{"index":0,"codec_type":"video","codec_name":"h264","width":1920,"height":1080,` +
		`"pix_fmt":"yuv420p","avg_frame_rate":"30/1","r_frame_rate":"30/1","duration":"4.0",` +
		`"side_data_list":[{"displaymatrix":"\n00000000:            0       65536           0\n` +
		`00000001:       -65536           0           0\n00000002:            0           0  1073741824\n"}]},` +
		`{"index":1,"codec_type":"audio","codec_name":"aac","channels":2}],` +
		`"format":{"nb_streams":2,"duration":"4.0"}}`))
	f.Add([]byte(`{"error":{"code":-1094995529}}`))
	f.Add([]byte(`{"streams":[{"codec_type":"video","codec_name":"vp9","width":1,"height":99999,` +
		`"sample_aspect_ratio":"1:2147483647","avg_frame_rate":"1/0","tags":{"DURATION":"00:00:30.000"}}],` +
		`"format":{"duration":"1e300"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, _, err := parseProbe(data)
		if err != nil {
			return
		}
		p := &Processor{limits: Limits{}.withDefaults()}
		pl, err := p.plan(Job{}, m)
		if err != nil {
			return
		}
		g := pl.geometry
		for _, n := range []int{g.scaleW, g.scaleH, g.width, g.height} {
			if n < 2 || n%2 != 0 || n > outWidth {
				t.Errorf("geometry %+v", g)
			}
		}
		if g.height > outHeight || g.padX < 0 || g.padY < 0 ||
			g.padX+g.width > outWidth || g.padY+g.height > outHeight {
			t.Errorf("geometry %+v", g)
		}
		if pl.length <= 0 || pl.length > defaultMaxClip || !pl.rate.known() || pl.rate.float() > 30 {
			t.Errorf("plan %+v", pl)
		}
	})
}

func FuzzLoudness(f *testing.F) {
	f.Add([]byte("frame:1 pts:4800\nlavfi.r128.I=-21.764\nlavfi.r128.true_peak=0.134\n"))
	f.Add([]byte("lavfi.r128.I=nan\nlavfi.r128.true_peak=-inf\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, _ := parseLoudness(data)
		if g := l.gain(); math.IsNaN(g) || g > maxGain {
			t.Errorf("gain %v", g)
		}
	})
}
