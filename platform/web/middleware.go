package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
)

const (
	bearer   = "bearer"
	login    = "login"
	errorKey = "web.error" // the context key of the error that decided the answer, for the log
)

// Secured returns the Security of an operation that needs a caller.
func Secured() []map[string][]string { return []map[string][]string{{login: {}}, {bearer: {}}} }

// securitySchemes are two ways to get the same thing into the header Authorization: a token that a tool fetches by
// itself, for an e-mail and a password, and one that somebody has.
func securitySchemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		login: {
			Type: "oauth2", Description: "Your e-mail and password; leave the client's id and secret empty",
			Flows: &huma.OAuthFlows{
				//nolint:gosec // an address is no password
				Password: &huma.OAuthFlow{TokenURL: "/api/auth/login", Scopes: map[string]string{}},
			},
		},
		bearer: {Type: "http", Scheme: "bearer", BearerFormat: "JWT", Description: "The access_token of a sign-in"},
	}
}

// chain makes one middleware of several and puts it together only once, whereas echo does so for each request. So none
// of them may change what it calls next.
func chain(all ...echo.MiddlewareFunc) echo.MiddlewareFunc {
	first := func(c echo.Context) error { return c.Handler()(c) }
	for _, middleware := range slices.Backward(all) {
		first = middleware(first)
	}
	return func(echo.HandlerFunc) echo.HandlerFunc { return first }
}

// authenticate reads the caller from the token. A bad token makes the caller anonymous, so that people with an expired
// one can still watch; operations that need a caller then answer 401.
func (s *Server) authenticate(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		scheme, token, ok := strings.Cut(c.Request().Header.Get(echo.HeaderAuthorization), " ")
		if ok && strings.EqualFold(scheme, bearer) {
			if err := s.authenticateToken(c, strings.TrimSpace(token)); err != nil {
				return err
			}
			return next(c)
		}
		if err := s.authenticateBrowser(c); err != nil {
			return err
		}
		return next(c)
	}
}

func (s *Server) authenticateToken(c echo.Context, token string) error {
	r := c.Request()
	caller, err := s.o.Verify(token)
	if err != nil {
		return nil //nolint:nilerr // a bad token makes the caller anonymous
	}
	// What is the same for everybody does not ask: it outlasts the database.
	if route := s.routes[r.Method+" "+c.Path()]; s.o.Ended != nil && !route.prepared && !route.static {
		switch err := s.o.Ended(r.Context(), caller); {
		case err != nil && fault.From(err).Kind == fault.Unauthenticated:
			return nil
		case err != nil:
			return err
		}
	}
	c.SetRequest(r.WithContext(auth.WithPrincipal(r.Context(), caller)))
	return nil
}

// observe writes one log line and one measurement per request.
func (s *Server) observe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		began := time.Now()
		ctx, span := s.trace(c.Request(), c.Path())
		if ctx != c.Request().Context() {
			c.SetRequest(c.Request().WithContext(ctx))
		}
		if err := next(c); err != nil {
			c.Error(err)
		}
		status, took := c.Response().Status, time.Since(began)
		err, _ := c.Get(errorKey).(error)
		endTrace(span, status, err)
		s.observed(c.Request().Method, c.Path(), status, took)
		s.logRequest(c, status, took)
		return nil
	}
}

// durations registers the metric of requests. registerer may be nil.
func durations(registerer prometheus.Registerer) *prometheus.HistogramVec {
	return promauto.With(registerer).NewHistogramVec(prometheus.HistogramOpts{
		Name:    "http_request_duration_seconds",
		Help:    "Time from the end of the request's headers to the end of the answer.",
		Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
	}, []string{"method", "route", "status"})
}

func (s *Server) observed(method, route string, status int, took time.Duration) {
	s.duration(method, route, status).Observe(took.Seconds())
}

func (s *Server) duration(method, route string, status int) prometheus.Observer {
	method, route = bounded(method, route)
	return s.durations.WithLabelValues(method, route, strconv.Itoa(status))
}

// bounded returns what metrics and spans call a method and a route: clients can send any word as a method, and each
// would become a time series.
func bounded(method, route string) (string, string) {
	if !methods[method] {
		method = "other"
	}
	if route == "" {
		route = "none"
	}
	return method, route
}

var methods = map[string]bool{
	http.MethodGet: true, http.MethodHead: true, http.MethodPost: true, http.MethodPut: true, http.MethodPatch: true,
	http.MethodDelete: true, http.MethodOptions: true,
}

// probed routes are called by machines every few seconds; their requests are logged at level debug unless they fail.
var probed = map[string]bool{"/livez": true, "/readyz": true, "/health": true, "/api/health": true, "/metrics": true}

