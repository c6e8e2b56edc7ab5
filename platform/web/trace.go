package web

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
	"risingstars/platform/telemetry"
)

// trace begins the trace of a request, which its context then belongs to. Probes have none.
func (s *Server) trace(c echo.Context, method, route string) telemetry.Span {
	r := c.Request()
	if s.o.Traces == nil || probed[route] {
		return telemetry.Span{}
	}
	ctx, span := s.o.Traces.Begin(r.Context(), telemetry.Server, method+" "+route, r.Header.Get("Traceparent"))
	span.SetText("http.request.method", method)
	span.SetText("http.route", route)
	span.SetText("request_id", telemetry.RequestID(ctx))
	c.SetRequest(r.WithContext(ctx))
	return span
}

// endTrace says how a request was answered.
func endTrace(c echo.Context, span telemetry.Span, status int) {
	span.SetNumber("http.response.status_code", int64(status))
	if err, ok := c.Get(errorKey).(error); ok && status >= http.StatusInternalServerError {
		span.Fail(fault.From(err).Code)
	} else if ok {
		span.SetText("code", fault.From(err).Code)
	}
	span.End()
}
