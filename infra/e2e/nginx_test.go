package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// front is a real nginx with the file that we ship, before a site.
type front struct {
	*site
	URL       string
	accessLog string
}

// nginxMain is the part of the configuration that a distribution or an image brings along.
const nginxMain = `daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 256; }
http {
	access_log off;
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	include %[1]s/showcase.conf;
}
`

// startNginx puts nginx before the site, on a free port.
func startNginx(t *testing.T, s *site) *front {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal("nginx is missing; make test installs it")
	}
	template, err := os.ReadFile("../nginx/showcase.conf.template")
	if err != nil {
		t.Fatal(err)
	}
	dir, port := t.TempDir(), lowPort(t)
	// As root, nginx drops its rights, and must still reach the files.
	user := ""
	if os.Geteuid() == 0 {
		user = "user root;\n"
	}
	values := strings.NewReplacer("${NGINX_PORT}", fmt.Sprintf("127.0.0.1:%d", port), "${FILES_ROOT}", filepath.Join(s.DataDir, "files"),
		"${UPSTREAM_SERVERS}", s.upstreams(), "${ACCESS_LOG}", filepath.Join(dir, "access.log"))
	for name, content := range map[string]string{"nginx.conf": user + fmt.Sprintf(nginxMain, dir), "showcase.conf": values.Replace(string(template))} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(binary, "-p", dir, "-c", filepath.Join(dir, "nginx.conf"), "-e", filepath.Join(dir, "error.log"))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if log, err := os.ReadFile(filepath.Join(dir, "error.log")); err == nil && t.Failed() {
			t.Logf("nginx: %s%s", output.String(), log)
		}
	})
	f := &front{site: s, URL: fmt.Sprintf("http://127.0.0.1:%d", port), accessLog: filepath.Join(dir, "access.log")}
	eventually(t, "nginx answers", func() bool {
		response, err := http.Get(f.URL + "/health")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	return f
}

// upstreams are the site's processes that serve, as the template wants them.
func (s *site) upstreams() string {
	var servers strings.Builder
	for _, p := range s.processes {
		if p.role() == "serve" {
			fmt.Fprintf(&servers, "server %s max_fails=0; ", strings.TrimPrefix(p.URL, "http://"))
		}
	}
	return servers.String()
}

func TestSiteBehindNginx(t *testing.T) {
	only(t, embedded, onehost)
	t.Parallel()
	s := startSite(t, "TRUSTED_PROXIES=127.0.0.0/8", "MAX_UPLOAD_BYTES=1048576", "LOG_LEVEL=debug")
	f := startNginx(t, s)
	direct := s.URL
	s.URL = f.URL // from here on the client knows nginx only

	ana := s.join(t, "")
	id := ana.upload(t, shortClip(t), "Behind nginx")
	var last event
	for last = range ana.events(t, id, "") {
		continue
	}
	if last.name != "final" || last.data.Status != "processed" {
		t.Fatalf("the stream ends with %+v", last)
	}
	v := ana.video(t, id)
	for name, link := range map[string]string{"processed": v.ProcessedURL, "poster": v.PosterURL, "original": v.OriginalURL} {
		if !strings.HasPrefix(link, f.URL+"/media/") {
			t.Errorf("the %s link %s does not lead through nginx", name, link)
		}
		s.get(t, link, "").want(t, http.StatusOK, "")
	}

	clip := s.get(t, v.ProcessedURL, "")
	for name, want := range map[string]string{
		"Content-Type": "video/mp4", "Accept-Ranges": "bytes", "Cache-Control": "public, max-age=31536000, immutable",
		"X-Content-Type-Options": "nosniff", "Server": "nginx", "X-Request-Id": "", // nginx itself, not the app
	} {
		if got := clip.Header.Get(name); got != want {
			t.Errorf("the clip has %s %q, want %q", name, got, want)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.ProcessedURL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Range", "bytes=100-199")
	if part := send(t, request); part.Status != http.StatusPartialContent || !bytes.Equal(part.Body, clip.Body[100:200]) {
		t.Errorf("a range gives %d and %d bytes", part.Status, len(part.Body))
	}

	original, _, _ := strings.Cut(v.OriginalURL, "?")
	s.get(t, original, "").want(t, http.StatusForbidden, "link_invalid")
	for _, path := range []string{
		"/media/processed/", "/media/processed/none.mp4", "/media/processed/../uploads/" + filepath.Base(original),
		"/media/processed/..%2fuploads/" + filepath.Base(original), "/media/processed../uploads/" + filepath.Base(original), "/metrics",
	} {
		if a := s.get(t, path, ""); a.Status < 400 {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
	missing := s.get(t, "/media/processed/none.mp4", "")
	if missing.Status != http.StatusNotFound || missing.Header.Get("Content-Type") != "application/problem+json" ||
		!bytes.Contains(missing.Body, []byte(`"not_found"`)) {
		t.Errorf("a missing clip: %d %s %s", missing.Status, missing.Header.Get("Content-Type"), missing.Body)
	}

	t.Run("the app says what is too large", func(t *testing.T) {
		large := ana.form(t, part{Name: "title", Value: "Large"}, part{"file", strings.Repeat("x", 3<<20), "clip.mp4"})
		large.want(t, http.StatusRequestEntityTooLarge, "too_large")
		body := strings.NewReader(`{"email":"` + strings.Repeat("x", 3<<20) + `"}`)
		a := s.do(t, http.MethodPost, "/api/auth/login", "", "application/json", body)
		if a.Status != http.StatusRequestEntityTooLarge || !bytes.Contains(a.Body, []byte(`"too_large"`)) {
			t.Errorf("a large login: %d %s", a.Status, a.Body)
		}
	})

	t.Run("nginx's own problems are the API's", func(t *testing.T) {
		large := `{"email":"` + strings.Repeat("x", 3<<20) + `"}`
		clip := strings.TrimPrefix(v.ProcessedURL, f.URL)
		for _, language := range []string{"", "es-CO,es;q=0.9,en;q=0.8", "en-GB,en;q=0.9,es;q=0.8", "fr,en;q=0.5"} {
			for _, c := range []struct {
				method, path, body string
				named              bool // the app's words name what is missing
			}{
				{http.MethodPost, "/api/auth/login", large, false},
				{http.MethodPost, clip, "", false},
				{http.MethodGet, "/media/processed/none.mp4", "", true},
				{http.MethodGet, "/media/processed/", "", true},
			} {
				nginx, app := problemOf(t, c.method, f.URL+c.path, c.body, language), problemOf(t, c.method, direct+c.path, c.body, language)
				if c.named {
					nginx.Detail, app.Detail = "", ""
				}
				if nginx != app {
					t.Errorf("%s %s in %q: nginx says %+v, the app %+v", c.method, c.path, language, nginx, app)
				}
			}
		}
	})

	t.Run("uploads stream through", func(t *testing.T) {
		reader, writer := io.Pipe()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/api/videos/upload", reader)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+ana.Token)
		contentType, body := multipartBody(t, part{Name: "title", Value: "Slow"}, part{"file", fileText(t, shortClip(t)), "clip.mp4"})
		request.Header.Set("Content-Type", contentType)
		done := make(chan answer, 1)
		go func() { done <- send(t, request) }()
		half := body.Len() / 2
		if _, err := io.CopyN(writer, body, int64(half)); err != nil {
			t.Fatal(err)
		}
		// The app holds the first half on its disk while the second is not even sent.
		eventually(t, "the first half arrives at the app", func() bool { return scratchBytes(t, s) > int64(half)/2 })
		if _, err := io.Copy(writer, body); err != nil {
			t.Fatal(err)
		}
		if err := writer.Close(); err != nil {
			t.Fatal(err)
		}
		a := <-done
		a.want(t, http.StatusCreated, "")
	})

	t.Run("nobody forges an address or a host", func(t *testing.T) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+"/api/public/videos", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("X-Forwarded-For", "203.0.113.9")
		request.Header.Set("X-Forwarded-Host", "evil.example")
		request.Header.Set("X-Forwarded-Proto", "https")
		a := send(t, request).want(t, http.StatusOK, "")
		if bytes.Contains(a.Body, []byte("evil.example")) || strings.Contains(a.Header.Get("Link"), "evil.example") ||
			strings.Contains(s.log.String(), "203.0.113.9") {
			t.Errorf("forged headers have an effect: %s %s", a.Header.Get("Link"), a.Body)
		}
	})

	t.Run("gzip and security headers", func(t *testing.T) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+"/openapi.json", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Accept-Encoding", "gzip")
		a := send(t, request)
		if a.Status != http.StatusOK || a.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("openapi: %d %v", a.Status, a.Header)
		}
		if a.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("headers are %v", a.Header)
		}
	})

	t.Run("a site that is down", func(t *testing.T) {
		s.URL = direct
		if code := s.stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		s.URL = f.URL
		a := s.get(t, "/health", "")
		if a.Status != http.StatusBadGateway || a.Header.Get("Content-Type") != "application/problem+json" ||
			!bytes.Contains(a.Body, []byte(`"unavailable"`)) {
			t.Errorf("nginx says %d %s %s", a.Status, a.Header.Get("Content-Type"), a.Body)
		}
	})
}

// said is what a problem says to everybody who meets it.
type said struct {
	Type, Title, Detail, Code string
	Status                    int
	answered                  int
	contentType, sniffing     string
}

func problemOf(t *testing.T, method, url, body, language string) (p said) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept-Language", language)
	a := send(t, request)
	a.into(t, &p)
	p.answered, p.contentType, p.sniffing = a.Status, a.Header.Get("Content-Type"), a.Header.Get("X-Content-Type-Options")
	if a.Header.Get("X-Request-Id") == "" || !strings.Contains(string(a.Body), a.Header.Get("X-Request-Id")) {
		t.Errorf("%s %s: no request id", method, url)
	}
	return p
}

