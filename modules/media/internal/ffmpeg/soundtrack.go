package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	fg "github.com/u2takey/ffmpeg-go"
)

// take is what could be made of one recording, or of the two of a left and a right track.
type take struct {
	sound    string // "" = no sample
	loudness loudness
	notices  []Notice
	broken   bool // it is there and cannot be decoded
}

// withSound adds the sound to c: that of the recordings, which the pass has made unless failed says why it could not,
// or, if it is silent, that of the first of the other tracks that is heard.
func (p *Processor) withSound(ctx context.Context, pl plan, c clip, sound []recording, failed error) (clip, error) {
	c.notices = slices.Clone(pl.sound.notices)
	if len(sound) == 0 {
		return c, nil
	}
	best, err := p.takeOf(ctx, pl, sound, failed)
	if err != nil {
		return c, err
	}
	kept, broken := sound, best.broken
	for _, other := range pl.sound.others {
		if best.loudness.heard() {
			break
		}
		again := newRecordings(pl.input.Dir, []audioStream{other})
		t, err := p.takeOf(ctx, pl, again, p.record(ctx, pl, again))
		if err != nil {
			return c, err
		}
		broken = broken || t.broken
		if t.loudness.heard() || t.sound != "" && best.sound == "" {
			t.notices = append(t.notices, NoticeAnotherTrack)
			best, kept, again = t, again, kept
		}
		if err := removeRecordings(again); err != nil {
			return c, &ToolError{Step: "sound", Err: err}
		}
	}
	if best.sound == "" && broken {
		best.notices = []Notice{NoticeNoSound}
		c.notices = nil
	}
	for _, n := range best.notices {
		if !slices.Contains(c.notices, n) {
			c.notices = append(c.notices, n)
		}
	}
	if best.sound != "" {
		c.sound, c.loudness = filepath.Join(pl.input.Dir, "clip.wav"), best.loudness
		if err := os.Rename(best.sound, c.sound); err != nil {
			return c, &ToolError{Step: "sound", Err: err}
		}
	}
	if err := removeRecordings(kept); err != nil {
		return c, &ToolError{Step: "sound", Err: err}
	}
	return c, nil
}

// takeOf makes a take of recordings. If err says why they could not be made, it tries once more, and then each side
// alone: maybe only one is to blame.
func (p *Processor) takeOf(ctx context.Context, pl plan, sound []recording, err error) (take, error) {
	if err != nil {
		sound, err = p.recordSimply(ctx, pl, sound, err)
	}
	var sides []take
	for _, r := range sound {
		alone := err
		if len(sound) > 1 && brokenFile(err) && !tooCostly(err, nil) {
			alone = p.record(ctx, pl, []recording{r})
		}
		t, err := p.sideOf(ctx, pl, r, alone)
		if err != nil {
			return take{}, err
		}
		sides = append(sides, t)
	}
	if len(sides) == 1 {
		return sides[0], nil
	}
	left, right := sides[0], sides[1]
	switch {
	case left.loudness.heard() && right.loudness.heard():
		return p.paired(ctx, pl, left, right)
	case right.loudness.heard() || left.sound == "":
		return right.without(left), nil
	}
	return left.without(right), nil
}

// sideOf makes a take of one recording, unless err says why that could not be made.
func (p *Processor) sideOf(ctx context.Context, pl plan, r recording, err error) (take, error) {
	switch {
	case brokenFile(err):
		return take{loudness: unheard(), broken: true}, nil
	case err != nil:
		return take{}, err
	}
	return p.settled(ctx, pl, r)
}

// without is the take of a side of which the other is not heard. Its owner is told if that is not how it was recorded.
func (t take) without(other take) take {
	if other.broken || slices.Contains(other.notices, NoticeSoundDamaged) {
		t.broken, t.notices = true, append(t.notices, NoticeOneSide)
	}
	return t
}

