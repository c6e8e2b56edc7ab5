package diskstore_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"risingstars/platform/fault"
	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

type site struct {
	root    string
	bucket  *storage.Bucket
	store   *diskstore.Store
	handler http.Handler
}

// handler serves a store's files and answers each fault with the status of its kind.
func handler(store *diskstore.Store) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		statuses := map[fault.Kind]int{
			fault.Concurrent: http.StatusConflict,
			fault.Forbidden:  http.StatusForbidden,
			fault.NotFound:   http.StatusNotFound,
			fault.Malformed:  http.StatusBadRequest,
		}
		if err := store.Serve(w, r); err != nil {
			http.Error(w, err.Error(), statuses[fault.From(err).Kind])
		}
	})
}

// setup returns a site with a public and a private object.
func setup(t *testing.T) site {
	t.Helper()
	root := t.TempDir()
	store := open(t, root)
	s := site{root, bucket(t, store), store, handler(store)}
	for _, key := range []string{"processed/a-1.mp4", "uploads/a.mov"} {
		if _, err := s.bucket.Put(t.Context(), key, strings.NewReader("0123456789"), storage.PutOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s site) url(t *testing.T, key string) string {
	t.Helper()
	u, err := s.bucket.URL(t.Context(), key, time.Hour)
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

func TestPublicObjectsNeedNoSignatureAndAreCachedForAnHour(t *testing.T) {
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
		"Content-Type":           "video/mp4",
		"Content-Length":         "10",
		"Accept-Ranges":          "bytes",
		"X-Content-Type-Options": "nosniff",
		"Cache-Control":          "public, max-age=3600, must-revalidate",
		"Content-Disposition":    "",
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

	type header map[string]string
	for name, c := range map[string]struct {
		method string
		header header
		status int
		body   string
	}{
		"head":           {http.MethodHead, nil, 200, ""},
		"range":          {http.MethodGet, header{"Range": "bytes=2-4"}, 206, "234"},
		"suffix":         {http.MethodGet, header{"Range": "bytes=-3"}, 206, "789"},
		"out of range":   {http.MethodGet, header{"Range": "bytes=10-"}, 416, "invalid range: failed to overlap\n"},
		"same version":   {http.MethodGet, header{"If-None-Match": etag}, 304, ""},
		"other version":  {http.MethodGet, header{"If-None-Match": `"1-1"`}, 200, "0123456789"},
		"if-range":       {http.MethodGet, header{"Range": "bytes=2-4", "If-Range": etag}, 206, "234"},
		"stale if-range": {http.MethodGet, header{"Range": "bytes=2-4", "If-Range": `"1-1"`}, 200, "0123456789"},
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

func TestRefusalsAreFaults(t *testing.T) {
	t.Parallel()
	s := setup(t)
	good := s.url(t, "uploads/a.mov")
	for name, c := range map[string]struct {
		target, code string
		kind         fault.Kind
	}{
		"unsigned":               {"/media/uploads/a.mov", "link_invalid", fault.Forbidden},
		"unsigned and missing":   {"/media/uploads/none.mov", "link_invalid", fault.Forbidden},
		"never expires":          {strings.Replace(good, "expires=", "forever=", 1), "link_invalid", fault.Forbidden},
		"expired":                {s.expired(t, "uploads/a.mov"), "link_expired", fault.Forbidden},
		"signed but missing":     {s.url(t, "uploads/none.mov"), "not_found", fault.NotFound},
		"public but missing":     {"/media/processed/none.mp4", "not_found", fault.NotFound},
		"folder":                 {"/media/processed", "link_invalid", fault.Forbidden},
		"folder with a slash":    {"/media/processed/", "not_found", fault.NotFound},
		"no key":                 {"/media/", "not_found", fault.NotFound},
		"another path":           {"/other/processed/a-1.mp4", "not_found", fault.NotFound},
		"upwards":                {"/media/processed/../uploads/a.mov", "not_found", fault.NotFound},
		"upwards, escaped":       {"/media/processed/%2e%2e/uploads/a.mov", "not_found", fault.NotFound},
		"upwards, one segment":   {"/media/processed/..%2fuploads%2fa.mov", "not_found", fault.NotFound},
		"upwards, twice escaped": {"/media/processed/%252e%252e/uploads/a.mov", "not_found", fault.NotFound},
		"NUL":                    {"/media/processed/a-1.mp4%00", "not_found", fault.NotFound},
	} {
		w := httptest.NewRecorder()
		err := s.store.Serve(w, httptest.NewRequest(http.MethodGet, c.target, http.NoBody))
		if got := fault.From(err); err == nil || got.Code != c.code || got.Kind != c.kind {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
		if w.Body.Len() > 0 || len(w.Header()) > 0 {
			t.Errorf("%s: Serve wrote %v %q, want nothing", name, w.Header(), w.Body)
		}
	}
}

// expired returns a URL that has expired. Its lifetime of a nanosecond is rounded up to the next full second of the
// clock.
func (s site) expired(t *testing.T, key string) string {
	t.Helper()
	u, err := s.bucket.URL(t.Context(), key, time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	deadline := time.After(time.Minute)
	for s.do(http.MethodGet, u, nil).Code == http.StatusOK {
		select {
		case <-deadline:
			t.Fatal("the URL does not expire")
		case <-time.After(20 * time.Millisecond):
		}
	}
	return u
}

func TestNoURLReachesTemporaryFiles(t *testing.T) {
	t.Parallel()
	s := setup(t)
	file := filepath.Join(s.root, ".scratch", "put-1")
	if err := os.WriteFile(file, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{
		"/media/.scratch/put-1",
		"/media/processed/../.scratch/put-1",
		"/media/%2escratch/put-1",
	} {
		w := s.do(http.MethodGet, path, nil)
		if w.Code != http.StatusNotFound || strings.Contains(w.Body.String(), "half") {
			t.Errorf("%s: %d %q, want 404", path, w.Code, w.Body)
		}
	}
}

func TestURLsSignedWithAnotherSecretAreRefused(t *testing.T) {
	t.Parallel()
	s := setup(t)
	other, err := diskstore.Open(diskstore.Options{Root: s.root, Secret: []byte("another-secret-another-secret-32")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	forged, err := other.URL(t.Context(), "uploads/a.mov", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if w := s.do(http.MethodGet, forged, nil); w.Code != http.StatusForbidden {
		t.Errorf("GET: %d, want 403", w.Code)
	}
}

// Links that the previous secret signed work while it is accepted, and the store signs none with it.
func TestURLsSignedWithAnAcceptedSecretWork(t *testing.T) {
	t.Parallel()
	s := setup(t)
	old, present := []byte("another-secret-another-secret-32"), []byte("a-new-secret-a-new-secret-a-new-")
	open := func(o diskstore.Options) *diskstore.Store {
		o.Root = s.root
		store, err := diskstore.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { store.Close() })
		return store
	}
	before := open(diskstore.Options{Secret: old})
	after := open(diskstore.Options{Secret: present, Accepted: [][]byte{old}})
	for _, test := range []struct {
		signs, serves *diskstore.Store
		works         bool
	}{{before, after, true}, {after, after, true}, {after, before, false}} {
		link, err := test.signs.URL(t.Context(), "uploads/a.mov", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		err = test.serves.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, link, http.NoBody))
		if (err == nil) != test.works {
			t.Errorf("%v", err)
		}
	}
}

// A symbolic link out of the store is an internal error, not a missing file.
func TestSymbolicLinkOutOfTheStoreIsAnInternalError(t *testing.T) {
	t.Parallel()
	s := setup(t)
	if err := os.Symlink("/etc/hostname", filepath.Join(s.root, "processed", "b.mp4")); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodGet, "/media/processed/b.mp4", http.NoBody)
	err := s.store.Serve(httptest.NewRecorder(), r)
	if fault.From(err).Kind != fault.Internal {
		t.Errorf("Serve: %v, want an internal error", err)
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
