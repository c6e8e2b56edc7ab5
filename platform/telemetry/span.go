package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"risingstars/platform/fault"
)

// Span is a part of a trace. The zero value does nothing. What it is told leaves the house: names, ids, numbers and
// codes, but no text of people, address, token or link.
type Span struct{ span trace.Span }

// Kind says on which side of a process's border a span is.
type Kind = trace.SpanKind

// The kinds of spans; but for Internal, they begin or end in other processes.
const (
	Internal = trace.SpanKindInternal
	Server   = trace.SpanKindServer
	Producer = trace.SpanKindProducer
	Consumer = trace.SpanKindConsumer
)

// Begin begins the first span of a trace. A client may say, in traceparent, which span of its own it is about: the two
// are linked, but the client has no say in whether, and under which id, the trace is kept.
func (t *Traces) Begin(ctx context.Context, kind Kind, name, traceparent string) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	options := []trace.SpanStartOption{trace.WithNewRoot(), trace.WithSpanKind(kind)}
	if remote := parse(traceparent); remote.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: remote}))
	}
	ctx, span := t.tracer.Start(ctx, name, options...)
	return ctx, Span{span}
}

// Continue begins a span whose parent is in another process; traceparent is what TraceParent returned there. If it is
// empty or not valid, the span begins a trace.
func (t *Traces) Continue(ctx context.Context, kind Kind, name, traceparent string) (context.Context, Span) {
	if t == nil {
		return ctx, Span{}
	}
	ctx, span := t.tracer.Start(trace.ContextWithRemoteSpanContext(ctx, parse(traceparent)), name,
		trace.WithSpanKind(kind))
	return ctx, Span{span}
}

// Start begins a span below the one in ctx. Without one it does nothing, at no cost.
func Start(ctx context.Context, kind Kind, name string) (context.Context, Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, Span{}
	}
	ctx, span := parent.TracerProvider().Tracer(scope).Start(ctx, name, trace.WithSpanKind(kind))
	return ctx, Span{span}
}

// Switch begins a span in the trace of traceparent, with a link to the span in ctx, where the work for one trace turns
// into that for another. If both are the same trace, or traceparent is not valid, it is Start.
func Switch(ctx context.Context, kind Kind, name, traceparent string) (context.Context, Span) {
	remote, at := parse(traceparent), trace.SpanFromContext(ctx)
	if !remote.IsValid() || remote.TraceID() == at.SpanContext().TraceID() {
		return Start(ctx, kind, name)
	}
	options := []trace.SpanStartOption{trace.WithSpanKind(kind)}
	if at.SpanContext().IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: at.SpanContext()}))
	}
	ctx, span := at.TracerProvider().Tracer(scope).Start(
		trace.ContextWithRemoteSpanContext(ctx, remote), name, options...)
	return ctx, Span{span}
}

// SetText adds an attribute.
func (s Span) SetText(key, value string) {
	if s.span != nil {
		s.span.SetAttributes(attribute.String(key, value))
	}
}

// SetNumber adds an attribute.
func (s Span) SetNumber(key string, value int64) {
	if s.span != nil {
		s.span.SetAttributes(attribute.Int64(key, value))
	}
}

// Fail says that what the span is about has failed. Code is a word that the operator knows, and no error's text.
func (s Span) Fail(code string) {
	if s.span != nil {
		s.SetText("error.type", code)
		s.span.SetStatus(codes.Error, "")
	}
}

// End ends the span.
func (s Span) End() {
	if s.span != nil {
		s.span.End()
	}
}

// EndWith ends the span of what returned err, of which it tells the code of the fault alone.
func (s Span) EndWith(err error) {
	if s.span != nil && err != nil {
		s.Fail(fault.From(err).Code)
	}
	s.End()
}

// TraceID returns the id of the trace that ctx belongs to, in hexadecimal digits; "" if there is none.
func TraceID(ctx context.Context) string {
	if at := trace.SpanContextFromContext(ctx); at.IsValid() {
		return at.TraceID().String()
	}
	return ""
}

// maxTraceParent is more than the form that we send has.
const maxTraceParent = 64

const traceparentKey = "traceparent"

// TraceParent returns what stands for the span in ctx elsewhere (W3C Trace Context §3.2); "" if there is none.
func TraceParent(ctx context.Context) string {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return ""
	}
	carrier := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, carrier)
	return carrier[traceparentKey]
}

// ValidTraceParent reports whether a text is one that TraceParent could have returned.
func ValidTraceParent(traceparent string) bool { return parse(traceparent).IsValid() }

// parse returns a span context that is not valid for whatever is no traceparent.
func parse(traceparent string) trace.SpanContext {
	if traceparent == "" || len(traceparent) > maxTraceParent {
		return trace.SpanContext{}
	}
	carrier := propagation.MapCarrier{traceparentKey: traceparent}
	return trace.SpanContextFromContext(propagation.TraceContext{}.Extract(context.Background(), carrier))
}
