// Package ecs keeps Amazon ECS from stopping a busy task when it scales in: ECS stops another task, or none.
//
// The task's stop timeout (120 s at most on Fargate, of which a job gets 100 s) is too short to make protection
// unnecessary. With the default rules, the longest jobs publish 30 s of a clip of up to 200 MiB. With one thread they
// need the CPU time below, and twice as long on the default size of a worker (0.5 vCPU). Each line is extrapolated from
// the longest of four runs of 5 s on a core of a virtual machine; whole runs of the first two took 30 s and 69 s.
//
//	1080p, 30 frames per second, H.264, 16 Mbit/s       35 s of CPU     70 s on 0.5 vCPU     35 s on 1 vCPU
//	1080p, 60 frames per second, HEVC, 30 Mbit/s        72 s           144 s                 72 s
//	2160p, 30 frames per second, HEVC, 48 Mbit/s       120 s           240 s                120 s
//
// So the stop timeout covers what most phones record by default, but neither HEVC at 60 frames per second on 0.5 vCPU
// nor 4K on 0.5 or 1 vCPU. An interrupted job loses no attempt, but another worker starts it over. Up to 100 s of work
// are lost and the contestant waits as much longer, again and again while ECS scales in or a release rolls out.
//
// Protection is requested within a second of the start of work. It also holds against deployments, which leave a
// protected task running until it gives up the protection; so a task whose work never ends gives it up for a minute
// every ten minutes. It does not hold against Spot interruptions and an operator's stop. All of these end the task by
// SIGTERM, and another worker starts over what the task does not finish.
package ecs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"
)

const (
	defaultInterval = time.Second
	callTimeout     = 5 * time.Second
	// life is how long a protection lasts if it is not renewed, as by a worker that hangs. ECS counts whole minutes.
	life  = 10 * time.Minute
	renew = 5 * time.Minute
	// stretch is the longest time under protection. During the pause after it a deployment can stop the task: with an
	// endless backlog it would otherwise wait for ever, and CloudFormation fails after three hours.
	stretch = 10 * time.Minute
	pause   = time.Minute
	// patience is how long to wait before a failed call is repeated. It is short, as a job takes half a minute or more.
	patience = 5 * time.Second
)

// Options of a Protection. AgentURI, Busy and Logger are required.
type Options struct {
	AgentURI string      // ECS_AGENT_URI, which ECS gives to every container
	Busy     func() bool // reports whether work is under way; called at every interval
	Logger   *slog.Logger
	Interval time.Duration // 0: 1 s
	// Transport is a plain http.Transport if nil: the agent runs on this host, and no proxy is needed.
	Transport http.RoundTripper
}

// Protection is the scale-in protection of the task that this process runs in.
type Protection struct {
	o         Options
	url       string
	protected bool
	unsure    bool      // the agent did not answer, and may have changed the protection
	beganAt   time.Time // start of the stretch, which includes short gaps between jobs
	freedAt   time.Time // when the protection was last given up
	renewAt   time.Time
	retryAt   time.Time // no call before it
}

// NewProtection does not call the agent yet.
func NewProtection(o Options) *Protection {
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{}
	}
	return &Protection{o: o, url: strings.TrimSuffix(o.AgentURI, "/") + "/task-protection/v1/state"}
}

// Watch follows the work until ctx ends, and then gives up the protection, which takes 10 s at most. A refusal by the
// agent is logged, and the call is repeated later.
func (p *Protection) Watch(ctx context.Context) {
	ticker := time.NewTicker(p.o.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			p.retryAt = time.Time{} // this is the last call
			p.follow(context.WithoutCancel(ctx), false, time.Now())
			return
		case now := <-ticker.C:
			if ctx.Err() == nil {
				// A call that was interrupted would leave a protection that nobody gives up.
				p.follow(context.WithoutCancel(ctx), p.o.Busy(), now)
			}
		}
	}
}

// follow calls the agent if the protection must change or be renewed.
func (p *Protection) follow(ctx context.Context, busy bool, now time.Time) {
	tooLong := p.protected && now.Sub(p.beganAt) >= stretch
	wanted := busy && !tooLong
	due := wanted != p.protected || p.unsure || wanted && now.After(p.renewAt)
	if !due || now.Before(p.retryAt) {
		return
	}
	answered, err := p.set(ctx, wanted)
	p.unsure = !answered
	if err != nil {
		p.retryAt = now.Add(patience)
		p.o.Logger.WarnContext(ctx, "scale-in protection was not changed", "wanted", wanted, "error", err)
		return
	}
	switch {
	case !wanted:
		p.freedAt = now
		if tooLong {
			p.retryAt = now.Add(pause)
		}
	case !p.protected && now.Sub(p.freedAt) >= pause:
		p.beganAt = now
	}
	p.protected, p.renewAt = wanted, now.Add(renew)
}

// set calls the agent (Amazon ECS Developer Guide, "Task scale-in protection endpoint"). The agent answers with status
// 200 even if ECS has refused, and reports that in the body.
func (p *Protection) set(ctx context.Context, protected bool) (answered bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	wanted := map[string]any{"ProtectionEnabled": protected}
	if protected {
		wanted["ExpiresInMinutes"] = int(life.Minutes())
	}
	body, err := json.Marshal(wanted)
	if err != nil {
		return true, fmt.Errorf("encode: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, p.url, bytes.NewReader(body))
	if err != nil {
		return true, fmt.Errorf("address the ECS agent: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := (&http.Client{Transport: p.o.Transport}).Do(request)
	if err != nil {
		return false, fmt.Errorf("ask the ECS agent: %w", err)
	}
	defer response.Body.Close()
	var answer struct {
		Failure, Error *struct{ Code, Reason, Message string }
	}
	err = json.NewDecoder(io.LimitReader(response.Body, 64<<10)).Decode(&answer)
	switch {
	case answer.Failure != nil:
		return true, fmt.Errorf("ECS says %s", answer.Failure.Reason)
	case answer.Error != nil:
		return true, fmt.Errorf("the ECS agent says %s: %s", answer.Error.Code, answer.Error.Message)
	case response.StatusCode != http.StatusOK:
		return true, fmt.Errorf("the ECS agent answers %s", response.Status)
	case err != nil:
		return true, fmt.Errorf("read the ECS agent's answer: %w", err)
	}
	return true, nil
}
