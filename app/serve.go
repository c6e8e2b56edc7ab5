package app

import (
	"context"
	"runtime"
	"time"

	"github.com/spf13/cobra"

	"risingstars/platform/ecs"
	"risingstars/platform/lifecycle"
	"risingstars/platform/queue"
	"risingstars/platform/storage/diskstore"
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
			withWorker := c.Queue.Backend == "embedded"
			a, err := newApp(cmd.Context(), c, log, withWorker)
			if err != nil {
				return err
			}
			return a.serve(cmd.Context(), withWorker)
		},
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
			a, err := newApp(cmd.Context(), c, log, true)
			if err != nil {
				return err
			}
			return a.work(cmd.Context())
		},
	}
}

// workServices returns the services that process videos and finish what crashes left undone.
func (a *app) workServices() []lifecycle.Service {
	concurrency := a.c.Worker.Concurrency
	if concurrency == 0 {
		concurrency = max(1, runtime.GOMAXPROCS(0)/2) // not NumCPU: a container may have fewer processors
	}
	worker := queue.NewWorker(a.driver, a.media.Handlers(), queue.WorkerOptions{
		Concurrency: concurrency, Visibility: visibility(a.c), Grace: a.c.Grace(),
		Logger: a.log, Registerer: a.registry,
	})
	services := []lifecycle.Service{
		{Name: "worker", Start: worker.Start, Stop: worker.Stop},
		lifecycle.Loop("sweeper", a.media.Sweep),
	}
	if agent := a.c.AWS.ECSAgentURI; agent != "" {
		protection := ecs.NewProtection(ecs.Options{AgentURI: agent, Busy: worker.Busy, Logger: a.log})
		services = append(services, lifecycle.Loop("scale-in protection", protection.Watch))
	}
	return services
}

// work processes videos. With WORKER_HTTP_ADDR, it also serves health checks and metrics.
func (a *app) work(ctx context.Context) error {
	services := a.workServices()
	if a.c.Worker.HTTPAddr != "" {
		server := a.newServer(a.c.Worker.HTTPAddr, 0) // no drain: it is behind no proxy
		services = append(services, webService(server, "WORKER_HTTP_ADDR"))
	}
	return a.run(ctx, services)
}

// newServer returns a server with the routes that belong to no module.
func (a *app) newServer(addr string, drain time.Duration) *web.Server {
	return web.New(web.Options{
		Addr: addr, Version: version, PublicURL: a.c.HTTP.PublicURL, TrustedProxies: a.c.HTTP.TrustedProxies,
		CORSOrigins: a.c.HTTP.CORSOrigins, Grace: a.c.Grace(), Drain: drain, Verify: a.tokens().Verify,
		Health: &telemetry.Health{Checks: a.checks}, Limits: a.limits,
		Logger: a.log, Registerer: a.registry, Gatherer: a.registry,
	})
}

// webService makes a service of the server. Errors of its start name the variable that holds its address.
func webService(server *web.Server, variable string) lifecycle.Service {
	start := func(ctx context.Context) error { return withVariable(variable, server.Start(ctx)) }
	return lifecycle.Service{Name: "web", Start: start, Stop: server.Stop, Failed: server.Failed()}
}

// routes registers the routes of the modules and the files.
func (a *app) routes(server *web.Server) {
	a.identity.Routes(server)
	a.media.Routes(server)
	a.voting.Routes(server)
	if a.files != nil {
		server.Mount(diskstore.Path, web.Use{Stream: true}, a.files.Serve)
	}
}

// serve serves requests, and also processes videos if withWorker is set.
func (a *app) serve(ctx context.Context, withWorker bool) error {
	server := a.newServer(a.c.HTTP.Addr, a.c.Drain())
	a.routes(server)
	services := []lifecycle.Service{webService(server, "HTTP_ADDR")}
	if withWorker {
		services = append(a.workServices(), services...)
	}
	return a.run(ctx, services)
}
