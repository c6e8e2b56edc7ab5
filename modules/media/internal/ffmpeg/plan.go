package ffmpeg

import (
	"math"
	"time"
)

// plan is every decision about one clip. It follows from the probe alone, before the first picture is decoded.
type plan struct {
	input    Job
	video    videoStream
	sound    soundPlan
	rate     rational
	start    time.Duration
	length   time.Duration // of the content, at most Rules.MaxClip; the file may turn out to hold less
	from     time.Duration // where the picture begins: at start, or at the last picture for a start after it
	back     time.Duration // before from, where decoding begins at the latest
	hold     int           // frames by which the last picture may be shown longer
	geometry geometry
	small    geometry // of the small rendition; zero: there is none
	color    colorPlan
}

// plan makes the decisions, or rejects the clip.
func (p *Processor) plan(j Job, m media) (plan, error) {
	v, err := pickVideo(m)
	if err != nil {
		return plan{}, err
	}
	if err := p.checkCost(v, m); err != nil {
		return plan{}, err
	}
	pl := plan{
		input: j, video: v, rate: outputRate(v), start: max(0, j.Start),
		geometry: fit(v, bigSize()), color: planColor(v),
	}
	if !j.Rules.NoSmall {
		pl.small = fit(v, smallFrame(v))
	}
	var soundEnd time.Duration
	if !j.Rules.RemoveAudio {
		pl.sound = pickSound(m.audio)
		pl.sound.notices = append(pl.sound.notices, j.lacks...)
		for _, a := range pl.sound.first {
			soundEnd = max(soundEnd, a.end)
		}
	}
	end := or(v.end, m.duration)
	if v.end > 0 && soundEnd > v.end+longTail {
		end = soundEnd
	}
	if err := j.Rules.check(v, end); err != nil {
		return plan{}, err
	}
	return pl.timed(end, max(end, m.duration))
}

const (
	// longTail is how much longer than the picture a sound must be for the picture to wait for its end. What recorders
	// leave is shorter.
	longTail = time.Second
	// lastInstant is a time within the last picture, however the file rounds.
	lastInstant = 10 * time.Millisecond
)

// timed decides what part of a clip is shown whose content ends at end, and the file itself at last; 0 when unknown.
func (pl plan) timed(end, last time.Duration) (plan, error) {
	if last > 0 && pl.start >= last {
		return plan{}, reject(CodeStartBeyondEnd, "start %v, end %v", pl.start, last)
	}
	pl.length, pl.from = pl.input.Rules.maxClip(), pl.start
	if end > 0 {
		pl.length = min(pl.length, max(end-pl.start, pl.rate.span(1)))
	}
	if v := pl.video; v.end > 0 {
		pl.from = min(pl.from, max(0, v.end-lastInstant))
		if wait := pl.start + pl.length - v.end; wait > 0 {
			pl.hold = pl.rate.frames(min(wait, pl.length)) + 1
		}
	}
	if v := pl.video; v.delay > 0 && v.rate.known() {
		pl.back = min(pl.from, v.rate.span(v.delay))
	}
	return pl, nil
}

// cutOff reports whether the clip states clearly more pictures than could be decoded. frames are those and the held
// ones.
func (pl plan) cutOff(frames int) bool {
	end := min(pl.video.end, pl.start+pl.length)
	return pl.video.end > 0 && pl.rate.span(frames-pl.hold)+time.Second < end-pl.start
}

// frames is how many pictures the content has at most.
func (pl plan) frames() int { return max(1, pl.rate.frames(pl.length)) }

// skipsDeblocking reports whether the decoder skips the loop filter on pictures that no other picture refers to.
// Shrinking by a quarter or more hides what the filter would have smoothed: the rendition's SSIM changes by less than
// 0.0001.
func (pl plan) skipsDeblocking() bool {
	v, g := pl.video, pl.geometry
	return (v.codec == "h264" || v.codec == "hevc") && g.scaleW*4 <= v.width*3 && g.scaleH*4 <= v.height*3
}

// hasSmall reports whether the clip gets a small rendition.
func (pl plan) hasSmall() bool { return pl.small.frame != (size{}) }

// pickVideo chooses the default video stream that can be decoded, and among equals the largest. Cover art is not a
// video, whether it is marked as such or only in a codec of still pictures.
func pickVideo(m media) (videoStream, error) {
	var best, other *videoStream
	for i := range m.video {
		switch v := &m.video[i]; {
		case v.cover:
		case !decodesPicture(v.codec):
			other = v
		case best == nil || better(*v, *best):
			best = v
		}
	}
	switch {
	case best == nil && other != nil:
		return videoStream{}, unsupported(publicName(other.codec, other.tag),
			"codec %q, tag %q", other.codec, other.tag)
	case best == nil:
		return videoStream{}, reject(CodeNoVideoStream, "%d streams, none of them a video", m.streams)
	case best.dolby.alone():
		return videoStream{}, unsupported("Dolby Vision", "Dolby Vision profile %d without a base layer for others",
			best.dolby.profile)
	case best.width <= 0 || best.height <= 0:
		return videoStream{}, reject(CodeUnreadable, "codec %q, %d×%d", best.codec, best.width, best.height)
	}
	return *best, nil
}

func better(a, b videoStream) bool {
	if a.isDefault != b.isDefault {
		return a.isDefault
	}
	return a.width*a.height > b.width*b.height
}

// checkCost rejects a clip that would be too expensive to decode.
func (p *Processor) checkCost(v videoStream, m media) error {
	l, pixels := p.limits, v.width*v.height
	rate := 0.0
	if v.rate.known() {
		rate = v.rate.float()
	}
	switch {
	case m.streams > l.Streams:
		return reject(CodeTooComplex, "%d streams", m.streams)
	case pixels > l.Pixels || v.width > math.MaxInt16 || v.height > math.MaxInt16:
		return reject(CodeTooComplex, "%d×%d", v.width, v.height)
	case rate > l.FrameRate || rate*float64(pixels) > l.PixelRate:
		return reject(CodeTooComplex, "%d×%d at %.0f frames/s", v.width, v.height, rate)
	case max(m.duration, v.end) > l.SourceDuration:
		return reject(CodeTooLong, "%v", max(m.duration, v.end))
	}
	return nil
}

// outputRate keeps a source rate that is one of outputRates, divides a multiple of one (60 → 30, 50 → 25, 59.94 →
// 29.97, 240 → 30), and multiplies a fraction of one (15 → 30, 12.5 → 25), so that motion stays even. Everything else,
// including variable rates, becomes 30.
func outputRate(v videoStream) rational {
	fallback := rational{30, 1}
	if !v.rate.known() {
		return fallback
	}
	source := v.rate.float()
	if v.interlaced && v.rRate.known() && v.rRate.float() > 1.9*source {
		source = v.rRate.float() / 2 // some demuxers count fields
	}
	const tolerance = 0.0004 // 24 and 23.976 are 0.001 apart
	for _, factor := range []float64{1, 0.5, 0.25, 0.125, 2, 3, 4, 5, 1. / 3} {
		for _, r := range outputRates() {
			if math.Abs(source*factor/r.float()-1) < tolerance {
				return r
			}
		}
	}
	return fallback
}
