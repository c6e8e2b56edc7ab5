package ffmpeg

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/infra/cliptest"
)

func mp4() Container { return Container{"mov", ".mp4", "video/mp4"} }

func TestPresignedURL(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	data := readClip(t, "in.mp4", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=2"), lavfi(tone+":d=2"), x264())...)
	p := newProcessor(t, Options{})
	var tries atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("signature") != "good":
			http.Error(w, "expired", http.StatusForbidden)
		case r.URL.Path == "/flaky.mp4" && tries.Add(1) == 1:
			// The first connection breaks: it sends half of the file, with the length of all of it.
			w.Header().Set("Content-Length", fmt.Sprint(len(data)))
			_, _ = w.Write(data[:len(data)/2])
		case r.URL.Path == "/none.mp4":
			http.NotFound(w, r)
		default:
			http.ServeContent(w, r, "in.mp4", time.Time{}, bytes.NewReader(data))
		}
	}))
	defer s.Close()
	job := func(url string) Job {
		return Job{Input: url, Container: mp4(), Dir: t.TempDir()}
	}
	checkClean(t, mustProcess(t, p, job(s.URL+"/in.mp4?signature=good")), "30/1", true)
	mustProcess(t, p, job(s.URL+"/flaky.mp4?signature=good"))
	forged := httptest.NewUnstartedServer(s.Config.Handler)
	forged.Config.ErrorLog = log.New(io.Discard, "", 0)
	forged.StartTLS() // with a certificate that no authority signed
	defer forged.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, url := range []string{
		s.URL + "/in.mp4?signature=old", gone.URL + "/in.mp4",
		forged.URL + "/in.mp4?signature=good", s.URL + "/none.mp4?signature=good",
	} {
		_, err := p.Process(t.Context(), job(url))
		if _, ok := errors.AsType[*ToolError](err); !ok {
			t.Errorf("%s: got %v, want a ToolError", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "signature") {
			t.Errorf("the error carries the signed address: %v", err)
		}
	}
}

// A file that ends too early or holds noise gets the same result wherever it is. A broken connection proves nothing
// about the file.
func TestDamageIsDistinguishedFromALostConnection(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	whole := readClip(t, "in.mp4", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=4"),
		x264("-bf", "0", "-movflags", "+faststart"))...)
	noise := bytes.Clone(whole)
	for i := bytes.Index(noise, []byte("mdat")) + 4; i < len(noise); i++ {
		noise[i] = byte(i * 31)
	}
	half := whole[:len(whole)/2]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content := map[string][]byte{"/half.mp4": half, "/noise.mp4": noise}[r.URL.Path]
		if content == nil { // every connection breaks half-way
			content = whole
			w = &brokenWriter{w, len(half)}
		}
		http.ServeContent(w, r, "in.mp4", time.Time{}, bytes.NewReader(content))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer s.Close()
	p := newProcessor(t, Options{})
	process := func(name string) (Result, error) {
		return p.Process(t.Context(), Job{Input: s.URL + name, Container: mp4(), Dir: t.TempDir()})
	}
	r, err := process("/half.mp4")
	if content := r.Duration - 5*time.Second; err != nil || content < time.Second || content > 3*time.Second {
		t.Errorf("half a file: %v, %v", r.Duration, err)
	}
	_, err = process("/noise.mp4")
	wantCode(t, err, CodeUnreadable)
	_, err = process("/broken.mp4")
	if _, ours := errors.AsType[*ToolError](err); !ours {
		t.Errorf("a lost connection: %v, want a ToolError", err)
	}
}

// brokenWriter drops the connection after some bytes.
type brokenWriter struct {
	http.ResponseWriter
	left int
}

func (b *brokenWriter) Write(p []byte) (int, error) {
	if len(p) <= b.left {
		b.left -= len(p)
		return b.ResponseWriter.Write(p)
	}
	_, _ = b.ResponseWriter.Write(p[:b.left])
	panic(http.ErrAbortHandler)
}

// The clip is on a server with a certificate that only CAFile vouches for.
func TestCAFileIsTrusted(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	clip := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=1"), x264())...)
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeFile(w, r, clip)
	}))
	defer s.Close()
	trusted := writeFile(t, "ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}))
	j := jobFor(t, clip)
	j.Input = s.URL + "/in.mp4"
	mustProcess(t, newProcessor(t, Options{CAFile: trusted}), j)

	j.Dir = t.TempDir()
	_, err := newProcessor(t, Options{}).Process(t.Context(), j)
	if _, refused := errors.AsType[*Rejection](err); err == nil || refused {
		t.Errorf("without the file: %v, want an error that is not a Rejection", err)
	}
}
