package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/auth"
	"risingstars/platform/telemetry"
)

// Options configure a server. Addr, Version, Verify, Health, Logger and Registry are required.
type Options struct {
	Addr           string
	Version        string
	PublicURL      string         // "": derived from each request
	TrustedProxies []netip.Prefix // whose X-Forwarded-* headers are believed
	CORSOrigins    []string
	Grace          time.Duration // how long Stop waits for requests under way
	// Drain is how long Stop first lets proxies find out: it is longer than they keep idle connections. 0: no proxies.
	Drain time.Duration

	Verify   func(token string) (auth.Principal, error)
	Health   *telemetry.Health
	Logger   *slog.Logger
	Registry *prometheus.Registry
}

// Server is one HTTP listener and what is routed on it.
type Server struct {
	API huma.API // modules register their operations here

	echo     *echo.Echo
	http     *http.Server
	o        Options
	mounted  []string // prefixes
	failed   chan error
	door     *door
	open     connections
	stop     sync.Once
	stopped  error
	abort    context.CancelFunc
	busy     sync.RWMutex // every request under way holds it for reading; Stop takes it
	draining chan struct{}
}

// New builds the server with the routes that belong to no module: health, metrics and the OpenAPI document.
func New(o Options) (*Server, error) {
	useProblems()
	e := echo.New()
	e.HideBanner, e.HidePort = true, true

	config := huma.DefaultConfig("Rising Stars Showcase", o.Version)
	config.CreateHooks = nil // no $schema members in the answers: they are not in the contract
	config.DocsPath, config.SchemasPath = "", ""
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		bearer: {Type: "http", Scheme: "bearer", BearerFormat: "JWT"},
	}

	base, abort := context.WithCancel(context.Background())
	s := &Server{echo: e, o: o, failed: make(chan error, 1), abort: abort, draining: make(chan struct{})}
	s.open.open = map[net.Conn]struct{}{}
	s.http = &http.Server{
		Addr:              o.Addr,
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnState:         s.open.changed,
		ErrorLog:          slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}

	observe, err := s.observe()
	if err != nil {
		return nil, err
	}
	e.HTTPErrorHandler = s.writeError
	e.Pre(s.admit)
	e.Use(s.describe, observe, recoverPanics, securityHeaders, s.cors(), readable, s.authenticate)
	s.API = humaecho.New(e, config)
	s.API.UseMiddleware(s.requireCaller)
	s.operations()
	return s, nil
}

// Mount gives every GET, HEAD and PUT under prefix, which begins and ends with a slash, to serve. When that returns an
// error it has written nothing, and the error is answered as a problem. Errors of reading the body are the client's faults.
func (s *Server) Mount(prefix string, serve func(http.ResponseWriter, *http.Request) error) {
	s.mounted = append(s.mounted, prefix)
	s.echo.Match([]string{http.MethodGet, http.MethodHead, http.MethodPut}, prefix+"*", func(c echo.Context) error {
		r := c.Request()
		if r.Method == http.MethodPut {
			r.Body = &rawBody{ReadCloser: r.Body, attentive: attentive{r.Body, http.NewResponseController(c.Response())}}
		}
		return serve(c.Response(), r)
	})
}

// Handle routes an operation whose body huma must not read, such as a streamed upload. It is documented, and guarded by
// op.Security, like any other.
func (s *Server) Handle(op huma.Operation, handler echo.HandlerFunc) {
	s.API.OpenAPI().AddOperation(&op)
	s.echo.Add(op.Method, strings.NewReplacer("{", ":", "}", "").Replace(op.Path), func(c echo.Context) error {
		if len(op.Security) > 0 {
			if _, ok := auth.Caller(c.Request().Context()); !ok {
				return errUnauthenticated
			}
		}
		return handler(c)
	})
}

// ServeHTTP answers one request. HEAD, which monitors ask, is a GET of which net/http sends no body (RFC 9110, 9.3.2); only
// what is mounted knows it by itself.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	under := func(prefix string) bool { return strings.HasPrefix(r.URL.Path, prefix) }
	if r.Method == http.MethodHead && !slices.ContainsFunc(s.mounted, under) {
		// A copy: by the original net/http knows what it must not send.
		get := *r
		get.Method = http.MethodGet
		r = &get
	}
	s.echo.ServeHTTP(w, r)
}

// Start listens, and serves in the background until Stop. Failures after that are sent to Failed.
func (s *Server) Start(ctx context.Context) error {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", s.o.Addr)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", s.o.Addr, err)
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return errors.Join(fmt.Errorf("listen on %s: it is no TCP address", s.o.Addr), listener.Close())
	}
	s.door = newDoor(tcp, s.open.came)
	go func() {
		if err := s.http.Serve(s.door); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	s.o.Logger.InfoContext(ctx, "serving", "address", listener.Addr().String())
	return nil
}

// Addr is where the started server listens.
func (s *Server) Addr() string { return s.door.Addr().String() }

// Failed receives the error that ended serving, if one does.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop turns /readyz to 503, makes every answer its connection's last, and refuses new connections. It lets kept
// connections carry that last answer for the drain time, waits the grace period for requests under way, then cancels their
// contexts, closes their connections, and waits until ctx ends for their handlers to clean up: when it returns nil, no
// handler runs any more.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Do(func() {
		s.o.Health.Drain()
		close(s.draining)
		if s.door != nil && s.o.Drain > 0 {
			s.door.Shut()
			s.open.wait(ctx, s.o.Drain)
		}
		graceful, cancel := context.WithTimeout(ctx, s.o.Grace)
		defer cancel()
		err := s.http.Shutdown(graceful)
		s.abort()
		if errors.Is(err, context.DeadlineExceeded) {
			s.o.Logger.WarnContext(ctx, "requests were cut off at the end of the grace period")
			err = s.http.Close()
		}
		if err = errors.Join(err, s.wait(ctx)); err != nil {
			s.stopped = fmt.Errorf("shut down: %w", err)
		}
	})
	return s.stopped
}

// admit counts a request as under way, and cuts off one that slips in while the last ones are waited for. It makes the
// answers of a draining server their connections' last.
func (s *Server) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !s.busy.TryRLock() {
			panic(http.ErrAbortHandler)
		}
		defer s.busy.RUnlock()
		c.Response().Before(func() {
			select {
			case <-s.draining:
				c.Response().Header().Set(echo.HeaderConnection, "close")
			default:
			}
		})
		return next(c)
	}
}

func (s *Server) wait(ctx context.Context) error {
	idle := make(chan struct{})
	go func() { // outlives a stop that was given up, as the handlers do
		s.busy.Lock()
		defer s.busy.Unlock()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for requests that were cut off: %w", ctx.Err())
	}
}
