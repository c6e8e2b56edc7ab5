// Package ecs keeps Amazon ECS from ending a task that is at work when it scales in: some other task goes, or none.
//
// Protection is asked for within a second after work begins. It also holds against deployments, which leave a protected
// task running until it gives the protection up; so a task whose work never ends gives it up for a minute every ten. It
// does not hold against Spot interruptions and an operator's stop. All of these end the task by SIGTERM, and what it does
// not finish then is done again elsewhere.
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
	// life is how long the agent holds a protection that nobody renews, in whole minutes: a worker that hangs is let go.
	life  = 10 * time.Minute
	renew = 5 * time.Minute
	// stretch is the longest time under protection, after which a deployment can have the task during the pause: with a
	// backlog that never ends it would wait for ever, and CloudFormation fails after three hours.
	stretch = 10 * time.Minute
	pause   = time.Minute
	// patience is the time before a refused call is tried again; a job takes half a minute.
	patience = 5 * time.Second
)

// Options needs AgentURI and Busy.
type Options struct {
	AgentURI string      // ECS_AGENT_URI, which ECS gives to every container
	Busy     func() bool // whether work is under way; asked every second
	Logger   *slog.Logger
	Interval time.Duration // 0: 1 s
	// Transport is a plain one when nil: the agent is on this host, behind no proxy.
	Transport http.RoundTripper
}

// Protection is the scale-in protection of the task that this process runs in.
type Protection struct {
	o         Options
	url       string
	protected bool
	unsure    bool      // the agent did not answer, and may have done all the same what it was asked for
	beganAt   time.Time // of the stretch; moments without protection between two jobs are part of it
	freedAt   time.Time // when the protection was last given up
	renewAt   time.Time
	retryAt   time.Time // no call before it
}

// NewProtection asks nothing of the agent yet.
func NewProtection(o Options) *Protection {
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{}
	}
	return &Protection{o: o, url: strings.TrimSuffix(o.AgentURI, "/") + "/task-protection/v1/state"}
}

// Watch follows the work until ctx ends, and then gives the protection up, which takes 10 s at most. An agent that refuses is logged and asked again.
func (p *Protection) Watch(ctx context.Context) {
	ticker := time.NewTicker(p.o.Interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			p.retryAt = time.Time{} // there is no later
			p.follow(context.WithoutCancel(ctx), false, time.Now())
			return
		case now := <-ticker.C:
			if ctx.Err() == nil {
				// A call that was broken off would leave a protection that nobody gives up.
				p.follow(context.WithoutCancel(ctx), p.o.Busy(), now)
			}
		}
	}
}

// follow tells the agent what has changed, and what it would forget otherwise.
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

// set calls the agent (Amazon ECS Developer Guide, "Task scale-in protection endpoint"). It answers 200 to what ECS refused,
// too, and says so in the body.
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
