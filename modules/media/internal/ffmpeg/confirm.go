package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A file's header may claim anything. What matters for this job and is in doubt is read from the packets.

// confirmed returns m with the rate and the ends that its packets show, if they matter and are in doubt.
func (p *Processor) confirmed(ctx context.Context, j Job, m media) (media, error) {
	v, err := pickVideo(m)
	if err != nil {
		return m, nil //nolint:nilerr // the plan rejects it
	}
	if p.doubts(v) {
		if m, err = p.withRate(ctx, j, m, v.index); err != nil {
			return m, err
		}
	}
	unsure := v.unsure
	for _, a := range m.audio {
		unsure = unsure || a.unsure
	}
	ruled := j.Rules.MinDuration > 0 || j.Rules.MaxDuration > 0
	if unsure || ruled && or(v.end, m.duration) == 0 {
		return p.withEnds(ctx, j, m)
	}
	return m, nil
}

// doubts reports whether a rate is so high that it would be a reason to reject the clip, or high and not what the first
// pictures have.
func (p *Processor) doubts(v videoStream) bool {
	const common = 120.5
	if !v.rate.known() {
		return false
	}
	rate := v.rate.float()
	return rate > p.limits.FrameRate || rate*float64(v.width*v.height) > p.limits.PixelRate ||
		rate > common && !v.steady()
}

// steady reports whether the average rate is the one that all timestamps fit.
func (v videoStream) steady() bool {
	return v.rate.known() && v.rRate.known() && math.Abs(v.rRate.float()/v.rate.float()-1) < 0.01
}

// withRate gives the video stream with an index the rate of its first pictures; unknown when there is only one.
func (p *Processor) withRate(ctx context.Context, j Job, m media, index int) (media, error) {
	const counted = 200
	times, err := p.packets(ctx, j, fmt.Sprintf("%%+#%d", counted), index, nil)
	if err != nil {
		return m, err
	}
	m.video = append([]videoStream(nil), m.video...)
	for i := range m.video {
		v := &m.video[i]
		if v.index != index {
			continue
		}
		t := times[index]
		v.rate = rational{}
		if length := (t.last - t.first).Seconds(); t.count > 1 && length > 0 {
			rate := float64(t.count-1) / length
			v.rate = rational{int(math.Round(min(rate, 1e6) * 1000)), 1000}
			if v.rRate.known() && math.Abs(v.rRate.float()/rate-1) < 0.02 {
				v.rate = v.rRate
			}
		}
	}
	return m, nil
}

// withEnds gives each stream of m, and the container, the end of its last packet.
func (p *Processor) withEnds(ctx context.Context, j Job, m media) (media, error) {
	intervals := ""
	if m.duration > 0 {
		intervals = "1000000%" // from the last key frame on
	}
	times, err := p.packets(ctx, j, intervals, -1, nil)
	if err != nil {
		return m, err
	}
	m.video, m.audio = append([]videoStream(nil), m.video...), append([]audioStream(nil), m.audio...)
	m.duration = 0
	for i := range m.video {
		v := &m.video[i]
		v.end, v.unsure = m.endOf(times[v.index], v.end, v.rate), false
		m.duration = max(m.duration, v.end)
	}
	for i := range m.audio {
		a := &m.audio[i]
		a.end, a.unsure = m.endOf(times[a.index], a.end, rational{}), false
		m.duration = max(m.duration, a.end)
	}
	return m, nil
}

// endOf is when the packets of a stream end, after the origin, or stated if there are none. The last one may lack its
// duration.
func (m media) endOf(t packetTimes, stated time.Duration, rate rational) time.Duration {
	if t.count == 0 {
		return stated
	}
	if t.end == t.last && rate.known() {
		t.end += rate.span(1)
	}
	return max(0, t.end-m.origin)
}

// reaching returns pl with the way back to a key frame that is shown before the content begins. In an index of decoding
// times, as an MP4 has, a pause hides it: the key frame after the pause is decoded before it.
func (p *Processor) reaching(ctx context.Context, pl plan, m media) (plan, error) {
	if pl.start == 0 || pl.input.Container.Demuxer != "mov" || pl.video.delay == 0 || pl.video.steady() {
		return pl, nil
	}
	steps := []time.Duration{pl.back, time.Second, 5 * time.Second, 20 * time.Second, 80 * time.Second, pl.from}
	var intervals []string
	for _, back := range steps {
		at := m.origin + pl.from - min(back, pl.from)
		intervals = append(intervals, seconds(max(0, at).Seconds())+"%+#1")
	}
	var found []time.Duration
	_, err := p.packets(ctx, pl.input, strings.Join(intervals, ","), pl.video.index, func(at time.Duration) {
		found = append(found, at-m.origin)
	})
	if err != nil {
		return pl, err
	}
	if len(found) != len(steps) {
		return pl, nil // it is unknown which answer is which
	}
	pl.back = pl.from
	if i := slices.IndexFunc(found, func(at time.Duration) bool { return at <= pl.from }); i >= 0 {
		pl.back = min(steps[i], pl.from)
	}
	return pl, nil
}

// encodeToEnd encodes. If the last picture was held for more sound than is heard, it checks the rules again and encodes
// again to the end of what there is.
func (p *Processor) encodeToEnd(ctx context.Context, pl plan, m media, percent func(int)) (clip, plan, error) {
	c, pl, err := p.encodeHeld(ctx, pl, m, percent)
	heard := pl.start
	if c.loudness.heard() {
		heard += c.soundLength()
	}
	if err != nil || pl.hold == 0 || heard+longTail >= pl.start+pl.length {
		return c, pl, err
	}
	m.video, m.audio = []videoStream{pl.video}, slices.Clone(m.audio)
	for i := range m.audio {
		m.audio[i].end = heard
	}
	again, err := p.plan(pl.input, m)
	if err != nil || again.length >= pl.length {
		return c, pl, err
	}
	again.back = pl.back
	c, err = p.encode(ctx, again, percent)
	return c, again, err
}

// encodeHeld encodes. If the file does not state when its picture ends, and the pass shows that the content begins or
// goes on after that, it encodes again with the last picture held.
func (p *Processor) encodeHeld(ctx context.Context, pl plan, m media, percent func(int)) (clip, plan, error) {
	c, err := p.encode(ctx, pl, percent)
	late := false
	if rejection, ok := errors.AsType[*Rejection](err); ok {
		late = rejection.Code == CodeStartBeyondEnd
	}
	longer := err == nil && c.loudness.heard() && c.soundLength() > pl.rate.span(c.frames)+longTail
	if pl.video.end > 0 || !late && !longer {
		return c, pl, err
	}
	m, err = p.withEnds(ctx, pl.input, m)
	if err != nil {
		return c, pl, err
	}
	again, err := p.plan(pl.input, m)
	if err == nil {
		again, err = p.reaching(ctx, again, m)
	}
	if err != nil || again.hold == 0 && longer {
		return c, pl, err
	}
	c, err = p.encode(ctx, again, percent)
	return c, again, err
}
