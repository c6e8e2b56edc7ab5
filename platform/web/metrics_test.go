package web_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"risingstars/platform/web"
)

// Beside the API, /metrics answers programs on this host, and nobody through a proxy on this host.
func TestLocalMetricsAreNotForOthers(t *testing.T) {
	t.Parallel()
	local := setup(t, func(o *web.Options) { o.LocalMetrics = true })
	open := setup(t)
	for _, test := range []struct {
		peer, header string
		want         int
	}{
		{"127.0.0.1:4711", "", http.StatusOK},
		{"[::1]:4711", "", http.StatusOK},
		{"[::ffff:127.0.0.1]:4711", "", http.StatusOK},
		{"192.0.2.1:4711", "", http.StatusNotFound},
		{"10.0.0.7:4711", "", http.StatusNotFound},
		{"127.0.0.1:4711", "X-Forwarded-For", http.StatusNotFound},
		{"127.0.0.1:4711", "Forwarded", http.StatusNotFound},
	} {
		for b, want := range map[*bundle]int{&local: test.want, &open: http.StatusOK} {
			request := httptest.NewRequest(http.MethodGet, "/metrics", http.NoBody)
			request.RemoteAddr = test.peer
			if test.header != "" {
				request.Header.Set(test.header, "127.0.0.1")
			}
			recorder := httptest.NewRecorder()
			b.ServeHTTP(recorder, request)
			if recorder.Code != want {
				t.Errorf("%s, %q: %d, want %d (local: %t)", test.peer, test.header, recorder.Code, want, b == &local)
			}
		}
	}
}

// A site without TLS must not promise it, because its visitors could not come back for a year.
func TestOnlySitesOnHTTPSPromiseIt(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"": "", "http://contest.example": "", "https://contest.example": "max-age=31536000",
	} {
		b := setup(t, func(o *web.Options) { o.PublicURL = address })
		for _, path := range []string{"/health", "/nowhere"} {
			if got := b.ask(http.MethodGet, path, "").Header().Get("Strict-Transport-Security"); got != want {
				t.Errorf("%q: %s answers %q, want %q", address, path, got, want)
			}
		}
	}
}
