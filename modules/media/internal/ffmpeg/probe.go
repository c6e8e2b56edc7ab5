package ffmpeg

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// media is what ffprobe reports of a file, reduced to what the plan needs.
type media struct {
	video    []videoStream
	audio    []audioStream
	streams  int
	origin   time.Duration // where the container's clock begins
	duration time.Duration // of the container; 0 when unknown
}

type videoStream struct {
	index         int
	codec         string
	tag           string // the file's own name of the codec, as ffprobe prints it
	width, height int
	pixFmt        string
	sar           rational
	rate          rational // average; 0/0 when unknown
	rRate         rational // ffprobe's guess of the rate that all timestamps fit
	interlaced    bool
	cover         bool // a picture attached to the file, not a video
	isDefault     bool
	matrix        [4]float64 // the linear part of the display matrix: a b c d
	color         colorTags
	alpha         bool // some of it may be transparent
	dolby         dolbyVision
	delay         int           // pictures by which the decoding is ahead of the showing
	end           time.Duration // after the origin; 0 when unknown
	unsure        bool          // end has two readings, of which the longer one stands there
}

type audioStream struct {
	index     int
	codec     string
	channels  int
	layout    string // ffmpeg's name for the places of the channels; "" when unknown
	rate      string // samples per second
	language  string
	length    time.Duration // 0 when unknown
	isDefault bool
	special   bool          // marked as a comment, a dubbing, a description …
	end       time.Duration // as in videoStream
	unsure    bool
}

type colorTags struct{ rng, space, transfer, primaries string }

const probeEntries = "format=start_time,duration,nb_streams" +
	":stream=index,codec_type,codec_name,codec_tag_string,width,height,pix_fmt,field_order,sample_aspect_ratio," +
	"has_b_frames,r_frame_rate,avg_frame_rate,start_time,duration,color_range,color_space,color_transfer," +
	"color_primaries,channels,channel_layout,sample_rate" +
	":stream_disposition:stream_side_data=displaymatrix:stream_tags=DURATION,language"

// maxProbeOutput bounds ffprobe's answer in bytes; 64 streams make about 60 KiB.
const maxProbeOutput = 1 << 20

// probe asks ffprobe about the job's input.
func (p *Processor) probe(ctx context.Context, j Job) (media, error) {
	args := []string{
		"-v", "error", "-show_error", "-of", "json", "-show_entries", probeEntries + colourEntries,
		"-protocol_whitelist", "file",
		"-codec_whitelist", decoders(), "-codec_whitelist:", decoders(bystanders()...),
		"-threads", "1", "-f", j.Container.Demuxer, "-i", j.Input,
	}
	out := &boundedBuffer{max: maxProbeOutput}
	runErr := p.run(ctx, command{
		step: "probe", path: p.ffprobe, args: args, read: []string{j.Input}, stdout: out, budget: p.limits.forProbe(),
		original: j.original,
	})
	var tool *ToolError
	switch {
	case runErr != nil && !errors.As(runErr, &tool), errors.Is(runErr, errOriginal):
		return media{}, runErr
	case tooCostly(runErr, j.original), out.full:
		return media{}, rejectRun(runErr, CodeTooComplex, "probing it is over budget: %v", runErr)
	}
	m, code, err := parseProbe(out.Bytes())
	switch {
	case code != 0 && faultOfFile(code):
		return media{}, rejectRun(runErr, CodeNotAVideo, "ffprobe error %d", code)
	case runErr != nil && exitedBy(runErr) && forbiddenCodec(tool.Stderr) != "":
		codec := forbiddenCodec(tool.Stderr)
		return media{}, unsupported(publicName(codec, ""), "a stream in %s", codec)
	case crashed(runErr), runErr != nil && exitedBy(runErr) && bytes.HasPrefix(out.Bytes(), []byte("{")):
		// It began well and then gave up without naming an error.
		return media{}, rejectRun(runErr, CodeUnreadable, "%s", lastLine(tool.Stderr))
	case runErr != nil:
		return media{}, runErr
	case err != nil:
		return media{}, &ToolError{Step: "probe", Err: err}
	}
	return m, nil
}

