package app

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"risingstars/platform/ecs"
	"risingstars/platform/idempotency"
	"risingstars/platform/lifecycle"
	"risingstars/platform/queue"
	"risingstars/platform/telemetry"
	"risingstars/platform/web"
)

func serveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Serve the API; with the embedded queue, also process videos",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, log, err := setup(cmd)
			if err != nil {
				return err
			}
			limitMemory()
			withWorker := c.Queue.Backend == "embedded"
			a, err := newApp(cmd.Context(), c, log, appOptions{worker: withWorker})
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), withWorker)
		},
	}
}

// limitMemory makes the collector keep up with bursts of requests: hashing a password leaves 19 MiB of garbage.
// GOMEMLIMIT sets another limit, which is a soft one. A lower GOGC than Go's own would save some 8 MiB and cost a tenth
// of the requests that a loaded process can answer.
func limitMemory() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(72 << 20)
	}
}

func workCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "work",
		Short: "Process videos from the queue",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, log, err := setup(cmd)
			if err != nil {
				return err
			}
			a, err := newApp(cmd.Context(), c, log, appOptions{worker: true})
			if err != nil {
				return err
			}
			return a.work(cmd.Context())
		},
	}
}

// workServices returns the services that process videos and finish what crashes left undone.
func (a *app) workServices() []lifecycle.Service {
	handlers := a.media.Handlers()
	maps.Copy(handlers, a.post.Handlers())
	maps.Copy(handlers, a.archive.Handlers())
	maps.Copy(handlers, a.webhooks.Handlers())
	worker := queue.NewWorker(a.driver, handlers, queue.WorkerOptions{
		Concurrency: a.concurrency(), Visibility: visibility(a.c), Grace: a.c.Grace(),
		Logger: a.log, Registerer: a.registry, Traces: a.traces,
	})
	services := []lifecycle.Service{
		{Name: "worker", Start: worker.Start, Stop: worker.Stop},
		lifecycle.Loop("sweeper", a.media.Sweep),
		lifecycle.Loop("letters", a.post.Sweep),
		lifecycle.Loop("webhooks", a.webhooks.Sweep),
		lifecycle.Loop("forgotten passwords", a.identity.WatchLetters),
		lifecycle.Loop("published files", a.media.WatchFiles),
		lifecycle.Loop("counters", func(ctx context.Context) { a.voting.WatchCounters(ctx, a.log) }),
		lifecycle.Loop("fills", a.fill),
		lifecycle.Loop("bumpers", a.warm),
		lifecycle.Loop("hidden files", a.conceal),
		lifecycle.Loop("deleted accounts", a.identity.WatchDepartures),
		lifecycle.Loop("deletions after a backup", a.watchDeparted),
		lifecycle.Loop("copies of data", a.archive.Sweep),
	}
	if agent := a.c.AWS.ECSAgentURI; agent != "" {
		protection := ecs.NewProtection(ecs.Options{AgentURI: agent, Busy: worker.Busy, Logger: a.log})
		services = append(services, lifecycle.Loop("scale-in protection", protection.Watch))
	}
	return services
}

// work processes videos. With WORKER_HTTP_ADDR, it also serves health checks and metrics.
func (a *app) work(ctx context.Context) error {
	if err := a.openTraces(ctx, "work"); err != nil {
		return errors.Join(err, a.close())
	}
	a.announce(ctx, "work", a.concurrency())
	a.join(ctx, "work", a.concurrency())
	services := append(a.workServices(), a.diskWatch())
	if a.c.Worker.HTTPAddr != "" {
		o := a.serverOptions(a.c.Worker.HTTPAddr)
		o.Registerer, o.Gatherer = a.registry, a.registry
		services = append(services, webService("web", web.New(o), "WORKER_HTTP_ADDR"))
	}
	return a.run(ctx, services)
}

