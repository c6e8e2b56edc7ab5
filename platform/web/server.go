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
	"risingstars/platform/idempotency"
	"risingstars/platform/limit"
	"risingstars/platform/telemetry"
)

// Options configure a server. Addr, Version, Verify, Health and Logger are required.
type Options struct {
	Addr           string
	Version        string
	PublicURL      string         // "": derived from each request
	TrustedProxies []netip.Prefix // proxies whose X-Forwarded-* headers are trusted
	CORSOrigins    []string
	Grace          time.Duration // how long Stop waits for requests in flight
	// Drain is how long Stop first waits for proxies to notice. It must be longer than they keep idle connections; 0
	// means that there are no proxies.
	Drain time.Duration
	Pace  Pace   // how slow clients may be
	HTTPS *HTTPS // nil: the server speaks plain HTTP
	// LinkLife is how long the signed links in answers hold.
	LinkLife time.Duration

	// Connections and ConnectionsEach bound how many connections are open, in all and of each client network; 0: 4,096
	// or half of the files that the system lets the process open, and a quarter of that.
	Connections, ConnectionsEach int

	Verify func(token string) (auth.Principal, error)
	// Ended returns a fault of kind Unauthenticated if the session of a token has ended, or another error if that
	// cannot be known; nil: sessions do not end before their tokens. It is called for each request that needs its
	// caller.
	Ended func(ctx context.Context, caller auth.Principal) error
	// Browser returns the caller to whom the token in a browser's cookie belongs, or a fault of kind Unauthenticated;
	// nil: browsers do not sign in.
	Browser    func(ctx context.Context, token string) (auth.Principal, error)
	Health     *telemetry.Health
	Keys       *idempotency.Store // what Idempotency-Key stands for; nil: the header is ignored
	Limits     *limit.Limits      // counts what operations use; nil: in this process alone
	Logger     *slog.Logger
	Registerer prometheus.Registerer // gets the metrics of requests; nil: no metrics
	Gatherer   prometheus.Gatherer   // what /metrics serves; nil: no such route
	// LocalMetrics makes /metrics answer programs on this host only, and none of them on behalf of others.
	LocalMetrics bool
	Traces       *telemetry.Traces // gets a span per request; nil: none
}

// Server is one HTTP listener and its routes.
type Server struct {
	API huma.API // modules register their operations here

	echo                   *echo.Echo
	http                   *http.Server
	o                      Options
	limits                 *limit.Limits
	routes                 map[string]route // by method and path
	prepared               *prepared
	durations              *prometheus.HistogramVec
	everywhere, apiHeaders fixedHeaders // of all answers, and of the API's
	mounted                []string     // prefixes

	documentation Documentation
	catalogue     []Entry
	completed     sync.Once // of the OpenAPI document

	failed      chan error
	listeners   []*listener // none before Start; the first one is that of plain HTTP
	connections *connections
	stop        sync.Once
	stopped     error
	abort       context.CancelFunc
	inFlight    sync.RWMutex // every request in flight holds it for reading; Stop locks it to wait for them
	draining    chan struct{}
	crossOrigin *http.CrossOriginProtection
	pagePolicy  string // the Content-Security-Policy of pages
	pageProblem func(*http.Request, *Problem) View
}

// New builds a server with the routes that belong to no module: health and metrics. It panics if its metrics are
// already registered, as prometheus.MustRegister does.
func New(o Options) *Server {
	useProblems()
	o.Pace = o.Pace.withDefaults()
	e := echo.New()
	e.HideBanner, e.HidePort = true, true

	config := huma.DefaultConfig("Rising Stars Showcase", o.Version)
	config.CreateHooks = nil // no $schema in answers: it is not in the contract
	config.Formats = map[string]huma.Format{"application/json": boundedJSON, "json": boundedJSON}
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.Components.SecuritySchemes = securitySchemes()
	config.Components.Responses = map[string]*huma.Response{}

	base, abort := context.WithCancel(context.Background())
	s := &Server{echo: e, o: o, failed: make(chan error, 2), abort: abort, draining: make(chan struct{})}
	s.routes, s.prepared, s.limits = map[string]route{}, newPrepared(), o.Limits
	s.prepared.tell(o.Registerer)
	if s.limits == nil {
		s.limits = limit.New(limit.Options{})
	}
	s.durations = durations(o.Registerer)
	s.everywhere, s.apiHeaders = headersOf(o.PublicURL)
	s.connections, s.crossOrigin = newConnections(o, s.trusts), newCrossOrigin(o)
	s.http = &http.Server{
		Addr:              o.Addr,
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ConnContext:       withConnection,
		ConnState:         s.connections.stateChanged,
		ErrorLog:          slog.NewLogLogger(networksOnly{o.Logger.Handler()}, slog.LevelDebug),
	}
	s.secure()

	e.HTTPErrorHandler = s.writeError
	e.Use(chain(s.admit, s.describe, s.pageLanguage, s.observe, recoverPanics, s.leadHome, s.securityHeaders, allow,
		s.cors(), validateQuery, s.authenticate, s.enforce))
	s.API = humaecho.New(e, config)
	s.API.UseMiddleware(s.keepDeadline)
	s.operations()
	return s
}

