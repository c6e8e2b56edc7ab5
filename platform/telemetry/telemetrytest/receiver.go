// Package telemetrytest has a receiver of traces for tests, which speaks the Open Telemetry protocol over HTTP.
package telemetrytest

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// Receiver keeps what it gets. It is safe for concurrent use.
type Receiver struct {
	URL string

	mu      sync.Mutex
	spans   []Span
	raw     bytes.Buffer
	headers []http.Header
}

// Span is one of a trace.
type Span struct {
	Service, Name, Trace, ID, Parent string // Parent is "" at the root of a trace
	Kind                             string // internal, server, client, producer, consumer
	Attributes                       map[string]string
	Failed                           bool
	Message                          string   // of its status
	Links                            []string // the traces that it is linked to
	Begin, End                       time.Time
}

// NewReceiver starts one that ends with the test. It fails the test if it gets what is not by the protocol.
func NewReceiver(t *testing.T) *Receiver {
	t.Helper()
	r := &Receiver{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		if err := r.receive(request); err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		answer, err := proto.Marshal(&collector.ExportTraceServiceResponse{})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		if _, err := w.Write(answer); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	r.URL = server.URL
	return r
}

func (r *Receiver) receive(request *http.Request) error {
	if request.Method != http.MethodPost || request.URL.Path != "/v1/traces" ||
		request.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("%s %s with %s", request.Method, request.URL.Path, request.Header.Get("Content-Type"))
	}
	body := io.Reader(request.Body)
	if request.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(body)
		if err != nil {
			return err
		}
		body = unpacked
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	var batch collector.ExportTraceServiceRequest
	if err := (proto.UnmarshalOptions{DiscardUnknown: false}).Unmarshal(content, &batch); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.raw.Write(content)
	r.headers = append(r.headers, request.Header.Clone())
	for _, resource := range batch.GetResourceSpans() {
		service := attributes(resource.GetResource().GetAttributes())["service.name"]
		for _, scope := range resource.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				r.spans = append(r.spans, spanOf(service, s))
			}
		}
	}
	return nil
}

func spanOf(service string, s *trace.Span) Span {
	span := Span{
		Service: service, Name: s.GetName(), Trace: hex.EncodeToString(s.GetTraceId()),
		ID: hex.EncodeToString(s.GetSpanId()), Parent: hex.EncodeToString(s.GetParentSpanId()),
		Kind:       strings.ToLower(strings.TrimPrefix(s.GetKind().String(), "SPAN_KIND_")),
		Attributes: attributes(s.GetAttributes()),
		Failed:     s.GetStatus().GetCode() == trace.Status_STATUS_CODE_ERROR, Message: s.GetStatus().GetMessage(),
		Begin: time.Unix(0, int64(s.GetStartTimeUnixNano())),
		End:   time.Unix(0, int64(s.GetEndTimeUnixNano())),
	}
	for _, link := range s.GetLinks() {
		span.Links = append(span.Links, hex.EncodeToString(link.GetTraceId()))
	}
	return span
}

func attributes(all []*common.KeyValue) map[string]string {
	texts := map[string]string{}
	for _, one := range all {
		switch value := one.GetValue().GetValue().(type) {
		case *common.AnyValue_StringValue:
			texts[one.GetKey()] = value.StringValue
		case *common.AnyValue_IntValue:
			texts[one.GetKey()] = fmt.Sprint(value.IntValue)
		default:
			texts[one.GetKey()] = one.GetValue().String()
		}
	}
	return texts
}

// Spans returns what has arrived, in the order of its beginning.
func (r *Receiver) Spans() []Span {
	r.mu.Lock()
	defer r.mu.Unlock()
	spans := slices.Clone(r.spans)
	slices.SortStableFunc(spans, func(a, b Span) int { return a.Begin.Compare(b.Begin) })
	return spans
}

// Raw returns all bytes of all messages.
func (r *Receiver) Raw() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.raw.String()
}

// Headers returns those of each message.
func (r *Receiver) Headers() []http.Header {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.headers)
}

// Trace returns the spans of a trace, in the order of their beginning.
func (r *Receiver) Trace(id string) []Span {
	return slices.DeleteFunc(r.Spans(), func(s Span) bool { return s.Trace != id })
}

// Text shows a trace to people: a line per span, below its parent, with its time since the beginning.
func Text(spans []Span) string {
	var out strings.Builder
	known := map[string]bool{}
	for _, s := range spans {
		known[s.ID] = true
	}
	var show func(parent string, depth int)
	show = func(parent string, depth int) {
		for _, s := range spans {
			if s.Parent != parent && (parent != "" || known[s.Parent]) {
				continue
			}
			fmt.Fprintf(&out, "%8.3f s %8.3f s  %-16s %s%s", s.Begin.Sub(spans[0].Begin).Seconds(),
				s.End.Sub(s.Begin).Seconds(), s.Service, strings.Repeat("  ", depth), s.Name)
			for _, key := range sortedKeys(s.Attributes) {
				fmt.Fprintf(&out, " %s=%s", key, s.Attributes[key])
			}
			out.WriteByte('\n')
			show(s.ID, depth+1)
		}
	}
	show("", 0)
	return out.String()
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
