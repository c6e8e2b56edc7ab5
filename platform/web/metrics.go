package web

import (
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics routes /metrics, unless there is nothing to serve. It tells outsiders how much the service is used, and each
// answer costs a query of the queue, so it is for operators only.
func (s *Server) metrics() {
	if s.o.Gatherer == nil {
		return
	}
	op := withMetadata(huma.Operation{
		Method: http.MethodGet, Path: "/metrics", OperationID: "getMetrics", Tags: []string{"Service"},
		Summary: "Get the metrics, for Prometheus",
		Description: "Without METRICS_ADDR, only for programs on the same host; with it, at that address alone. " +
			"Otherwise the answer is 404.",
		Responses: map[string]*huma.Response{"200": {Content: map[string]*huma.MediaType{
			"text/plain": {Schema: &huma.Schema{Type: huma.TypeString}, Example: "up 1\n"},
		}}},
	}, routeKey, route{})
	op = Refuses(op, errNoRoute)
	s.API.OpenAPI().AddOperation(&op)
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
func isLocal(r *http.Request) bool { return !isForwarded(r) && peer(r).IsLoopback() }

func isForwarded(r *http.Request) bool {
	return slices.ContainsFunc([]string{echo.HeaderXForwardedFor, "Forwarded", "X-Real-Ip", "Via"},
		func(header string) bool { return r.Header.Get(header) != "" })
}