// settled makes a take of one recording: each sample where it is heard.
func (p *Processor) settled(ctx context.Context, pl plan, r recording) (t take, err error) {
	frames, err1 := readStamps(r.frames)
	packets, err2 := readStamps(r.packets)
	l, from, err3 := readLoudness(r.loudness)
	if err := errors.Join(err1, err2, err3); err != nil {
		return take{}, &ToolError{Step: "sound", Err: err}
	}
	damaged := missing(packets, frames) > unnoticed
	if len(frames) == 0 {
		return take{loudness: unheard(), broken: damaged}, nil
	}
	t = take{sound: r.samples, loudness: l}
	wild := math.IsInf(l.peak, 1)
	var clock []piece
	if len(frames) < mostStamps(pl.length) { // a full table says nothing of what follows its end
		clock = pieces(frames)
	}
	moved := len(clock) > 1 || len(clock) == 1 && (!clock[0].even() || clock[0].shift() != 0)
	if wild || moved {
		samples, err := readSamples(r.samples)
		if err != nil {
			return take{}, &ToolError{Step: "sound", Err: err}
		}
		damaged = tame(samples) > 0 || damaged
		if moved {
			samples, err = retimed(ctx, samples, clock, int(math.Ceil(pl.length.Seconds()*sampleRate)))
		}
		if err != nil {
			return take{}, fmt.Errorf("correct the times of the sound: %w", err)
		}
		if err := writeSamples(r.samples, samples); err != nil {
			return take{}, &ToolError{Step: "sound", Err: err}
		}
	}
	if wild || from > frames[0].at+unnoticed {
		if t.loudness, err = p.measure(ctx, pl, r.samples); err != nil {
			return take{}, err
		}
	}
	if damaged {
		t.notices = append(t.notices, NoticeSoundDamaged)
	}
	if r.firstTwo {
		t.notices = append(t.notices, NoticeChannelsLost)
	}
	return t, nil
}

// unnoticed, in samples, is less sound than its owner is told about.
const unnoticed = 0.2 * sampleRate

// paired makes one take of two that are the left and the right side.
func (p *Processor) paired(ctx context.Context, pl plan, left, right take) (take, error) {
	l, err1 := readSamples(left.sound)
	r, err2 := readSamples(right.sound)
	if err := errors.Join(err1, err2); err != nil {
		return take{}, &ToolError{Step: "sound", Err: err}
	}
	if more := len(r) - len(l); more > 0 {
		l = append(l, make([]float32, more)...)
	}
	for i := 1; i < len(l); i += channels {
		l[i] = 0
		if i < len(r) {
			l[i] = r[i]
		}
	}
	if err := writeSamples(left.sound, l); err != nil {
		return take{}, &ToolError{Step: "sound", Err: err}
	}
	t := take{sound: left.sound, notices: append(left.notices, right.notices...)}
	var err error
	t.loudness, err = p.measure(ctx, pl, t.sound)
	return t, err
}

// recordSimply decodes recordings alone, with the first two channels of each, after all of them failed for cause. It
// returns cause if that cannot help.
func (p *Processor) recordSimply(ctx context.Context, pl plan, sound []recording, cause error) ([]recording, error) {
	if !brokenFile(cause) || tooCostly(cause, nil) {
		return sound, cause
	}
	simple, changed := slices.Clone(sound), false
	for i, r := range simple {
		if r.track.channels > 2 && !r.firstTwo {
			simple[i].firstTwo, changed = true, true
		}
	}
	if !changed {
		return sound, cause
	}
	return simple, p.record(ctx, pl, simple)
}

// record decodes recordings without the picture.
func (p *Processor) record(ctx context.Context, pl plan, sound []recording) error {
	if err := p.affords(pl); err != nil {
		return err
	}
	in := p.source(pl)
	var outputs []*fg.Stream
	for _, r := range sound {
		outputs = append(outputs, r.outputs(in, pl.length)...)
	}
	args, err := build(outputs...)
	if err != nil {
		return &ToolError{Step: "sound", Err: err}
	}
	budget := p.limits.forClip(pl.length)
	budget.cpu = p.limits.forClip(pl.length / 10).cpu // next to a picture, sound costs little
	return p.run(ctx, command{
		step: "sound", path: p.ffmpeg, args: args, read: []string{pl.input.Input}, write: []string{pl.input.Dir},
		budget: budget, original: pl.input.original, spent: pl.input.spent,
	})
}

// measure returns the loudness of a file of samples.
func (p *Processor) measure(ctx context.Context, pl plan, file string) (loudness, error) {
	text := filepath.Join(pl.input.Dir, "loudness.txt")
	args, err := build(localInput(file, fg.KwArgs{"f": "wav"}).Audio().
		Output("-", fg.KwArgs{"af": measuring(text), "f": "null"}))
	if err != nil {
		return loudness{}, &ToolError{Step: "sound", Err: err}
	}
	err = p.run(ctx, command{
		step: "sound", path: p.ffmpeg, args: args, write: []string{pl.input.Dir}, budget: forOurOwn(),
	})
	if err != nil {
		return loudness{}, err
	}
	l, _, err := readLoudness(text)
	if err := errors.Join(err, os.Remove(text)); err != nil {
		return loudness{}, &ToolError{Step: "sound", Err: err}
	}
	return l, nil
}
