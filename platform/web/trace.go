package web

import (
	"context"
	"net/http"

	"risingstars/platform/fault"
	"risingstars/platform/telemetry"
)

// trace begins the trace of a request for a route, to which the returned context belongs. Probes have none.
func (s *Server) trace(r *http.Request, route string) (context.Context, telemetry.Span) {
	if s.o.Traces == nil || probed[route] {
		return r.Context(), telemetry.Span{}
	}
	method, route := bounded(r.Method, route)
	ctx, span := s.o.Traces.Begin(r.Context(), telemetry.Server, method+" "+route, r.Header.Get("Traceparent"))
	span.SetText("http.request.method", method)
	span.SetText("http.route", route)
	span.SetText("request_id", telemetry.RequestID(ctx))
	return ctx, span
}

// endTrace says how a request was answered; err is what decided the answer, or nil.
func endTrace(span telemetry.Span, status int, err error) {
	span.SetNumber("http.response.status_code", int64(status))
	switch {
	case err != nil && status >= http.StatusInternalServerError:
		span.Fail(fault.From(err).Code)
	case err != nil:
		span.SetText("code", fault.From(err).Code)
	}
	span.End()
}