// TestPartsOfUploadsGoThroughNginx sends parts that are larger than other bodies may be, and looks for their links in its log.
func TestPartsOfUploadsGoThroughNginx(t *testing.T) {
	only(t, onehost)
	t.Parallel()
	s := startSite(t, "TRUSTED_PROXIES=127.0.0.0/8")
	f := startNginx(t, s)
	s.URL = f.URL
	ana := s.join(t, "")
	content := []byte(readFile(t, largeClip(t)))
	d := ana.beginDirect(t, len(content))
	for i, p := range d.Parts {
		if !strings.HasPrefix(p.URL, f.URL+"/media/uploads/") {
			t.Fatalf("part %d goes to %s, not through nginx", p.Number, p.URL)
		}
		s.putPart(t, p.URL, content[int64(i)*d.PartSize:][:p.Size]).want(t, http.StatusOK, "")
	}
	if buffered, err := filepath.Glob(filepath.Join(filepath.Dir(f.accessLog), "body", "*")); err != nil || len(buffered) > 0 {
		t.Errorf("nginx kept %q (%v)", buffered, err)
	}
	var v video
	s.post(t, "/api/videos/uploads/"+d.UploadID+"/complete", ana.Token, nil).want(t, http.StatusCreated, "").into(t, &v)
	s.get(t, ana.video(t, v.VideoID).OriginalURL, "").want(t, http.StatusOK, "")
	eventually(t, "the original is in the log", func() bool { return strings.Count(fileText(t, f.accessLog), "/media/uploads/") > len(d.Parts) })
	if log := fileText(t, f.accessLog); strings.Contains(log, "signature") {
		t.Errorf("the log holds signed links:\n%s", log)
	}
}

// fileText is a file's content as a form's value.
func fileText(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// scratchBytes is the size of the uploads in flight.
func scratchBytes(t *testing.T, s *site) int64 {
	t.Helper()
	var total int64
	_ = filepath.WalkDir(filepath.Join(s.DataDir, "files", ".scratch"), func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // it may be gone by now
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
