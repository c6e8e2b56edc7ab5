package ffmpeg

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	fg "github.com/u2takey/ffmpeg-go"
)

// recording is one track, decoded into files in Job.Dir.
type recording struct {
	track    audioStream
	firstTwo bool   // of its channels are used, whatever their places
	samples  string // WAV of 48 kHz, stereo, one sample after the other whatever their times. They are float, so that a
	//                 downmix above full scale survives until the gain is known
	loudness string // what ebur128 measured on them
	frames   string // when each decoded frame is heard
	packets  string // when each packet of the file is heard
}

func newRecording(dir string, a audioStream) recording {
	path := func(name, ext string) string { return filepath.Join(dir, fmt.Sprintf("%s%d.%s", name, a.index, ext)) }
	return recording{
		track: a, firstTwo: a.channels > knownChannels,
		samples: path("sound", "wav"), loudness: path("loudness", "txt"),
		frames: path("frames", "txt"), packets: path("packets", "txt"),
	}
}

func newRecordings(dir string, tracks []audioStream) (all []recording) {
	for _, a := range tracks {
		all = append(all, newRecording(dir, a))
	}
	return all
}

// files are those that the recording may have.
func (r recording) files() []string { return []string{r.samples, r.loudness, r.frames, r.packets} }

// outputs decode the track and write its files. They share no filter with the picture: a change of format within the
// track sets up its own filters anew, and nothing else.
func (r recording) outputs(in *fg.Stream, length time.Duration) []*fg.Stream {
	track := in.Get(strconv.Itoa(r.track.index))
	table := func(file, codec string) *fg.Stream {
		return track.Output(file, fg.KwArgs{"c:a": codec, "f": "framecrc", "frames:a": mostStamps(length)})
	}
	return []*fg.Stream{
		track.Output(r.samples, fg.KwArgs{
			"af": r.filters(length), "c:a": "pcm_f32le", "f": "wav", "map_metadata": -1,
		}),
		table(r.frames, "pcm_s16le"), table(r.packets, "copy"),
	}
}

// mostStamps is the number of lines at which a table ends. Opus's shortest packet has 2.5 ms.
func mostStamps(length time.Duration) int { return int(length.Seconds()*1000) + 1000 }

// filters convert to the form of samples, and measure the loudness on the way. ffmpeg-go builds one graph for all
// filters of a run, so this one is text.
func (r recording) filters(length time.Duration) string {
	// A clock that stands still does not make the recording longer than this.
	most := int(length.Seconds()*1.2*sampleRate) + sampleRate
	return fmt.Sprintf("%saresample=osr=%d,%s,atrim=end=%s:end_sample=%d,asplit[a][b];[b]%s,anullsink;[a]anull",
		r.mix(), sampleRate, floats, seconds(length.Seconds()), most, measuring(r.loudness))
}

// knownChannels is the largest number of channels for which ffmpeg knows a downmix.
const knownChannels = 8

// mix is a filter for tracks that ffmpeg would not bring to stereo, or would bring to one side of it.
func (r recording) mix() string {
	switch {
	case r.firstTwo && r.track.channels > 1:
		return "pan=stereo|c0=c0|c1=c1,"
	case r.track.ambisonic():
		// Two microphones that look to the left and to the right. The order of the channels is W, Y, Z, X.
		return "pan=stereo|c0=0.5*c0+0.5*c1|c1=0.5*c0-0.5*c1,"
	case r.track.channels == 1 && r.track.layout != "mono" && r.track.layout != "":
		return "pan=mono|c0=c0,"
	}
	return ""
}

func (a audioStream) ambisonic() bool {
	return strings.HasPrefix(a.layout, "ambisonic") && a.channels >= 4
}

const floats = "aformat=sample_fmts=flt:sample_rates=48000:channel_layouts=stereo"

// measuring is the filter that writes the loudness to file.
func measuring(file string) string {
	return "ebur128=metadata=1:peak=true,ametadata=mode=print:file=" + escaped(file)
}

// escaped is text as the value of an option of a filter of a graph.
func escaped(text string) string {
	value := strings.NewReplacer(`\`, `\\`, `'`, `\'`, `:`, `\:`).Replace(text)
	return strings.NewReplacer(`\`, `\\`, `'`, `\'`, `[`, `\[`, `]`, `\]`, `,`, `\,`, `;`, `\;`).Replace(value)
}

// removeRecordings removes their files, of which some may not exist.
func removeRecordings(all []recording) error {
	for _, r := range all {
		for _, f := range r.files() {
			if err := os.Remove(f); err != nil && !os.IsNotExist(err) {
				return err
			}
		}
	}
	return nil
}
