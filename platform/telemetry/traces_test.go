package telemetry_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"risingstars/platform/fault"
	"risingstars/platform/telemetry"
	"risingstars/platform/telemetry/telemetrytest"
)

// open sends to that receiver until close.
func open(t *testing.T, url string, log *slog.Logger) (traces *telemetry.Traces, end func()) {
	t.Helper()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
	traces, err := telemetry.OpenTraces(t.Context(), telemetry.TracesOptions{Role: "work", Version: "1", Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	return traces, func() {
		t.Helper()
		if err := traces.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSpansOfTwoProcessesAreOneTrace(t *testing.T) {
	receiver := telemetrytest.NewReceiver(t)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=abc")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")
	traces, end := open(t, receiver.URL, nil)
	ctx, root := traces.Begin(t.Context(), telemetry.Server, "POST /x", "")
	sent, span := telemetry.Start(ctx, telemetry.Producer, "send")
	parent := telemetry.TraceParent(sent)
	span.End()
	root.SetNumber("status", 201)
	root.End()

	there, span := traces.Continue(t.Context(), telemetry.Consumer, "process", parent)
	lent, other := telemetry.Switch(there, telemetry.Internal, "another's", "00-"+strings.Repeat("1", 32)+"-"+
		strings.Repeat("2", 16)+"-01")
	if telemetry.TraceID(lent) != strings.Repeat("1", 32) {
		t.Error("the work for another trace is in the trace", telemetry.TraceID(lent))
	}
	other.EndWith(fault.New(fault.Conflict, "taken", "es secreto", "a secret"))
	span.EndWith(errors.New("postgres://secret"))
	end()

	var names []string
	spans := receiver.Trace(telemetry.TraceID(ctx))
	for _, s := range spans {
		names = append(names, s.Kind+" "+s.Name+" "+s.Service)
	}
	want := []string{"server POST /x showcase-work", "producer send showcase-work", "consumer process showcase-work"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	if spans[1].Parent != spans[0].ID || spans[2].Parent != spans[1].ID || spans[0].Attributes["status"] != "201" {
		t.Errorf("the spans hang together otherwise:\n%s", telemetrytest.Text(spans))
	}
	if s := spans[2]; !s.Failed || s.Attributes["error.type"] != "internal" || s.Message != "" {
		t.Errorf("a failure is told as %+v", s)
	}
	linked := receiver.Trace(strings.Repeat("1", 32))
	if len(linked) != 1 || !cmp.Equal(linked[0].Links, []string{spans[0].Trace}) ||
		linked[0].Attributes["error.type"] != "taken" {
		t.Errorf("the other trace is %+v", linked)
	}
	if strings.Contains(receiver.Raw(), "secret") {
		t.Error("the text of an error is sent")
	}
	for _, h := range receiver.Headers() {
		if h.Get("X-Key") != "abc" || h.Get("Content-Encoding") != "gzip" {
			t.Errorf("the headers are %v", h)
		}
	}
}

// The client of a request cannot choose the trace, or that there is none.
func TestAClientsTraceIsOnlyLinked(t *testing.T) {
	receiver := telemetrytest.NewReceiver(t)
	traces, end := open(t, receiver.URL, nil)
	theirs := strings.Repeat("a", 32)
	for _, header := range []string{
		"00-" + theirs + "-" + strings.Repeat("b", 16) + "-00", "00-" + strings.Repeat("0", 32) + "-x-01", "bogus",
		strings.Repeat("9", 10_000), "",
	} {
		_, span := traces.Begin(t.Context(), telemetry.Server, "GET /", header)
		span.End()
	}
	end()
	spans := receiver.Spans()
	if len(spans) != 5 {
		t.Fatalf("%d spans", len(spans))
	}
	for i, s := range spans {
		if s.Trace == theirs || s.Parent != "" || (len(s.Links) > 0) != (i == 0) {
			t.Errorf("%d: %+v", i, s)
		}
	}
}

// Sampling is decided where a trace begins, and everybody else keeps to it.
func TestWhatIsNotSampledIsNotSentAnywhere(t *testing.T) {
	receiver := telemetrytest.NewReceiver(t)
	t.Setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
	traces, end := open(t, receiver.URL, nil)
	ctx, span := traces.Begin(t.Context(), telemetry.Server, "GET /", "")
	parent := telemetry.TraceParent(ctx)
	_, below := telemetry.Start(ctx, telemetry.Internal, "below")
	below.End()
	span.End()
	_, there := traces.Continue(t.Context(), telemetry.Consumer, "process", parent)
	there.End()
	end()
	if spans := receiver.Spans(); len(spans) != 0 || !strings.HasSuffix(parent, "-00") {
		t.Errorf("%s is the parent of %+v", parent, spans)
	}
}

// Whoever serves does not notice that the receiver is away; the log says so once.
func TestALostReceiverIsToldOnce(t *testing.T) {
	away := httptest.NewServer(http.NotFoundHandler())
	defer away.Close()
	t.Setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "1")
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "1")
	var log bytes.Buffer
	traces, end := open(t, away.URL, slog.New(slog.NewTextHandler(&log, nil)))
	for range 3 {
		_, span := traces.Begin(t.Context(), telemetry.Server, "GET /", "")
		span.End()
	}
	end()
	if strings.Count(log.String(), "spans are lost") != 1 {
		t.Errorf("the log is %s", &log)
	}
}

// Without traces nothing is allocated for them.
func TestWithoutTracesSpansCostNothing(t *testing.T) {
	var none *telemetry.Traces
	boom := errors.New("boom")
	ctx := telemetry.WithRequestID(t.Context(), "r")
	if n := testing.AllocsPerRun(1000, func() { spans(ctx, none, boom) }); n > 0 {
		t.Errorf("%.1f allocations", n)
	}
	if err := none.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func BenchmarkWithoutTraces(b *testing.B) {
	ctx := telemetry.WithRequestID(b.Context(), "r")
	b.ReportAllocs()
	for b.Loop() {
		spans(ctx, nil, nil)
	}
}

// spans does with spans what a request with a task does.
func spans(ctx context.Context, traces *telemetry.Traces, err error) {
	ctx, root := traces.Begin(ctx, telemetry.Server, "POST /x", "")
	root.SetText("http.route", "/x")
	ctx, below := telemetry.Start(ctx, telemetry.Internal, "storage put")
	below.SetNumber("n", 1)
	_, switched := telemetry.Switch(ctx, telemetry.Producer, "send", telemetry.TraceParent(ctx))
	_, there := traces.Continue(ctx, telemetry.Consumer, "process", "")
	there.End()
	switched.End()
	below.EndWith(err)
	root.SetText("trace", telemetry.TraceID(ctx))
	root.End()
}