// serverOptions returns the options of a server that is behind no proxy and has no metrics.
func (a *app) serverOptions(addr string) web.Options {
	return web.Options{
		Addr: addr, Version: version, PublicURL: a.c.HTTP.PublicURL, TrustedProxies: a.c.HTTP.TrustedProxies,
		CORSOrigins: a.c.HTTP.CORSOrigins, Grace: a.c.Grace(), Verify: a.tokens().Verify,
		Health: &telemetry.Health{Checks: a.checks, Tolerated: append(a.tolerated, a.diskCheck())}, Limits: a.limits,
		Logger: a.log,
	}
}

// webService makes a service of the server. Errors of its start name the variable that holds its address.
func webService(name string, server *web.Server, variable string) lifecycle.Service {
	start := func(ctx context.Context) error { return withVariable(variable, server.Start(ctx)) }
	return lifecycle.Service{Name: name, Start: start, Stop: server.Stop, Failed: server.Failed()}
}

// routes registers the routes of the modules and the files.
func (a *app) routes(server *web.Server) {
	a.identity.Routes(server)
	a.media.Routes(server)
	a.voting.Routes(server)
	a.moderation.Routes(server)
	a.archive.Routes(server)
	a.webhooks.Routes(server)
	a.site.Routes(server)
}

// newAPI returns the server of the API. Without METRICS_ADDR it also serves the metrics, to programs on this host.
func (a *app) newAPI() *web.Server {
	o := a.serverOptions(a.c.HTTP.Addr)
	o.Drain, o.Registerer, o.Browser = a.c.Drain(), a.registry, browsers{a.identity}.caller
	o.Traces = a.traces
	if a.c.HTTP.MetricsAddr == "" {
		o.Gatherer, o.LocalMetrics = a.registry, true
	}
	if a.certificates != nil {
		o.HTTPS = &web.HTTPS{
			Addr: a.c.HTTP.SecureAddr, Certificate: a.certificates.Certificate, Challenge: a.certificates.Challenge,
		}
	}
	o.Ended = a.identity.Ended
	o.Keys, o.LinkLife = idempotency.New(a.db), time.Duration(a.c.Storage.URLExpireSeconds)*time.Second
	server := web.New(o)
	a.routes(server)
	server.Document(documentation())
	return server
}

// serve serves requests, and also processes videos if withWorker is set. With METRICS_ADDR, the metrics are there. more
// services start after the others.
func (a *app) serve(ctx context.Context, withWorker bool, more ...lifecycle.Service) error {
	workers := 0
	if withWorker {
		workers = a.concurrency()
	}
	if err := a.openTraces(ctx, "serve"); err != nil {
		return errors.Join(err, a.close())
	}
	a.announce(ctx, "serve", workers)
	a.join(ctx, "serve", workers)
	watch := a.newWorkers()
	a.tolerated = append(a.tolerated, watch.check())
	if err := a.openCertificates(ctx); err != nil {
		return errors.Join(err, a.close())
	}
	api := a.newAPI()
	site := webService("web", api, "HTTP_ADDR")
	site.Start = func(ctx context.Context) error {
		debug.FreeOSMemory() // of what only the start needed
		err := listening(a.c, api.Start(ctx))
		if err == nil && term.IsTerminal(int(os.Stdout.Fd())) {
			fmt.Printf("\n  %s\n\n", a.siteAddress(api.Addr()))
		}
		return err
	}
	sweepKeys := func(ctx context.Context) { idempotency.New(a.db).Watch(ctx, a.log) }
	services := []lifecycle.Service{
		a.diskWatch(), watch.watch(), lifecycle.Loop("idempotency keys", sweepKeys),
		lifecycle.Loop("suspensions", a.identity.WatchSuspensions),
		lifecycle.Loop("sessions", a.identity.WatchSessions), site,
	}
	if a.certificates != nil {
		services = append(services, lifecycle.Loop("certificates", a.certificates.Run))
	}
	if a.c.HTTP.MetricsAddr != "" {
		o := a.serverOptions(a.c.HTTP.MetricsAddr)
		o.Gatherer = a.registry
		services = append(services, webService("metrics", web.New(o), "METRICS_ADDR"))
	}
	if withWorker {
		services = append(a.workServices(), services...)
	}
	return a.run(ctx, append(services, more...))
}