func (s *Server) logRequest(c echo.Context, status int, took time.Duration) {
	ctx, level := c.Request().Context(), slog.LevelInfo
	attrs := requestAttrs(c.Request(), requestOf(ctx).client, status, took, c.Response().Size)
	if caller := auth.CallerID(ctx); caller != "" {
		attrs = append(attrs, slog.String("user_id", caller))
	}
	if err, ok := c.Get(errorKey).(error); ok {
		f := fault.From(err)
		attrs = append(attrs, slog.String("code", f.Code))
		switch {
		case errors.Is(err, ctx.Err()): // the client went away
		case f.Kind == fault.Internal:
			level = slog.LevelError
		case f.Kind == fault.Unavailable:
			level = slog.LevelWarn
		}
		if level > slog.LevelInfo {
			attrs = append(attrs, slog.String("error", loggedError(err, requestOf(ctx).client)))
		}
	}
	if level == slog.LevelInfo && status < 400 && probed[c.Path()] {
		level = slog.LevelDebug
	}
	s.logLine(ctx, level, attrs)
}

// logLine is Logger.LogAttrs without a look for the place in the code, which no handler of ours writes and which costs
// a third of a line.
func (s *Server) logLine(ctx context.Context, level slog.Level, attrs []slog.Attr) {
	handler := s.o.Logger.Handler()
	if !handler.Enabled(ctx, level) {
		return
	}
	record := slog.NewRecord(time.Now(), level, "request", 0)
	record.AddAttrs(attrs...)
	_ = handler.Handle(ctx, record) // as the logger does
}

// requestAttrs returns what the line of every request has. There is room for more.
func requestAttrs(r *http.Request, client netip.Addr, status int, took time.Duration, size int64) []slog.Attr {
	return append(make([]slog.Attr, 0, 8), slog.String("method", r.Method), slog.String("path", r.URL.Path),
		slog.Int("status", status), slog.Int64("duration_ms", took.Milliseconds()),
		slog.Int64("bytes_out", size), slog.String("client", loggedClient(r, client)))
}

// recoverPanics turns a panic into a 500 that is logged with the stack. http.ErrAbortHandler passes through.
func recoverPanics(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			switch thrown := recover(); thrown {
			case nil:
			case http.ErrAbortHandler:
				panic(thrown)
			default:
				err = fmt.Errorf("panic: %v\n%s", thrown, debug.Stack())
			}
		}()
		return next(c)
	}
}

// validateQuery rejects a query that is not text, because PostgreSQL does not accept it.
func validateQuery(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().URL.RawQuery == "" {
			return next(c)
		}
		for _, values := range c.QueryParams() {
			for _, value := range values {
				if !isText(value) {
					return errMalformed
				}
			}
		}
		return next(c)
	}
}

func isText(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

// securityHeaders sets the headers of the OWASP REST Security Cheat Sheet, which forbid framing and content sniffing.
// If the site's address is https, browsers shall not try http for a year; other names of the same domain are not ours
// to decide about.
func (s *Server) securityHeaders(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		h := c.Response().Header()
		s.everywhere.copyTo(h)
		if strings.HasPrefix(c.Request().URL.Path, "/api/") {
			s.apiHeaders.copyTo(h)
		}
		return next(c)
	}
}

// headersOf returns the headers of all answers, and those of the API's beside them.
func headersOf(publicURL string) (everywhere, api fixedHeaders) {
	everywhere = fixedHeaders{
		{"X-Content-Type-Options", []string{"nosniff"}},
		{"X-Frame-Options", []string{"DENY"}},
		{"Referrer-Policy", []string{"strict-origin-when-cross-origin"}},
	}
	if strings.HasPrefix(publicURL, "https://") {
		everywhere = append(everywhere, fixedHeader{"Strict-Transport-Security", []string{"max-age=31536000"}})
	}
	api = fixedHeaders{
		{"Content-Security-Policy", []string{"default-src 'none'; frame-ancestors 'none'"}},
		{"Cache-Control", []string{"no-store"}},
	}
	return everywhere, api
}

// fixedHeaders are the same in many answers, which share their values.
type fixedHeaders []fixedHeader

type fixedHeader struct {
	name   string // in canonical form
	values []string
}

// copyTo sets the headers. The values have no room, so that whoever adds to one gets a copy of it.
func (f fixedHeaders) copyTo(h http.Header) {
	for _, header := range f {
		h[header.name] = slices.Clip(header.values)
	}
}

func (s *Server) cors() echo.MiddlewareFunc {
	if len(s.o.CORSOrigins) == 0 {
		return answerOptions
	}
	return middleware.CORSWithConfig(middleware.CORSConfig{ // without AllowMethods, they are those of the path
		AllowOrigins: s.o.CORSOrigins,
		AllowHeaders: []string{
			echo.HeaderAuthorization, echo.HeaderContentType, "Accept-Language", "Idempotency-Key", "If-None-Match",
			"If-Modified-Since", "If-Range", "Last-Event-ID", "Range",
		},
		ExposeHeaders: []string{
			"X-Total-Count", "X-Next-After", "Link", "ETag", echo.HeaderXRequestID, "Retry-After", "Allow",
			"RateLimit-Limit", "RateLimit-Remaining", "RateLimit-Reset", "RateLimit-Policy", "Idempotency-Replayed",
			"Content-Language", "Content-Range", "Accept-Ranges", "Location",
		},
		MaxAge: 600,
	})
}
