package diskstore_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

type site struct {
	root    string
	bucket  *storage.Bucket
	handler http.Handler
}

// setup has a public and a private object.
func setup(t *testing.T) site {
	t.Helper()
	root := t.TempDir()
	store := open(t, root)
	s := site{root, bucket(t, store), store.Handler()}
	for _, key := range []string{"processed/a-1.mp4", "uploads/a.mov"} {
		if _, err := s.bucket.Put(t.Context(), key, strings.NewReader("0123456789"), storage.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s site) url(t *testing.T, key string) string {
	t.Helper()
	u, err := s.bucket.URL(t.Context(), key, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func (s site) do(method, target string, header map[string]string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, target, http.NoBody)
	for name, value := range header {
		req.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, req)
	return w
}

func TestPublicObjectsNeedNoSignatureAndAreCachedForever(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.url(t, "processed/a-1.mp4")
	if u != "/media/processed/a-1.mp4" {
		t.Errorf("URL = %s", u)
	}
	w := s.do(http.MethodGet, u, nil)
	if w.Code != http.StatusOK || w.Body.String() != "0123456789" {
		t.Fatalf("GET: %d %q", w.Code, w.Body)
	}
	wantHeaders(t, w, map[string]string{
		"Content-Type": "video/mp4", "Content-Length": "10", "Accept-Ranges": "bytes", "X-Content-Type-Options": "nosniff",
		"Cache-Control": "public, max-age=31536000, immutable", "Content-Disposition": "",
	})
}

func TestPrivateObjectsAreNotCached(t *testing.T) {
	t.Parallel()
	s := setup(t)
	w := s.do(http.MethodGet, s.url(t, "uploads/a.mov"), nil)
	if w.Code != http.StatusOK || w.Body.String() != "0123456789" {
		t.Fatalf("GET: %d %q", w.Code, w.Body)
	}
	wantHeaders(t, w, map[string]string{
		"Content-Type": "video/quicktime", "X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store",
	})
}

func TestRangesAndConditions(t *testing.T) {
	t.Parallel()
	s := setup(t)
	u := s.url(t, "processed/a-1.mp4")
	etag := s.do(http.MethodGet, u, nil).Header().Get("ETag")

	for name, c := range map[string]struct {
		method string
		header map[string]string
		status int
		body   string
	}{
		"head":           {http.MethodHead, nil, 200, ""},
		"range":          {http.MethodGet, map[string]string{"Range": "bytes=2-4"}, 206, "234"},
		"suffix":         {http.MethodGet, map[string]string{"Range": "bytes=-3"}, 206, "789"},
		"out of range":   {http.MethodGet, map[string]string{"Range": "bytes=10-"}, 416, "invalid range: failed to overlap\n"},
		"same version":   {http.MethodGet, map[string]string{"If-None-Match": etag}, 304, ""},
		"other version":  {http.MethodGet, map[string]string{"If-None-Match": `"1-1"`}, 200, "0123456789"},
		"if-range":       {http.MethodGet, map[string]string{"Range": "bytes=2-4", "If-Range": etag}, 206, "234"},
		"stale if-range": {http.MethodGet, map[string]string{"Range": "bytes=2-4", "If-Range": `"1-1"`}, 200, "0123456789"},
	} {
		if w := s.do(c.method, u, c.header); w.Code != c.status || w.Body.String() != c.body {
			t.Errorf("%s: %d %q, want %d %q", name, w.Code, w.Body, c.status, c.body)
		}
	}
}

func TestDownloadIsAnAttachment(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for u, want := range map[string]string{
		s.url(t, "processed/a-1.mp4") + "?download=1": "attachment; filename=a-1.mp4",
		s.url(t, "uploads/a.mov") + "&download=1":     "attachment; filename=a.mov",
	} {
		wantHeaders(t, s.do(http.MethodGet, u, nil), map[string]string{"Content-Disposition": want})
	}
}

func TestRefusalsAreProblemDocuments(t *testing.T) {
	t.Parallel()
	s := setup(t)
	good := s.url(t, "uploads/a.mov")
	forbidden := func(code, detail string) diskstore.Problem {
		return diskstore.Problem{Type: "about:blank", Title: "Forbidden", Status: 403, Code: code, Detail: detail}
	}
	missing := diskstore.Problem{Type: "about:blank", Title: "Not Found", Status: 404, Code: "not_found", Detail: "El archivo no existe."}
	unsigned := forbidden("link_invalid", "El enlace no es válido.")

	for name, c := range map[string]struct {
		target, language string
		want             diskstore.Problem
	}{
		"unsigned":               {"/media/uploads/a.mov", "", unsigned},
		"unsigned, English":      {"/media/uploads/a.mov", "en-GB,es;q=0.5", forbidden("link_invalid", "The link is not valid.")},
		"unsigned, French":       {"/media/uploads/a.mov", "fr", unsigned},
		"unsigned, Spanish":      {"/media/uploads/a.mov", "es-CO,en;q=0.9", unsigned},
		"unsigned and missing":   {"/media/uploads/none.mov", "", unsigned},
		"never expires":          {strings.Replace(good, "expires=", "forever=", 1), "", unsigned},
		"expired":                {s.expired(t, "uploads/a.mov"), "", forbidden("link_expired", "El enlace ha caducado.")},
		"expired, English":       {s.expired(t, "uploads/a.mov"), "en", forbidden("link_expired", "The link has expired.")},
		"signed but missing":     {s.url(t, "uploads/none.mov"), "", missing},
		"public but missing":     {"/media/processed/none.mp4", "", missing},
		"folder":                 {"/media/processed", "", unsigned},
		"folder with a slash":    {"/media/processed/", "", missing},
		"no key":                 {"/media/", "", missing},
		"another path":           {"/other/processed/a-1.mp4", "", missing},
		"upwards":                {"/media/processed/../uploads/a.mov", "", missing},
		"upwards, escaped":       {"/media/processed/%2e%2e/uploads/a.mov", "", missing},
		"upwards, one segment":   {"/media/processed/..%2fuploads%2fa.mov", "", missing},
		"upwards, twice escaped": {"/media/processed/%252e%252e/uploads/a.mov", "", missing},
		"NUL":                    {"/media/processed/a-1.mp4%00", "", missing},
	} {
		header := map[string]string{}
		if c.language != "" {
			header["Accept-Language"] = c.language
		}
		w := s.do(http.MethodGet, c.target, header)
		wantHeaders(t, w, map[string]string{"Content-Type": "application/problem+json", "Cache-Control": "no-store"})
		var got diskstore.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Errorf("%s: %v in %q", name, err, w.Body)
			continue
		}
		if d := cmp.Diff(c.want, got); d != "" || w.Code != c.want.Status {
			t.Errorf("%s: %d (-want +got):\n%s", name, w.Code, d)
		}
	}

	w := s.do(http.MethodPost, good, nil)
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("POST: %d, Allow %q", w.Code, w.Header().Get("Allow"))
	}
}

// expired is a URL that was good for a nanosecond; it lives up to a second, the rest of the clock's.
func (s site) expired(t *testing.T, key string) string {
	t.Helper()
	u, err := s.bucket.URL(t.Context(), key, time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.After(10 * time.Second)
	for s.do(http.MethodGet, u, nil).Code == http.StatusOK {
		select {
		case <-deadline:
			t.Fatal("the URL does not expire")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return u
}

func TestUploadsInFlightAreReachedByNoURL(t *testing.T) {
	t.Parallel()
	s := setup(t)
	file := filepath.Join(s.root, ".scratch", "put-1")
	if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/media/.scratch/put-1", "/media/processed/../.scratch/put-1", "/media/%2escratch/put-1"} {
		if w := s.do(http.MethodGet, path, nil); w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "half") {
			t.Errorf("%s: %d %q, want 404", path, w.Code, w.Body)
		}
	}
}

func TestAnotherSecretSignsNothing(t *testing.T) {
	t.Parallel()
	s := setup(t)
	other, err := diskstore.Open(diskstore.Options{Root: s.root, Secret: []byte("another-secret-another-secret-32")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	forged, err := other.URL(t.Context(), "uploads/a.mov", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if w := s.do(http.MethodGet, forged, nil); w.Code != http.StatusForbidden {
		t.Errorf("GET: %d, want 403", w.Code)
	}
}

func TestTheSitesOwnProblemWriterIsUsed(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	var got diskstore.Problem
	store, err := diskstore.Open(diskstore.Options{
		Root: root, Secret: secret(), PublicPrefixes: []string{"processed/"},
		WriteProblem: func(w http.ResponseWriter, _ *http.Request, p diskstore.Problem) {
			got = p
			w.WriteHeader(p.Status)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	s := site{root: root, handler: store.Handler()}

	// A link out of the store is trouble of ours, not a missing file.
	if err := os.Mkdir(filepath.Join(root, "processed"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/hostname", filepath.Join(root, "processed", "a.mp4")); err != nil {
		t.Fatal(err)
	}
	w := s.do(http.MethodGet, "/media/processed/a.mp4", nil)
	if w.Code != http.StatusInternalServerError || got.Code != "internal" || got.Cause == nil {
		t.Errorf("GET: %d with %+v, want 500 and its cause", w.Code, got)
	}
}

func TestURLsLiveNoShorterThanAsked(t *testing.T) {
	t.Parallel()
	s := setup(t)
	end := time.Now().Add(time.Minute) // s.url asks for as much
	u, err := url.Parse(s.url(t, "uploads/a.mov"))
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseInt(u.Query().Get("expires"), 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if got := time.Unix(seconds, 0); got.Before(end) || got.After(end.Add(5*time.Second)) {
		t.Errorf("expires %v, want %v or little later", got, end)
	}
}

func wantHeaders(t *testing.T, w *httptest.ResponseRecorder, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got := w.Header().Get(name); got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
}
