package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

// defaultBody is the largest body of an operation that declares none, in bytes.
const defaultBody = 8 << 10

// Use is what one request of an operation may take. The server enforces it before it reads the body.
type Use struct {
	Body    int64         // largest body in bytes; 0: 8 KiB
	Timeout time.Duration // how long the request may take; then the answer is limit.ErrBusy; 0: as long as it likes
	Stream  bool          // the body or the answer is a stream: the operation bounds its size, Pace.Rate its rate
	Known   bool          // nobody need be signed in, but it matters who is
	Once    bool          // the operation obeys Idempotency-Key; one that streams does its part by OnceOf
	// Budgets are counted by the request's client, account or this process. Rates are taken; what a budget bounds at
	// once is held until the handler returns.
	Budgets []limit.Budget
}

// route is what the server knows of a registered operation.
type route struct {
	use      Use
	secured  bool
	typed    bool // its input is validated by its type
	prepared bool
	page     bool     // its requests come from our own pages
	static   bool     // it is the same for every caller
	tagged   bool     // each answer has an ETag, and goes to one caller
	produces string   // the media type of its answers; "": it depends
	query    []string // of a prepared one: the parameters that its answers depend on
}

// Register routes an operation with typed input and output, documents it, and bounds each of its requests by use.
func Register[I, O any](s *Server, op huma.Operation, use Use, handler func(context.Context, *I) (*O, error)) {
	op.MaxBodyBytes = -1 // the server itself bounds all bodies
	if use.Once {
		documentKey(&op)
	}
	secured := len(op.Security) > 0
	r := route{
		use: use, secured: secured, typed: true, produces: jsonType, tagged: secured && op.Method == http.MethodGet,
	}
	s.declare(op.Method, echoPath(op.Path), r)
	huma.Register(s.API, withMetadata(op, routeKey, r), handler)
}

// Handle routes an operation whose body huma must not read, such as a streamed upload. The operation is documented,
// guarded by op.Security and bounded by use like any other.
func (s *Server) Handle(op huma.Operation, use Use, handler echo.HandlerFunc) {
	if use.Once {
		documentKey(&op)
	}
	r := route{use: use, secured: len(op.Security) > 0}
	if success := op.Responses[strconv.Itoa(op.DefaultStatus)]; success != nil {
		r.produces = produced(slices.Collect(maps.Keys(success.Content)))
	}
	op = withMetadata(op, routeKey, r)
	s.API.OpenAPI().AddOperation(&op)
	s.declare(op.Method, echoPath(op.Path), r)
	s.echo.Add(op.Method, echoPath(op.Path), handler)
}

// Disable documents an operation as Handle does, and answers all its requests with err.
func (s *Server) Disable(op huma.Operation, use Use, err *fault.Error) {
	op = withMetadata(op, routeKey, route{use: use, secured: len(op.Security) > 0, produces: jsonType})
	s.API.OpenAPI().AddOperation(&op)
	s.declare(op.Method, echoPath(op.Path), route{use: Use{Stream: true}})
	s.echo.Add(op.Method, echoPath(op.Path), func(echo.Context) error { return err })
}

// echoPath returns an operation's path in echo's notation.
func echoPath(path string) string { return strings.NewReplacer("{", ":", "}", "").Replace(path) }

func (s *Server) declare(method, path string, r route) { s.routes[method+" "+path] = r }

// Uses returns what each route declares, by method and path, such as "GET /api/videos/:id". Routes without a
// declaration are missing.
func (s *Server) Uses() map[string]Use {
	uses := make(map[string]Use, len(s.routes))
	for name, r := range s.routes {
		uses[name] = r.use
	}
	return uses
}

// Routes lists all routes in the notation of Uses.
func (s *Server) Routes() []string {
	var all []string
	for _, r := range s.echo.Routes() {
		if r.Method != echo.RouteNotFound {
			all = append(all, r.Method+" "+r.Path)
		}
	}
	return all
}

// enforce answers requests that need a caller and have none, whose body is too large, or for which a budget is used up.
func (s *Server) enforce(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		ctx := r.Context()
		route, declared := s.routes[r.Method+" "+c.Path()]
		if !declared { // there is nothing, so nothing reads the body
			return next(c)
		}
		if lacksParameter(c) {
			return errNoRoute
		}
		if route.page && s.crossOrigin.Check(r) != nil {
			return errCrossOrigin
		}
		if _, known := auth.Caller(ctx); route.secured && !known {
			return errUnauthenticated
		}
		if err := acceptable(r, route.produces); err != nil {
			return err
		}
		if !route.use.Stream {
			most := route.use.Body
			if most == 0 {
				most = defaultBody
			}
			if r.ContentLength > most {
				return errTooLarge
			}
			if r.Body != nil && r.Body != http.NoBody {
				r.Body = http.MaxBytesReader(c.Response(), r.Body, most)
			}
		}
		if route.prepared {
			return s.servePrepared(c, route, next)
		}
		if strings.HasPrefix(r.URL.Path, "/api/") {
			inLanguage(c.Response().Header(), languageOf(ctx))
		}
		handler := next // which all requests share
		if route.use.Once {
			handler = s.once(next, route.use)
		}
		if route.tagged {
			return s.serveTagged(c, route, handler)
		}
		return s.spend(c, route.use, handler)
	}
}

// lacksParameter reports whether a part of the path that names something is empty.
func lacksParameter(c echo.Context) bool {
	for i, name := range c.ParamNames() {
		if name != "*" && c.ParamValues()[i] == "" {
			return true
		}
	}
	return false
}

// spend runs next within the budgets and the time of a request.
func (s *Server) spend(c echo.Context, use Use, next echo.HandlerFunc) error {
	r := c.Request()
	ctx := r.Context()
	return s.within(ctx, use.Budgets, func() error {
		if use.Stream {
			stream(r)
		}
		if use.Timeout == 0 {
			return next(c)
		}
		ctx, cancel := context.WithTimeoutCause(ctx, use.Timeout, errTookTooLong)
		defer cancel()
		c.SetRequest(r.WithContext(ctx))
		return tooLong(ctx, next(c))
	})
}

// errTookTooLong ends requests that have used up their time.
var errTookTooLong = limit.ErrBusy.WithRetryAfter(2)

// tooLong returns errTookTooLong in place of the errors that are its consequence.
func tooLong(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errTookTooLong) && fault.From(err).Kind == fault.Internal {
		return errTookTooLong.With(err)
	}
	return err
}

// within takes from the budgets one by one, and runs fn while it holds what they bound at once.
func (s *Server) within(ctx context.Context, budgets []limit.Budget, fn func() error) error {
	if len(budgets) == 0 {
		return fn()
	}
	budget, key := budgets[0], ""
	switch budget.By {
	case limit.Client:
		key = Client(ctx)
	case limit.Account:
		key = auth.CallerID(ctx)
	case limit.Process:
	}
	if err := s.limits.Take(ctx, budget, key); err != nil {
		return err
	}
	hold, err := s.limits.Hold(ctx, budget, key)
	if err != nil {
		return err
	}
	defer hold.Release()
	return s.within(ctx, budgets[1:], fn)
}
