package ffmpeg

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// A stand-in for ffprobe looks at what its box lets it see, then does the work.
func TestTheBox(t *testing.T) {
	t.Setenv("SECRET_KEY", "TOPSECRET")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var calls atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			c.Close()
		}
	}()
	dir := t.TempDir()
	report := filepath.Join(dir, "report.txt")
	script := fmt.Sprintf("#!/bin/bash\n"+
		// What is set last is a sign that all is set.
		"for i in {1..2500}; do [ $(</proc/self/oom_score_adj) = 1000 ] && break; sleep 0.01; done\n"+
		"{ env; ulimit -a; echo oom_score_adj $(</proc/self/oom_score_adj); } > %s\n(exec 3<>/dev/tcp/127.0.0.1/%d) 2>/dev/null\nexec ffprobe \"$@\"\n",
		report, l.Addr().(*net.TCPAddr).Port)
	stand := filepath.Join(dir, "ffprobe")
	if err := os.WriteFile(stand, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc=s=64x64:r=30:d=0.2", "-c:v", "libx264", "-preset", "ultrafast")
	p := newProcessor(t, Options{FFprobe: stand})
	process(t, p, jobFor(t, in))
	seen, err := os.ReadFile(report)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"TOPSECRET", "HOME=" + os.Getenv("HOME")} {
		if bytes.Contains(seen, []byte(secret)) {
			t.Errorf("the program sees %q", secret)
		}
	}
	for _, limit := range []string{"cpu time", "virtual memory", "file size"} {
		for line := range strings.Lines(string(seen)) {
			if strings.HasPrefix(line, limit) && strings.Contains(line, "unlimited") {
				t.Errorf("no cap: %s", line)
			}
		}
		if !bytes.Contains(seen, []byte(limit)) {
			t.Errorf("no line about %s:\n%s", limit, seen)
		}
	}
	if !bytes.Contains(seen, []byte("oom_score_adj 1000\n")) {
		t.Errorf("the kernel may kill the worker before it:\n%s", seen)
	}
	if p.isolated && calls.Load() > 0 {
		t.Error("a run on a local file reached the network")
	}
}

func TestPresignedURL(t *testing.T) {
	t.Parallel()
	in := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc=s=320x180:r=30:d=2", "-f", "lavfi", "-i", tone+":d=2", "-c:v", "libx264", "-preset", "ultrafast")
	p := newProcessor(t, Options{})
	data, err := os.ReadFile(in)
	if err != nil {
		t.Fatal(err)
	}
	var tries atomic.Int32
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Query().Get("signature") != "good":
			http.Error(w, "expired", http.StatusForbidden)
		case r.URL.Path == "/flaky.mp4" && tries.Add(1) == 1:
			// The first connection breaks: half of the file under its full length.
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
		return Job{Input: url, Container: Container{"mov", ".mp4", "video/mp4"}, Dir: t.TempDir()}
	}
	checkClean(t, process(t, p, job(s.URL+"/in.mp4?signature=good")), "30/1", true)
	process(t, p, job(s.URL+"/flaky.mp4?signature=good"))
	forged := httptest.NewUnstartedServer(s.Config.Handler)
	forged.Config.ErrorLog = log.New(io.Discard, "", 0)
	forged.StartTLS() // its certificate is nobody's
	defer forged.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, url := range []string{s.URL + "/in.mp4?signature=old", gone.URL + "/in.mp4", forged.URL + "/in.mp4?signature=good", s.URL + "/none.mp4?signature=good"} {
		_, err := p.Process(t.Context(), job(url))
		if _, ok := errors.AsType[*ToolError](err); !ok {
			t.Errorf("%s: got %v, want a ToolError", url, err)
		}
		if err != nil && strings.Contains(err.Error(), "signature") {
			t.Errorf("the error carries the signed address: %v", err)
		}
	}
}

// A file that ends too early or holds noise is judged alike wherever it is; a connection that breaks says nothing about it.
func TestDamageIsToldFromALostConnection(t *testing.T) {
	t.Parallel()
	whole, err := os.ReadFile(makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc=s=320x180:r=30:d=4", "-c:v", "libx264", "-preset", "ultrafast",
		"-bf", "0", "-movflags", "+faststart"))
	if err != nil {
		t.Fatal(err)
	}
	noise := bytes.Clone(whole)
	for i := bytes.Index(noise, []byte("mdat")) + 4; i < len(noise); i++ {
		noise[i] = byte(i * 31)
	}
	half := whole[:len(whole)/2]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		content := map[string][]byte{"/half.mp4": half, "/noise.mp4": noise}[r.URL.Path]
		if content == nil { // it breaks at the half, always
			content = whole
			w = &breaking{w, len(half)}
		}
		http.ServeContent(w, r, "in.mp4", time.Time{}, bytes.NewReader(content))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer s.Close()
	p := newProcessor(t, Options{})
	process := func(name string) (Result, error) {
		return p.Process(t.Context(), Job{Input: s.URL + name, Container: Container{"mov", ".mp4", "video/mp4"}, Dir: t.TempDir()})
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

// breaking drops the connection after some bytes.
type breaking struct {
	http.ResponseWriter
	left int
}

func (b *breaking) Write(p []byte) (int, error) {
	if len(p) <= b.left {
		b.left -= len(p)
		return b.ResponseWriter.Write(p)
	}
	_, _ = b.ResponseWriter.Write(p[:b.left])
	panic(http.ErrAbortHandler)
}

// TestCertificatesOfOnesOwnAreTrusted reads a clip from a server whose certificate only the file given vouches for.
func TestCertificatesOfOnesOwnAreTrusted(t *testing.T) {
	t.Parallel()
	clip := makeClip(t, "in.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-t", "1", "-pix_fmt", "yuv420p")
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, clip) }))
	defer s.Close()
	trusted := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	if err := os.WriteFile(trusted, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	j := jobFor(t, clip)
	j.Input = s.URL + "/in.mp4"
	process(t, newProcessor(t, Options{CAFile: trusted}), j)

	j.Dir = t.TempDir()
	_, err := newProcessor(t, Options{}).Process(t.Context(), j)
	if _, refused := errors.AsType[*Rejection](err); err == nil || refused {
		t.Errorf("without the file: %v, want trouble of ours", err)
	}
}