// AVERROR codes of libavutil/error.h that are about the data and not about reaching it.
const (
	averrorInvalidData  = -0x41444E49 // "INDA"
	averrorPatchWelcome = -0x45574150 // "PAWE"
	averrorEOF          = -0x20464F45 // "EOF "
	averrorEINVAL       = -22
	averrorENOMEM       = -12
	averrorEPERM        = -1
)

func faultOfFile(code int) bool {
	switch code {
	case averrorInvalidData, averrorPatchWelcome, averrorEOF, averrorEINVAL, averrorENOMEM, averrorEPERM:
		return true
	}
	return false
}

type probeJSON struct {
	Streams []probeStream `json:"streams"`
	Format  struct {
		Start    string `json:"start_time"`
		Duration string `json:"duration"`
		Streams  int    `json:"nb_streams"`
	} `json:"format"`
	Error struct {
		Code int `json:"code"`
	} `json:"error"`
}

type probeStream struct {
	Index       int               `json:"index"`
	Type        string            `json:"codec_type"`
	Codec       string            `json:"codec_name"`
	Tag         string            `json:"codec_tag_string"`
	Width       int               `json:"width"`
	Height      int               `json:"height"`
	PixFmt      string            `json:"pix_fmt"`
	FieldOrder  string            `json:"field_order"`
	SAR         string            `json:"sample_aspect_ratio"`
	Delay       int               `json:"has_b_frames"`
	RRate       string            `json:"r_frame_rate"`
	AvgRate     string            `json:"avg_frame_rate"`
	Start       string            `json:"start_time"`
	Duration    string            `json:"duration"`
	Range       string            `json:"color_range"`
	Space       string            `json:"color_space"`
	Transfer    string            `json:"color_transfer"`
	Primaries   string            `json:"color_primaries"`
	Channels    int               `json:"channels"`
	Layout      string            `json:"channel_layout"`
	SampleRate  string            `json:"sample_rate"`
	Disposition map[string]int    `json:"disposition"`
	Tags        map[string]string `json:"tags"`
	SideData    []struct {
		Matrix     string `json:"displaymatrix"`
		Profile    int    `json:"dv_profile"`
		Compatible int    `json:"dv_bl_signal_compatibility_id"`
	} `json:"side_data_list"`
}

// parseProbe reads ffprobe's JSON. code is the AVERROR that ffprobe reported, 0 for none. Numbers that make no sense
// become unknown; only broken JSON is an error.
func parseProbe(data []byte) (m media, code int, err error) {
	var doc probeJSON
	if err := json.Unmarshal(data, &doc); err != nil {
		return media{}, 0, fmt.Errorf("read ffprobe's answer: %w", err)
	}
	m = media{
		streams: max(doc.Format.Streams, len(doc.Streams)), duration: max(0, parseSeconds(doc.Format.Duration)),
		origin: parseSeconds(doc.Format.Start),
	}
	for _, s := range doc.Streams {
		switch s.Type {
		case "video":
			m.video = append(m.video, s.video(m.origin))
		case "audio":
			m.audio = append(m.audio, s.audio(m.origin))
		}
	}
	return m, doc.Error.Code, nil
}

func (s probeStream) audio(origin time.Duration) audioStream {
	a := audioStream{
		index: s.Index, codec: s.Codec, channels: s.Channels, layout: s.Layout, rate: s.SampleRate,
		language: s.Tags["language"], length: or(parseSeconds(s.Duration), parseClock(s.Tags["DURATION"])),
		isDefault: s.Disposition["default"] == 1,
	}
	a.end, a.unsure = s.end(origin)
	for _, kind := range []string{
		"dub", "comment", "lyrics", "karaoke", "hearing_impaired", "visual_impaired", "clean_effects", "descriptions",
	} {
		a.special = a.special || s.Disposition[kind] == 1
	}
	return a
}

