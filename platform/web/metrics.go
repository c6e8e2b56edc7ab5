package web

import (
	"net/http"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics routes /metrics, unless there is nothing to serve. It tells outsiders how much the service is used, and each
// answer costs a query of the queue, so it is for operators only.
func (s *Server) metrics() {
	if s.o.Gatherer == nil {
		return
	}
	s.declare(http.MethodGet, "/metrics", route{})
	serve := echo.WrapHandler(promhttp.HandlerFor(s.o.Gatherer, promhttp.HandlerOpts{}))
	s.echo.GET("/metrics", func(c echo.Context) error {
		if s.o.LocalMetrics && !isLocal(c.Request()) {
			return echo.ErrNotFound
		}
		return serve(c)
	})
}

// isLocal reports whether a program on this host sent the request, and for itself: a proxy here names the client for
// which it asks.
func isLocal(r *http.Request) bool {
	for _, header := range []string{echo.HeaderXForwardedFor, "Forwarded", "X-Real-Ip", "Via"} {
		if r.Header.Get(header) != "" {
			return false
		}
	}
	return peer(r).IsLoopback()
}
