package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/auth"
	"risingstars/platform/telemetry"
	"risingstars/platform/web"
)

// BenchmarkPreparedAnswer compares a prepared answer of 10 KB, with all that surrounds it, with a bare echo handler
// that sends as many bytes. The network is left out.
func BenchmarkPreparedAnswer(b *testing.B) {
	body := strings.Repeat("x", 10_000)
	bare := echo.New()
	bare.GET("/api/list", func(c echo.Context) error { return c.String(http.StatusOK, body) })
	registry := prometheus.NewRegistry()
	server := web.New(web.Options{
		Version: "bench", Health: &telemetry.Health{}, Logger: slog.New(slog.NewJSONHandler(discard{}, nil)),
		Verify:     func(string) (auth.Principal, error) { return auth.Principal{}, auth.ErrBadToken },
		Registerer: registry, PublicURL: "https://show.example",
	})
	bundle{Server: server}.list(web.Use{}, func(context.Context, *listInput) (string, error) { return body, nil })
	for _, row := range []struct {
		name    string
		handler http.Handler
		headers []string
	}{
		{"bare", bare, nil},
		{"prepared", server, nil},
		{"zstd", server, []string{"Accept-Encoding", "gzip, deflate, br, zstd"}},
		{"304", server, []string{"If-None-Match", "*"}},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			request := httptest.NewRequest(http.MethodGet, "/api/list?city=cali", http.NoBody)
			if row.headers != nil {
				request.Header.Set(row.headers[0], row.headers[1])
			}
			for b.Loop() {
				w := &sink{header: http.Header{}}
				row.handler.ServeHTTP(w, request)
				if w.status != http.StatusOK && w.status != http.StatusNotModified {
					b.Fatal(w.status)
				}
			}
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// sink is a ResponseWriter that keeps nothing.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