// Mount routes every GET, HEAD and PUT under prefix, which begins and ends with a slash, to serve, and bounds each
// request by use. If serve returns an error, it must not have written anything; the error is answered as a problem.
// Errors from reading the body are faults of the client. The document describes the operations as they are given.
func (s *Server) Mount(
	prefix string, use Use, serve func(http.ResponseWriter, *http.Request) error, operations ...huma.Operation,
) {
	s.mounted = append(s.mounted, prefix)
	for _, op := range operations {
		op = withMetadata(withMetadata(op, mountKey, prefix+"*"), routeKey, route{use: use})
		s.API.OpenAPI().AddOperation(&op)
	}
	methods := []string{http.MethodGet, http.MethodHead, http.MethodPut}
	for _, method := range methods {
		s.declare(method, prefix+"*", route{use: use})
	}
	s.echo.Match(methods, prefix+"*", func(c echo.Context) error {
		r := c.Request()
		if r.Method == http.MethodPut {
			r.Body = rawBody{r.Body}
		}
		w := &fileWriter{Response: c.Response()}
		if err := serve(w, r); err != nil || !w.refusesRange {
			return err
		}
		return errRange
	})
}

// ServeHTTP answers one request. It handles HEAD as a GET whose body net/http does not send (RFC 9110 §9.3.2), except
// under the mounted prefixes, whose handlers see HEAD themselves.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 2 {
		stream := s.beginStream(w, r)
		if stream == nil {
			return
		}
		defer stream.end()
		w = stream
	}
	if s.isHome(r) && s.serveReady(w, r) {
		return
	}
	under := func(prefix string) bool { return strings.HasPrefix(r.URL.Path, prefix) }
	if r.Method == http.MethodHead && !slices.ContainsFunc(s.mounted, under) {
		// A copy, because net/http decides by the original whether to send the body.
		get := *r
		get.Method = http.MethodGet
		r = get.WithContext(context.WithValue(r.Context(), headKey{}, true))
	}
	s.echo.ServeHTTP(w, s.withTimedBody(w, r))
}

// Start listens, and serves in the background until Stop. Later failures are sent to Failed.
func (s *Server) Start(ctx context.Context) error {
	plain, err := s.listen(ctx, s.o.Addr, s.connections.admit)
	if err != nil {
		return err
	}
	s.listeners = []*listener{plain}
	if s.o.HTTPS == nil {
		s.serve(ctx, plain, s.http.Serve)
		return nil
	}
	secure, err := s.listen(ctx, s.o.HTTPS.Addr, s.connections.admitSecure)
	if err != nil {
		return errors.Join(err, plain.Close())
	}
	s.listeners = append(s.listeners, secure)
	s.serve(ctx, plain, s.http.Serve)
	s.serve(ctx, secure, func(l net.Listener) error { return s.http.ServeTLS(l, "", "") })
	return nil
}

func (s *Server) listen(ctx context.Context, addr string, admit func(*net.TCPConn) net.Conn) (*listener, error) {
	var listen net.ListenConfig
	opened, err := listen.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, &ListenError{addr, err}
	}
	tcp, ok := opened.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listen on %s: not a TCP address", addr), opened.Close())
	}
	return newListener(tcp, admit), nil
}

func (s *Server) serve(ctx context.Context, l *listener, serve func(net.Listener) error) {
	go func() {
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- err
		}
	}()
	s.o.Logger.InfoContext(ctx, "serving", "address", l.Addr().String())
}

// ListenError says on which address a server could not listen.
type ListenError struct {
	Addr string
	Err  error
}

func (e *ListenError) Error() string { return fmt.Sprintf("listen on %s: %v", e.Addr, e.Err) }

// Unwrap returns the system's error.
func (e *ListenError) Unwrap() error { return e.Err }

// Addr returns the address on which the started server listens for plain HTTP.
func (s *Server) Addr() string { return s.listeners[0].Addr().String() }

// SecureAddr returns the address on which the started server listens for https, which Options.HTTPS asks for.
func (s *Server) SecureAddr() string { return s.listeners[1].Addr().String() }

// Failed returns the channel that receives the error that ends serving, if there is one.
func (s *Server) Failed() <-chan error { return s.failed }

// Stop makes /readyz answer 503 and every answer its connection's last, and refuses new connections. For the drain time
// it waits for that last answer on kept connections, and for the grace period for requests in flight. Then it cancels
// their contexts, closes their connections, and waits until ctx ends for their handlers to clean up. When it returns
// nil, no handler is running. It may be called again, and without Start.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Do(func() {
		s.o.Health.Drain()
		close(s.draining)
		if len(s.listeners) > 0 && s.o.Drain > 0 {
			for _, l := range s.listeners {
				l.StopAccepting()
			}
			s.connections.waitForNone(ctx, s.o.Drain)
		}
		graceful, cancel := context.WithTimeout(ctx, s.o.Grace)
		defer cancel()
		err := s.http.Shutdown(graceful)
		s.abort()
		if errors.Is(err, context.DeadlineExceeded) {
			s.o.Logger.WarnContext(ctx, "requests were cut off at the end of the grace period")
			err = s.http.Close()
		}
		if err = errors.Join(err, s.waitForHandlers(ctx)); err != nil {
			s.stopped = fmt.Errorf("shut down: %w", err)
		}
	})
	return s.stopped
}

// admit counts a request as in flight, and cuts off one that arrives while Stop waits for the last handlers. It marks
// the answers of a draining server as their connections' last.
func (s *Server) admit(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if !s.inFlight.TryRLock() {
			panic(http.ErrAbortHandler)
		}
		defer s.inFlight.RUnlock()
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

func (s *Server) waitForHandlers(ctx context.Context) error {
	idle := make(chan struct{})
	go func() { // if ctx ends first, this outlives Stop, as the handlers do
		s.inFlight.Lock()
		defer s.inFlight.Unlock()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for requests that were cut off: %w", ctx.Err())
	}
}
