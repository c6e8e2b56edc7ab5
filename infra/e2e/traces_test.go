package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"risingstars/platform/telemetry/telemetrytest"
)

// One trace leads from the upload's request through the queue to ffmpeg's runs and the publication, and the log lines
// of all processes name it. Nothing in it tells who it was, or opens anything.
func TestAnUploadIsOneTraceUpToItsPublication(t *testing.T) {
	t.Parallel()
	receiver := telemetrytest.NewReceiver(t)
	s := startSite(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.URL, "OTEL_BSP_SCHEDULE_DELAY=200")
	ana := s.newPerson(t, "")
	id := ana.upload(t, tinyClip(t), "Un título")
	v := ana.waitForFinal(t, id)
	if v.Status != "processed" {
		t.Fatalf("the video is %+v", v)
	}
	link := v.OriginalURL
	s.get(t, link, "").want(t, http.StatusOK, "")
	missing := ana.do(t, http.MethodGet, "/api/videos/0190a000-0000-7000-8000-000000000000", ana.Token, "", nil)
	missing.want(t, http.StatusNotFound, "not_found")
	for range 3 { // the later ones are answered from what was prepared for the first
		s.get(t, "/api/public/videos", "").want(t, http.StatusOK, "")
	}
	if code := s.stop(t); code != 0 {
		t.Fatalf("the app exited with %d", code)
	}

	spans := receiver.Spans()
	reads := 0
	for _, span := range spans {
		if span.Name == "GET /api/public/videos" && strings.Contains(s.log.String(), span.Attributes["request_id"]) {
			reads++
		}
	}
	if reads != 3 {
		t.Errorf("%d of 3 reads of the gallery have a span", reads)
	}
	at := slices.IndexFunc(spans, func(s telemetrytest.Span) bool { return s.Name == "POST /api/videos/upload" })
	if at < 0 {
		t.Fatalf("the upload has no span among %d", len(spans))
	}
	trace := receiver.Trace(spans[at].Trace)
	t.Logf("the trace of an upload in the stage %s:\n%s", stage(), telemetrytest.Text(trace))
	byID := map[string]telemetrytest.Span{}
	for _, span := range trace {
		byID[span.ID] = span
	}
	parents := map[string]string{}
	for _, span := range trace {
		if span.Failed {
			t.Errorf("failed: %+v", span)
		}
		parents[span.Name] = byID[span.Parent].Name
	}
	for name, parent := range map[string]string{
		"POST /api/videos/upload": "", "storage put": "POST /api/videos/upload",
		"send media.process": "POST /api/videos/upload", "process media.process": "send media.process",
		"process video": "process media.process", "ffmpeg probe": "process video", "ffmpeg process": "process video",
		"ffmpeg join": "process video", "ffmpeg poster": "process video", "publish": "process video",
		"storage put_file": "publish",
	} {
		if got, ok := parents[name]; !ok || got != parent {
			t.Errorf("%q is below %q (there: %v), want %q", name, got, ok, parent)
		}
	}
	root, last := spans[at], roles()[len(roles())-1]
	if got := root.Attributes; got["http.route"] != "/api/videos/upload" || got["http.response.status_code"] != "201" {
		t.Errorf("the request is told as %v", got)
	}
	for _, span := range trace {
		if worker := span.Name == "process video"; worker && span.Service != "showcase-"+last {
			t.Errorf("the work is that of %s", span.Service)
		}
	}

	log := s.log.String()
	for _, line := range []string{`"msg":"request"`, `"msg":"task handled"`} {
		found := slices.ContainsFunc(strings.Split(log, "\n"), func(l string) bool {
			return strings.Contains(l, line) && strings.Contains(l, `"trace_id":"`+root.Trace+`"`)
		})
		if !found {
			t.Errorf("no line %s names the trace %s:\n%s", line, root.Trace, log)
		}
	}
	if problem := string(missing.Body); !strings.Contains(problem, `"trace_id":"`) {
		t.Errorf("the problem document names no trace: %s", problem)
	}
	checkTraces(t, receiver, map[string]string{
		"token": ana.Token, "password": password, "e-mail": ana.Email, "title": "Un título",
		"secret": s.secret(t), "signed link": link[strings.LastIndexByte(link, '=')+1:],
		"client's address": "127.0.0.1",
	})
}

// checkTraces fails the test if anything that was sent has a secret, among them those that no log may have.
func checkTraces(t *testing.T, receiver *telemetrytest.Receiver, secrets map[string]string) {
	t.Helper()
	raw := receiver.Raw()
	for what, secret := range secrets {
		if strings.Contains(raw, secret) {
			t.Errorf("the traces tell the %s", what)
		}
	}
	for what, pattern := range secretsInLogs {
		if found := pattern.FindString(raw); found != "" {
			t.Errorf("the traces tell %s: %s", what, found)
		}
	}
	keys := map[string]bool{}
	for _, span := range receiver.Spans() {
		for key := range span.Attributes {
			keys[key] = true
		}
	}
	known := []string{
		"attempt", "code", "cpu_ms", "http.request.method", "http.response.status_code", "http.route",
		"messaging.message.delivery_count", "messaging.message.id", "outcome", "peak_memory_bytes", "request_id",
		"video_id",
	}
	var all []string
	for key := range keys {
		all = append(all, key)
	}
	slices.Sort(all)
	if diff := cmp.Diff(known, all); diff != "" {
		t.Errorf("attributes (-want +got)\n%s", diff)
	}
}

// Without a receiver no trace is begun, and none is named.
func TestWithoutAReceiverThereAreNoTraces(t *testing.T) {
	onlyInStage(t, embedded)
	t.Parallel()
	receiver := telemetrytest.NewReceiver(t)
	s := startSite(t, "OTEL_EXPORTER_OTLP_ENDPOINT="+receiver.URL, "OTEL_SDK_DISABLED=true")
	s.get(t, "/api/videos", "").want(t, http.StatusUnauthorized, "")
	if code := s.stop(t); code != 0 || strings.Contains(s.log.String(), "trace_id") || len(receiver.Spans()) > 0 {
		t.Errorf("exit code %d, %d spans; the log is %s", code, len(receiver.Spans()), s.log)
	}
}
