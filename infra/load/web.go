package main

import (
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

//go:embed scenarios/*.js
var scripts embed.FS

func script(name string) (string, error) {
	content, err := scripts.ReadFile("scenarios/" + name + ".js")
	return string(content), err
}

// web measures how many people at once the site carries who upload small files.
func web(ctx context.Context, o options) (err error) {
	steps := "5:2:15,100:20:45,200:20:45,300:20:60"
	if o.smoke {
		steps = "5:1:3"
	}
	if o.steps != "" {
		steps = o.steps
	}
	s, err := openSite(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	r, rec, finish := begin(ctx, s, "web", "Web capacity")
	js, err := script("web")
	if err != nil {
		return err
	}
	if _, err := k6(ctx, o, s, js, rec, "STEPS="+steps); err != nil {
		return err
	}
	finish()
	most, _, _ := strings.Cut(steps[strings.LastIndex(steps, ",")+1:], ":")
	last := r.step(most)
	r.Bars = append(r.Bars,
		bar{most + " users, p95", "≤ 100 ms", number(last.P95) + " ms", last.Requests > 0 && last.P95 <= 100})
	r.Bars = append(r.Bars, r.common(96)...)
	r.Bars = append(r.Bars, r.kneeAndLimit()...)
	return r.save(o)
}

// night measures a voting night.
func night(ctx context.Context, o options) (err error) {
	steps, voters := "100:5:20,250:10:30,500:10:60", "200"
	if o.smoke {
		steps, voters, o.entries = "10:1:3", "3", min(o.entries, 50)
	}
	if o.steps != "" {
		steps = o.steps
	}
	s, err := openSite(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.app != "" {
		people := o.entries + max(100, o.entries/10)
		out, err := s.command(ctx, "seed", fmt.Sprintf("--contestants=%d", o.entries),
			fmt.Sprintf("--voters=%d", people-o.entries), fmt.Sprintf("--votes=%d", 10*o.entries)).CombinedOutput()
		if err != nil {
			return fmt.Errorf("seed: %w\n%s", err, out)
		}
	}
	r, rec, finish := begin(ctx, s, "night", "A voting night")
	js, err := script("night")
	if err != nil {
		return err
	}
	found, err := k6(ctx, o, s, js, rec, "STEPS="+steps, "VOTERS="+voters)
	if err != nil {
		return err
	}
	finish()
	rate, _, _ := strings.Cut(steps[strings.LastIndex(steps, ",")+1:], ":")
	last := r.step(rate + "/s")
	r.Bars = append(r.Bars,
		bar{rate + " requests per s, p99", "≤ 100 ms", number(last.P99) + " ms", last.Requests > 0 && last.P99 <= 100},
		// k6 drops a request when no virtual user is free, because the site has fallen behind.
		bar{
			"requests not sent in time", "0", number(found["dropped_iterations"]), found["dropped_iterations"] == 0,
		})
	drift, told := found.drift()
	r.Bars = append(r.Bars, bar{"drift: votes shown less votes acknowledged", "0", told, drift == 0})
	if s.app != "" {
		wrong, err := s.miscounts(ctx)
		if err != nil {
			return err
		}
		r.Bars = append(r.Bars, bar{"counters that differ from their rows", "0", fmt.Sprint(wrong), wrong == 0})
	}
	r.Bars = append(r.Bars, r.common(96)...)
	r.Bars = append(r.Bars, r.kneeAndLimit()...)
	return r.save(o)
}

// drift compares how the votes that the site shows have changed with what it has acknowledged, for all entries that
// were voted for and for the hot one.
func (c counts) drift() (float64, string) {
	all := c["votes_after"] - c["votes_before"] - (c["votes_cast"] - c["votes_taken_back"])
	hot := c["votes_after_hot"] - c["votes_before_hot"] - (c["votes_cast_hot"] - c["votes_taken_back_hot"])
	told := fmt.Sprintf("%s; hot video: %s (%s votes, %s taken back)",
		number(all), number(hot), number(c["votes_cast_hot"]), number(c["votes_taken_back_hot"]))
	if c["votes_cast"] == 0 {
		return 1, "nobody has voted"
	}
	return max(all, -all) + max(hot, -hot), told
}

// miscounts returns how many of the site's counters differ from the rows that they count.
func (s *site) miscounts(ctx context.Context) (n int, err error) {
	// The command also fails because seeded entries have no files.
	out, err := s.command(ctx, "storage", "check", "--json").Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	lines := 0
	for line := range strings.Lines(string(out)) {
		var found struct{ Kind string }
		if json.Unmarshal([]byte(line), &found) == nil {
			lines++
			if found.Kind == "counter" {
				n++
			}
		}
	}
	if lines == 0 {
		return 0, fmt.Errorf("storage check: %w", err)
	}
	return n, nil
}

// begin returns the result and the record of a scenario that starts now. finish fills the result.
func begin(ctx context.Context, s *site, name, title string) (r *result, rec *record, finish func()) {
	r = &result{
		Scenario: name, Title: title, Site: s.name, Version: s.version(ctx),
		Started: time.Now(), Machine: thisMachine(),
	}
	rec = newRecord(r.Started)
	busy, all := busyTime()
	stop := observe(ctx, r.Started, s.watch)
	return r, rec, func() {
		r.Processes = stop()
		r.Seconds = time.Since(r.Started).Seconds()
		if nowBusy, nowAll := busyTime(); nowAll > all {
			r.Machine.Busy = (nowBusy - busy) / (nowAll - all)
		}
		rec.into(r)
	}
}

// kneeAndLimit tells the last step in which nobody waits for others, and the first that is more than the site carries.
func (r *result) kneeAndLimit() []bar {
	knee, limit := "none", "above all steps"
	first, bent := 0.0, false
	for _, s := range r.Steps {
		if strings.HasPrefix(s.Name, rising) || s.Name == "end" {
			continue
		}
		if first == 0 {
			first = s.P50
		}
		if bent = bent || s.P50 > 2*first; !bent {
			knee = s.Name
		}
		if limit == "above all steps" && (s.Errors*1000 > s.Requests || s.P95 > 1000) {
			limit = s.Name
		}
	}
	return []bar{
		{"knee: the last step before a median above twice the first's", "", knee, true},
		{"limit: the first step with 0.1 % errors, or a p95 above 1 s", "", limit, true},
	}
}

// common returns the bars of every scenario: no error, and at most so much memory.
func (r *result) common(mib float64) []bar {
	r.MemoryMiB = mib
	bars := []bar{{"errors", "0", number(float64(r.errors())), r.errors() == 0}}
	for _, p := range r.Processes {
		if p.Role == "serve" && len(p.Memory) > 0 { // not on every system
			bars = append(bars, bar{
				"memory of serve", fmt.Sprintf("≤ %.0f MiB", mib), number(p.PeakMiB) + " MiB",
				p.PeakMiB <= mib,
			})
		}
	}
	return bars
}
