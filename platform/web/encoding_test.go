package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"risingstars/platform/web"
)

// plain returns the body of an answer without its coding.
func plain(t *testing.T, a *httptest.ResponseRecorder) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(a.Body.Bytes())
	var err error
	switch a.Header().Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestAPreparedAnswerComesInTheCodingThatIsPreferred(t *testing.T) {
	t.Parallel()
	b := setup(t)
	long := strings.Repeat("Canción ", 500)
	made := b.list(web.Use{}, func(_ context.Context, in *listInput) (string, error) {
		if in.City == "short" {
			return "short", nil
		}
		return long, nil
	})
	tags := map[string]string{}
	for header, want := range map[string]string{
		"": "", "identity": "", "br": "", "gzip": "gzip", "GZIP": "gzip", "x-gzip": "gzip", "zstd": "zstd",
		"gzip, deflate": "gzip", "gzip, deflate, br, zstd": "zstd", "zstd;q=0.5, gzip": "gzip", "gzip;q=0": "",
		"gzip; q=0.000, zstd;q=0": "", "gzip;q=0.5, identity": "", "gzip;q=1.0;x=y": "gzip", "*": "gzip",
		"*;q=0": "", "gzip;q=0, *": "", "zstd;q=0, *;q=0.1": "gzip", "gzip;q=x": "", "gzip;q=NaN": "",
		"gzip;q=-1": "", ",,;,": "", "gzip;q=5": "gzip",
	} {
		var headers []string
		if header != "" {
			headers = []string{"Accept-Encoding", header}
		}
		a := b.ask(http.MethodGet, "/api/list", "", headers...)
		if a.Code != http.StatusOK || a.Header().Get("Content-Encoding") != want ||
			!strings.Contains(plain(t, a), long) || a.Header().Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: %d %v, want %q", header, a.Code, a.Header(), want)
		}
		if want != "" && a.Body.Len() > 500 {
			t.Errorf("%q: %d bytes", header, a.Body.Len())
		}
		tag := a.Header().Get("ETag")
		if known, ok := tags[want]; ok && known != tag {
			t.Errorf("%q: ETag %s, another answer in this coding has %s", header, tag, known)
		}
		tags[want] = tag
	}
	if len(tags) != 3 || tags[""] == tags["gzip"] || tags[""] == tags["zstd"] || tags["gzip"] == tags["zstd"] {
		t.Errorf("the ETags are %v, want three", tags)
	}
	for coding, tag := range tags {
		if strings.HasPrefix(tag, "W/") {
			t.Errorf("the ETag %s is weak", tag)
		}
		a := b.ask(http.MethodGet, "/api/list", "", "Accept-Encoding", coding, "If-None-Match", tag)
		if a.Code != http.StatusNotModified || a.Header().Get("ETag") != tag || a.Body.Len() > 0 ||
			a.Header().Get("Vary") != "Accept-Encoding" || a.Header().Get("Content-Encoding") != "" {
			t.Errorf("%q: %d %v", coding, a.Code, a.Header())
		}
	}
	if a := b.ask(http.MethodGet, "/api/list", "", "If-None-Match", tags["gzip"]); a.Code != http.StatusOK {
		t.Errorf("%d to whoever has it in another coding", a.Code)
	}
	short := b.ask(http.MethodGet, "/api/list?city=short", "", "Accept-Encoding", "gzip")
	if short.Header().Get("Content-Encoding") != "" {
		t.Error("a short answer is compressed")
	}
	if made.Load() > 10 {
		t.Errorf("made %d times", made.Load())
	}
}
