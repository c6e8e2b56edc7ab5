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

// nginxProxy is a real nginx in front of a site, with the configuration that we ship.
type nginxProxy struct {
	*site
	URL       string
	dir       string // with its configuration, and its temporary files if it has any
	accessLog string
	cmd       *exec.Cmd
}

// startNginx starts nginx in front of the site, on a free port; env are NAME=value variables of the templates.
func startNginx(t *testing.T, s *site, env ...string) *nginxProxy {
	t.Helper()
	f := launchNginx(t, s.upstreams(), filepath.Join(s.DataDir, "files"), env...)
	f.site = s
	eventually(t, "the site answers through nginx", func() bool { return f.answers() == http.StatusOK })
	return f
}

// answers returns the status of an answer, or 0 if there is none.
func (f *nginxProxy) answers() int {
	response, err := http.Get(f.URL + "/health")
	if err != nil {
		return 0
	}
	defer response.Body.Close()
	return response.StatusCode
}

// launchNginx starts nginx in front of any servers, and does not wait for it.
func launchNginx(t *testing.T, upstreams, files string, env ...string) *nginxProxy {
	t.Helper()
	binary, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal("nginx is missing; make test installs it")
	}
	address := fmt.Sprintf("127.0.0.1:%d", reservePort(t))
	f := &nginxProxy{URL: "http://" + address, dir: t.TempDir()}
	f.accessLog = filepath.Join(f.dir, "access.log")
	values := map[string]string{
		"NGINX_PORT": address, "NGINX_ROOM": f.dir, "UPSTREAM_SERVERS": upstreams, "FILES_ROOT": files,
		"ACCESS_LOG": f.accessLog, "PUBLIC_URL": "", "REAL_IP_FROM": "unix:",
	}
	for _, setting := range env {
		name, value, _ := strings.Cut(setting, "=")
		values[name] = value
	}
	for _, name := range []string{"nginx.conf", "showcase.conf"} {
		content := readFile(t, filepath.Join("../nginx", name+".template"))
		for variable, value := range values {
			content = strings.ReplaceAll(content, "${"+variable+"}", value)
		}
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	main := "daemon off;"
	if os.Geteuid() == 0 { // as root, nginx gives up its rights by default, but it must be able to read the files
		main += " user root;"
	}
	f.cmd = exec.Command(binary, "-p", f.dir, "-c", filepath.Join(f.dir, "nginx.conf"), "-e", "stderr", "-g", main)
	var output bytes.Buffer
	f.cmd.Stdout, f.cmd.Stderr = &output, &output
	if err := f.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = f.cmd.Process.Signal(syscall.SIGTERM)
		_ = f.cmd.Wait()
		if t.Failed() {
			t.Logf("nginx: %s", &output)
		}
	})
	return f
}

