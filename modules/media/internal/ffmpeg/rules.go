package ffmpeg

import (
	"errors"
	"time"
)

// Rules are what a contest asks of a clip. They belong to one job, so jobs with different rules run on one Processor at
// once. The zero value publishes the first 30 s with their sound and accepts every clip.
//
// The durations and the height are those that the file states, before anything is decoded. A file that does not state
// its duration passes both rules about it.
type Rules struct {
	// MaxClip is how much is published, from Job.Start on; 0 = 30 s. The rest of a longer clip is cut off, not
	// rejected.
	MaxClip time.Duration
	// RemoveAudio publishes the clip without a sound track.
	RemoveAudio bool
	// NoSmall leaves out the small rendition for phones.
	NoSmall bool
	// MinDuration is the shortest upload that is accepted, whatever part of it is published, with 20 ms of grace;
	// CodeTooShort below it. 0 = no rule.
	MinDuration time.Duration
	// MaxDuration is the longest upload that is accepted, with 20 ms of grace; CodeTooLong above it. 0 = no rule.
	MaxDuration time.Duration
	// MinHeight is the least number of pixels on the short side, so 1080 accepts 1080p upright as well;
	// CodeResolutionLow below it. 0 = no rule.
	MinHeight int
}

const defaultMaxClip = 30 * time.Second

// validate refuses rules that make no sense or that no clip can meet.
func (r Rules) validate() error {
	if r.MaxClip < 0 || r.MinDuration < 0 || r.MaxDuration < 0 || r.MinHeight < 0 {
		return errors.New("a rule for clips is negative")
	}
	if r.MaxDuration > 0 && r.MinDuration > r.MaxDuration {
		return errors.New("the rules for clips ask for a minimum duration above the maximum")
	}
	return nil
}

func (r Rules) maxClip() time.Duration { return or(r.MaxClip, defaultMaxClip) }

// check rejects a clip that breaks a rule. duration is the upload's; 0 when unknown.
func (r Rules) check(v videoStream, duration time.Duration) error {
	if duration > 0 {
		// 60 s of video are often stored as 59.99 s or 60.01 s.
		const grace = 20 * time.Millisecond
		if r.MinDuration > 0 && duration+grace < r.MinDuration {
			return reject(CodeTooShort, "%v", duration)
		}
		if r.MaxDuration > 0 && duration-grace > r.MaxDuration {
			return reject(CodeTooLong, "%v", duration)
		}
	}
	if short := min(v.width, v.height); r.MinHeight > 0 && short < r.MinHeight {
		return reject(CodeResolutionLow, "%d×%d", v.width, v.height)
	}
	return nil
}
