package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// watched is a process of the site on this machine.
type watched struct {
	role string
	pid  int
}

// processes is a flag that may be given several times: serve=1234.
type processes []watched

func (p *processes) String() string { return "" }

// Set adds a process.
func (p *processes) Set(value string) error {
	role, number, ok := strings.Cut(value, "=")
	pid, err := strconv.Atoi(number)
	if !ok || err != nil || pid < 1 {
		return errors.New("want ROLE=PID")
	}
	*p = append(*p, watched{role, pid})
	return nil
}

// usage is what a process used during a test.
type usage struct {
	Role    string  `json:"role"`
	PeakMiB float64 `json:"peak_mib"` // resident, as the system counted it since the process began
	// OwnMiB is the part of it, as far as the samples can tell, that is not the program's file, which processes share.
	OwnMiB float64  `json:"own_mib"`
	CPU    float64  `json:"cpu_seconds"`
	Memory []memory `json:"memory"`
}

// memory is what was resident at a moment.
type memory struct {
	At  float64 `json:"at"` // seconds since the start
	MiB float64 `json:"mib"`
}

func (u usage) last() float64 {
	if len(u.Memory) == 0 {
		return 0
	}
	return u.Memory[len(u.Memory)-1].MiB
}

// observe samples processes until the returned function is called, which tells what they used.
func observe(ctx context.Context, start time.Time, all processes) func() []usage {
	var (
		group  sync.WaitGroup
		usages = make([]usage, len(all))
		before = make([]float64, len(all))
	)
	ctx, cancel := context.WithCancel(ctx)
	for i, p := range all {
		usages[i].Role, before[i] = p.role, cpuSeconds(p.pid)
	}
	sample := func() {
		for i, p := range all {
			now, own, peak, ok := resident(p.pid)
			if ok {
				usages[i].PeakMiB, usages[i].OwnMiB = peak, max(usages[i].OwnMiB, own)
				usages[i].CPU = cpuSeconds(p.pid) - before[i]
				usages[i].Memory = append(usages[i].Memory, memory{time.Since(start).Seconds(), now})
			}
		}
	}
	group.Go(func() {
		for {
			sample()
			select {
			case <-ctx.Done():
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	})
	return func() []usage {
		cancel()
		group.Wait()
		sample()
		return usages
	}
}

// resident returns the process's memory in MiB: now, now without the program's file, and at most.
func resident(pid int) (now, own, peak float64, ok bool) {
	path := fmt.Sprintf("/proc/%d/status", pid)
	for name, to := range map[string]*float64{"VmRSS": &now, "RssAnon": &own, "VmHWM": &peak} {
		if _, err := fmt.Sscan(procField(path, name), to); err != nil {
			return 0, 0, 0, false
		}
		*to /= 1024
	}
	return now, own, peak, true
}

// cpuSeconds returns the processor time of a process and of those of its children that have ended; 0 if it is gone.
func cpuSeconds(pid int) float64 {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	// The name, in parentheses, may contain spaces. The fields after it are numbered from 3 (proc(5)).
	_, rest, _ := strings.Cut(string(content), ") ")
	fields := strings.Fields(rest)
	var ticks float64
	for number := 14; number <= 17 && number-3 < len(fields); number++ {
		n, _ := strconv.ParseFloat(fields[number-3], 64)
		ticks += n
	}
	return ticks / 100 // USER_HZ
}

// busyTime returns what all processors have done since they started, and what they could have done, in ticks.
func busyTime() (busy, all float64) {
	content, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, 0
	}
	line, _, _ := strings.Cut(string(content), "\n")
	for i, field := range strings.Fields(line)[1:] {
		n, _ := strconv.ParseFloat(field, 64)
		if i > 7 { // guests are counted as users, too
			break
		}
		all += n
		if i != 3 && i != 4 { // idle, waiting for the disk
			busy += n
		}
	}
	return busy, all
}