// upstreams lists the site's `app serve` processes in the form that the template needs.
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
	onlyInStage(t, onehost)
	t.Parallel()
	s := startSite(t, "TRUSTED_PROXIES=127.0.0.0/8", "MAX_UPLOAD_BYTES=1048576", "LOG_LEVEL=debug")
	f := startNginx(t, s)
	direct := s.URL
	s.URL = f.URL // from here on all requests go through nginx

	ana := s.newPerson(t, "")
	id := ana.upload(t, shortClip(t), "Behind nginx")
	var last event
	for last = range ana.events(t, id, "") {
		continue
	}
	if last.name != "final" || last.data.Status != "processed" {
		t.Fatalf("the stream ends with %+v", last)
	}
	v := ana.video(t, id)
	links := map[string]string{"processed": v.ProcessedURL, "poster": v.PosterURL, "original": v.OriginalURL}
	for name, link := range links {
		if !strings.HasPrefix(link, f.URL+"/media/") {
			t.Errorf("the %s link %s does not point to nginx", name, link)
		}
		s.get(t, link, "").want(t, http.StatusOK, "")
	}

	clip := s.get(t, v.ProcessedURL, "")
	for name, want := range map[string]string{
		"Content-Type": "video/mp4", "Accept-Ranges": "bytes", "Cache-Control": "public, max-age=3600, must-revalidate",
		"X-Content-Type-Options": "nosniff", "Server": "nginx", "X-Request-Id": "", // served by nginx, not by the app
	} {
		if got := clip.Header.Get(name); got != want {
			t.Errorf("the clip has %s %q, want %q", name, got, want)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.ProcessedURL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("If-None-Match", clip.Header.Get("ETag"))
	if again := send(t, request); again.Status != http.StatusNotModified || len(again.Body) != 0 {
		t.Errorf("the clip that a cache has is answered with %d and %d bytes", again.Status, len(again.Body))
	}
	request.Header.Del("If-None-Match")
	request.Header.Set("Range", "bytes=100-199")
	middle := send(t, request)
	if middle.Status != http.StatusPartialContent || !bytes.Equal(middle.Body, clip.Body[100:200]) {
		t.Errorf("range 100-199 is answered with %d and %d bytes", middle.Status, len(middle.Body))
	}

	original, _, _ := strings.Cut(v.OriginalURL, "?")
	s.get(t, original, "").want(t, http.StatusForbidden, "link_invalid")
	upload := filepath.Base(original)
	for _, path := range []string{
		"/media/processed/", "/media/processed/none.mp4", "/media/processed/../uploads/" + upload,
		"/media/processed/..%2fuploads/" + upload, "/media/processed../uploads/" + upload, "/metrics",
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

	t.Run("the app refuses what is too large", func(t *testing.T) {
		file := part{"file", strings.Repeat("x", 3<<20), "clip.mp4"}
		large := ana.postUploadForm(t, part{Name: "title", Value: "Large"}, file)
		large.want(t, http.StatusRequestEntityTooLarge, "too_large")
		body := strings.NewReader(`{"email":"` + strings.Repeat("x", 3<<20) + `"}`)
		a := s.do(t, http.MethodPost, "/api/auth/login", "", "application/json", body)
		if a.Status != http.StatusRequestEntityTooLarge || !bytes.Contains(a.Body, []byte(`"too_large"`)) {
			t.Errorf("a large login: %d %s", a.Status, a.Body)
		}
	})

	t.Run("nginx answers with the same problems as the app", func(t *testing.T) {
		large := `{"email":"` + strings.Repeat("x", 3<<20) + `"}`
		clip := strings.TrimPrefix(v.ProcessedURL, f.URL)
		for _, language := range []string{"", "es-CO,es;q=0.9,en;q=0.8", "en-GB,en;q=0.9,es;q=0.8", "fr,en;q=0.5"} {
			for _, c := range []struct {
				method, path, body string
				specific           bool // the app's detail says what is missing, and nginx's does not
			}{
				{http.MethodPost, "/api/auth/login", large, false},
				{http.MethodPost, clip, "", false},
				{http.MethodGet, "/media/processed/none.mp4", "", true},
				{http.MethodGet, "/media/processed/", "", true},
			} {
				nginx := fetchProblem(t, c.method, f.URL+c.path, c.body, language)
				app := fetchProblem(t, c.method, direct+c.path, c.body, language)
				if c.specific {
					nginx.Detail, app.Detail = "", ""
				}
				if nginx != app {
					t.Errorf("%s %s in %q: nginx answers %+v, the app %+v", c.method, c.path, language, nginx, app)
				}
			}
		}
	})

	t.Run("nginx answers what never reaches the app", func(t *testing.T) {
		for _, c := range []struct {
			path, header, value string
			status              int
			code                string
		}{
			{"/api/public/videos?q=" + strings.Repeat("x", 9000), "", "", http.StatusRequestURITooLong, "uri_too_long"},
			{"/api/public/videos", "X-Large", strings.Repeat("x", 20000), http.StatusBadRequest, "malformed"},
			{
				strings.TrimPrefix(v.ProcessedURL, f.URL), "Range", "bytes=999999999-",
				http.StatusRequestedRangeNotSatisfiable, "range_not_satisfiable",
			},
		} {
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.URL+c.path, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if c.header != "" {
				request.Header.Set(c.header, c.value)
			}
			send(t, request).want(t, c.status, c.code)
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, v.OriginalURL, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Range", "bytes=999999999-") // the app serves originals
		send(t, request).want(t, http.StatusRequestedRangeNotSatisfiable, "range_not_satisfiable")
	})

	t.Run("nginx streams uploads to the app", func(t *testing.T) {
		reader, writer := io.Pipe()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.URL+"/api/videos/upload", reader)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Authorization", "Bearer "+ana.Token)
		contentType, body := multipartBody(t,
			part{Name: "title", Value: "Slow"}, part{"file", shortClipContent(t), "clip.mp4"})
		request.Header.Set("Content-Type", contentType)
		done := make(chan apiResponse, 1)
		go func() { done <- send(t, request) }()
		half := body.Len() / 2
		if _, err := io.CopyN(writer, body, int64(half)); err != nil {
			t.Fatal(err)
		}
		// The app has the first half on its disk before the second half is sent.
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

	t.Run("forged addresses and hosts have no effect", func(t *testing.T) {
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

	t.Run("a deleted clip is gone at once", func(t *testing.T) {
		s.do(t, http.MethodDelete, "/api/videos/"+id, ana.Token, "", nil).want(t, http.StatusOK, "")
		if a := s.get(t, v.ProcessedURL, ""); a.Status != http.StatusNotFound ||
			a.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("nginx answers %d %v", a.Status, a.Header)
		}
	})

	t.Run("a site that is down", func(t *testing.T) {
		s.URL = direct
		if code := s.stop(t); code != 0 {
			t.Errorf("exit code %d", code)
		}
		s.URL = f.URL
		for _, path := range []string{"/health", "/media/processed/none.mp4"} {
			a := s.get(t, path, "")
			if a.Status != http.StatusBadGateway || a.Header.Get("Content-Type") != "application/problem+json" ||
				!bytes.Contains(a.Body, []byte(`"unavailable"`)) {
				t.Errorf("nginx answers %s with %d %s %s", path, a.Status, a.Header.Get("Content-Type"), a.Body)
			}
		}
	})
}

// problemResponse is a problem document and the response that carries it, without what differs between two requests.
type problemResponse struct {
	Type, Title, Detail, Code       string
	Status                          int
	httpStatus                      int
	contentType, contentTypeOptions string
}

func fetchProblem(t *testing.T, method, url, body, language string) (p problemResponse) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept-Language", language)
	a := send(t, request)
	a.decode(t, &p)
	p.httpStatus, p.contentType = a.Status, a.Header.Get("Content-Type")
	p.contentTypeOptions = a.Header.Get("X-Content-Type-Options")
	if a.Header.Get("X-Request-Id") == "" || !strings.Contains(string(a.Body), a.Header.Get("X-Request-Id")) {
		t.Errorf("%s %s: no request id", method, url)
	}
	return p
}

// nginx forwards the parts of direct uploads, which are larger than other bodies may be, without buffering them. It
// does not log their signatures.
func TestDirectUploadPartsGoThroughNginx(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	s := startSite(t, "TRUSTED_PROXIES=127.0.0.0/8")
	f := startNginx(t, s)
	s.URL = f.URL
	ana := s.newPerson(t, "")
	content := []byte(readFile(t, largeClip(t)))
	d := ana.beginDirectUpload(t, len(content))
	for i, p := range d.Parts {
		if !strings.HasPrefix(p.URL, f.URL+"/media/uploads/") {
			t.Fatalf("part %d goes to %s, not through nginx", p.Number, p.URL)
		}
		s.putPart(t, p.URL, content[int64(i)*d.PartSize:][:p.Size]).want(t, http.StatusOK, "")
	}
	buffered, err := filepath.Glob(filepath.Join(filepath.Dir(f.accessLog), "body", "*"))
	if err != nil || len(buffered) > 0 {
		t.Errorf("nginx buffered %q (%v)", buffered, err)
	}
	var v video
	s.post(t, "/api/videos/uploads/"+d.UploadID+"/complete", ana.Token, nil).
		want(t, http.StatusCreated, "").decode(t, &v)
	s.get(t, ana.video(t, v.VideoID).OriginalURL, "").want(t, http.StatusOK, "")
	eventually(t, "the original is in the log", func() bool {
		return strings.Count(readFile(t, f.accessLog), "/media/uploads/") > len(d.Parts)
	})
	if log := readFile(t, f.accessLog); strings.Contains(log, "signature") {
		t.Errorf("the log contains signed links:\n%s", log)
	}
}

// scratchBytes returns the size of the uploads in progress.
func scratchBytes(t *testing.T, s *site) int64 {
	t.Helper()
	var total int64
	scratch := filepath.Join(s.DataDir, "files", ".scratch")
	_ = filepath.WalkDir(scratch, func(_ string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return nil // a file may have been removed meanwhile
		}
		if info, err := entry.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}
