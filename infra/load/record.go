package main

import (
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// record collects what happened to the requests of a test. It is safe for concurrent use.
type record struct {
	start time.Time

	mutex    sync.Mutex
	steps    []*tally // in the order in which they began
	requests []*tally
	seconds  []*tally
	users    []int // of each second
	failures map[string]int
}

// tally are the requests of one step, kind or second.
type tally struct {
	name        string
	first, last float64 // seconds since the start
	times       []float64
	errors      int
}

func newRecord(start time.Time) *record { return &record{start: start, failures: map[string]int{}} }

// request notes one request: in which step and for what it was, when it was answered, in seconds since the start, how
// many milliseconds it took and, if it failed, how.
func (r *record) request(step, kind string, at, ms float64, failure string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.second(at).add(at, ms, failure == "")
	r.add(step, kind, at, ms, failure)
}

// long is request for one that lasts longer than a second and so is part of no second.
func (r *record) long(step, kind string, at, ms float64, failure string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.add(step, kind, at, ms, failure)
}

func (r *record) add(step, kind string, at, ms float64, failure string) {
	ok := failure == ""
	if !ok {
		r.failures[kind+": "+failure]++
	}
	named(&r.steps, step).add(at, ms, ok)
	if !strings.HasPrefix(step, rising) {
		named(&r.requests, kind).add(at, ms, ok)
	}
}

// rising begins the name of a step in which the load still grows. It counts for the errors, not for the times.
const rising = "to "

func named(tallies *[]*tally, name string) *tally {
	for _, t := range *tallies {
		if t.name == name {
			return t
		}
	}
	t := &tally{name: name, first: math.Inf(1)}
	*tallies = append(*tallies, t)
	return t
}

// second returns the tally of that second, and makes those before it.
func (r *record) second(at float64) *tally {
	i := max(0, int(at))
	for len(r.seconds) <= i {
		r.seconds = append(r.seconds, &tally{first: math.Inf(1)})
		users := 0
		if len(r.users) > 0 {
			users = r.users[len(r.users)-1]
		}
		r.users = append(r.users, users)
	}
	return r.seconds[i]
}

// load notes how many users there are.
func (r *record) load(at float64, users int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.second(at)
	r.users[max(0, int(at))] = users
}

func (t *tally) add(at, ms float64, ok bool) {
	t.first, t.last = min(t.first, at), max(t.last, at)
	t.times = append(t.times, ms)
	if !ok {
		t.errors++
	}
}

func (t *tally) step() step {
	slices.Sort(t.times)
	s := step{
		Name: t.name, Requests: len(t.times), Errors: t.errors, P50: percentile(t.times, 50),
		P95: percentile(t.times, 95), P99: percentile(t.times, 99), Max: percentile(t.times, 100),
	}
	// A step that k6 reports lasts from its first whole second to the end of its last.
	if s.Requests > 0 {
		s.Seconds = t.last - t.first + 1
		s.Rate = float64(s.Requests) / s.Seconds
	}
	return s
}

// percentile returns the smallest of the sorted numbers that p per cent of them do not exceed; 0 of none.
func percentile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, int(math.Ceil(p/100*float64(len(sorted))))-1)]
}

// into fills the result's tables and series.
func (r *record) into(to *result) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, t := range r.steps {
		to.Steps = append(to.Steps, t.step())
	}
	for _, t := range r.requests {
		to.Requests = append(to.Requests, t.step())
	}
	to.Failures = maps.Clone(r.failures)
	for i, t := range r.seconds {
		s := t.step()
		to.Series = append(to.Series, second{
			At: float64(i), Users: r.users[i], Requests: s.Requests, Errors: s.Errors,
			P50: s.P50, P95: s.P95, P99: s.P99,
		})
	}
}

// latest sums up the last whole second, for the live view.
func (r *record) latest() (last step, errors, users int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	for _, t := range r.steps {
		errors += t.errors
	}
	if n := len(r.seconds); n > 1 {
		copied := tally{times: slices.Clone(r.seconds[n-2].times)}
		return copied.step(), errors, r.users[n-2]
	}
	return step{}, errors, 0
}

// errors counts the failed requests of a result.
func (r *result) errors() (n int) {
	for _, s := range r.Steps {
		n += s.Errors
	}
	return n
}

// step returns the step of that name; one without requests if there is none.
func (r *result) step(name string) step {
	for _, s := range r.Steps {
		if s.Name == name {
			return s
		}
	}
	return step{}
}