func (s probeStream) video(origin time.Duration) videoStream {
	v := videoStream{
		index: s.Index, codec: s.Codec, tag: s.Tag, width: s.Width, height: s.Height, pixFmt: s.PixFmt,
		sar: parseRational(s.SAR), rate: parseRational(s.AvgRate), rRate: parseRational(s.RRate),
		cover: s.Disposition["attached_pic"] == 1, isDefault: s.Disposition["default"] == 1,
		matrix: [4]float64{1, 0, 0, 1},
		color:  colorTags{s.Range, s.Space, s.Transfer, s.Primaries},
		delay:  max(0, s.Delay),
		alpha:  hasAlpha(s.PixFmt) || s.Tags["alpha_mode"] == "1",
	}
	v.end, v.unsure = s.end(origin)
	switch s.FieldOrder {
	case "tt", "bb", "tb", "bt":
		v.interlaced = true
	}
	for _, d := range s.SideData {
		if a, ok := parseMatrix(d.Matrix); ok {
			v.matrix = a
		}
		if d.Profile > 0 {
			v.dolby = dolbyVision{d.Profile, d.Compatible}
		}
	}
	return v
}

// end returns when a stream ends, after the origin; 0 when that is not stated. Matroska's tag counts from 0 in files of
// ffmpeg and from the stream's own start in those of mkvmerge. It is unsure which if the two are far apart.
func (s probeStream) end(origin time.Duration) (end time.Duration, unsure bool) {
	const apart = 100 * time.Millisecond
	start, length := parseSeconds(s.Start), parseSeconds(s.Duration)
	if length <= 0 {
		length = parseClock(s.Tags["DURATION"])
		if unsure = start > apart && length > 0; !unsure {
			length -= start
		}
	}
	if length <= 0 {
		return 0, false
	}
	return max(0, start-origin+length), unsure
}

// maxSeconds, about ten years, keeps durations far from overflow.
const maxSeconds = 3e8

func parseSeconds(s string) time.Duration {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || math.Abs(f) > maxSeconds {
		return 0
	}
	return time.Duration(math.Round(f * 1e9))
}

// parseClock reads "00:01:15.500000000".
func parseClock(s string) time.Duration {
	h, rest, ok := strings.Cut(s, ":")
	if !ok {
		return 0
	}
	minutes, sec, ok := strings.Cut(rest, ":")
	if !ok {
		return 0
	}
	hn, err1 := strconv.ParseUint(h, 10, 16)
	mn, err2 := strconv.ParseUint(minutes, 10, 16)
	if err1 != nil || err2 != nil {
		return 0
	}
	return time.Duration(hn)*time.Hour + time.Duration(mn)*time.Minute + max(0, parseSeconds(sec))
}

// parseMatrix reads the linear part of a display matrix as ffprobe prints it: three lines "00000000: a b u" in 16.16
// fixed point.
func parseMatrix(s string) (m [4]float64, ok bool) {
	row := 0
	for line := range strings.SplitSeq(s, "\n") {
		_, cells, found := strings.Cut(line, ":")
		if !found {
			continue
		}
		f := strings.Fields(cells)
		if len(f) != 3 {
			return m, false
		}
		if row < 2 {
			for col := range 2 {
				n, err := strconv.ParseInt(f[col], 10, 64)
				if err != nil {
					return m, false
				}
				m[row*2+col] = float64(n) / 65536
			}
		}
		row++
	}
	return m, row == 3
}

var errTooMuchOutput = errors.New("too much output")

// boundedBuffer fails the write that would take it past max.
type boundedBuffer struct {
	bytes.Buffer
	max  int
	full bool
}

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.Len()+len(p) > b.max {
		b.full = true
		return 0, errTooMuchOutput
	}
	return b.Buffer.Write(p)
}
