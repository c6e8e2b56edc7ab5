package telemetry

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"
)

// scope names the code that makes the spans.
const scope = "risingstars"

// TracesOptions describe the process whose traces are sent. Role and Version are required.
type TracesOptions struct {
	Role    string // serve or work, which becomes part of the service's name
	Version string
	Logger  *slog.Logger // nil: slog.Default()
}

// Traces sends spans to an OTLP receiver, in batches and from a goroutine of its own, so that nothing waits for the
// receiver; spans that it does not accept are lost. Nil is no tracing, and costs nothing. It is safe for concurrent
// use.
type Traces struct {
	provider *sdk.TracerProvider
	tracer   trace.Tracer
}

// OpenTraces reads where to send spans, which of them, and how, from the environment, by the variables of the
// OpenTelemetry specification. It sends them over HTTP, as protobuf. It does not wait for the receiver.
func OpenTraces(ctx context.Context, o TracesOptions) (*Traces, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("open traces: %w", err)
	}
	// Later ones win: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES over ours.
	about, err := resource.New(ctx,
		resource.WithAttributes(semconv.ServiceName("showcase-"+o.Role), semconv.ServiceVersion(o.Version)),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		return nil, fmt.Errorf("open traces: %w", err)
	}
	told := &toldExporter{SpanExporter: exporter, log: o.Logger}
	provider := sdk.NewTracerProvider(sdk.WithBatcher(told), sdk.WithResource(about))
	return &Traces{provider: provider, tracer: provider.Tracer(scope)}, nil
}

// Close sends the spans that wait, until ctx ends. They are lost then.
func (t *Traces) Close(ctx context.Context) error {
	if t == nil {
		return nil
	}
	if err := t.provider.Shutdown(ctx); err != nil {
		return fmt.Errorf("send the last spans: %w", err)
	}
	return nil
}

// toldExporter logs the first of several failures in a row, and that it works again. The SDK would write them past the
// log.
type toldExporter struct {
	sdk.SpanExporter
	log    *slog.Logger
	failed atomic.Bool
}

func (e *toldExporter) ExportSpans(ctx context.Context, spans []sdk.ReadOnlySpan) error {
	err := e.SpanExporter.ExportSpans(ctx, spans)
	switch before := e.failed.Swap(err != nil); {
	case err != nil && !before:
		e.log.WarnContext(ctx, "spans are lost: they were not sent", "error", err)
	case err == nil && before:
		e.log.InfoContext(ctx, "spans are sent again")
	}
	return nil
}
