package ffmpeg

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

// Jobs with different rules run on one Processor at once, and each has its own.
func TestEachJobHasItsOwnRules(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=1"), lavfi(tone+":d=1"), x264())...)
	jobs := []Job{jobFor(t, in), jobFor(t, in), jobFor(t, in), jobFor(t, in)}
	jobs[1].Rules = Rules{MaxClip: 500 * time.Millisecond, RemoveAudio: true}
	jobs[2].Rules = Rules{MinDuration: time.Minute}
	jobs[3].Rules = Rules{MinHeight: 1080}
	results, errs := make([]Result, len(jobs)), make([]error, len(jobs))
	var together, done sync.WaitGroup
	together.Add(len(jobs))
	for i := range jobs {
		jobs[i].Progress = func(at Progress) {
			if at == (Progress{"probing", 0}) { // all have begun before one goes on
				together.Done()
				together.Wait()
			}
		}
		done.Go(func() { results[i], errs[i] = p.Process(t.Context(), jobs[i]) })
	}
	done.Wait()
	if err := errors.Join(errs[0], errs[1]); err != nil {
		t.Fatal(err)
	}
	checkClean(t, results[0], "30/1", true)
	checkClean(t, results[1], "30/1", false)
	for i, content := range []time.Duration{time.Second, 500 * time.Millisecond} {
		if want := content + 2*briefBumper; results[i].Duration != want {
			t.Errorf("job %d lasts %v, want %v", i, results[i].Duration, want)
		}
	}
	wantCode(t, errs[2], CodeTooShort)
	wantCode(t, errs[3], CodeResolutionLow)
}

func TestRulesHaveALittleGrace(t *testing.T) {
	t.Parallel()
	rules := Rules{MinDuration: 20 * time.Second, MaxDuration: time.Minute, MinHeight: 1080}
	upright := videoStream{width: 1080, height: 1920}
	for duration, code := range map[time.Duration]string{
		19979 * time.Millisecond: CodeTooShort,
		19980 * time.Millisecond: "",
		60020 * time.Millisecond: "",
		60021 * time.Millisecond: CodeTooLong,
		0:                        "", // unknown
	} {
		err := rules.check(upright, duration)
		if code != "" {
			wantCode(t, err, code)
		} else if err != nil {
			t.Errorf("%v: %v", duration, err)
		}
	}
	wantCode(t, rules.check(videoStream{width: 1078, height: 1920}, time.Minute), CodeResolutionLow)
}

// Rules that no clip can meet are our mistake, for which no clip is rejected.
func TestImpossibleRulesAreOurFault(t *testing.T) {
	t.Parallel()
	p := newProcessor(t, Options{})
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=1"), x264())...)
	for name, rules := range map[string]Rules{
		"negative clip":         {MaxClip: -time.Second},
		"negative minimum":      {MinDuration: -1},
		"negative maximum":      {MaxDuration: -1},
		"negative height":       {MinHeight: -1},
		"minimum above maximum": {MinDuration: time.Minute, MaxDuration: time.Second},
	} {
		j := jobFor(t, in)
		j.Rules = rules
		_, err := p.Process(t.Context(), j)
		if _, ok := errors.AsType[*ToolError](err); !ok {
			t.Errorf("%s: %v, want a ToolError", name, err)
		}
	}
}
