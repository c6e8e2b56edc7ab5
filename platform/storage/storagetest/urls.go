package storagetest

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"risingstars/platform/storage"
)

const urlKey = "uploads/clip.mp4"

// link puts content under urlKey and returns its absolute URL.
func link(t *testing.T, b *storage.Bucket, site string, content []byte, ttl time.Duration) *url.URL {
	t.Helper()
	put(t, b, urlKey, content)
	raw, err := b.URL(t.Context(), urlKey, ttl)
	if err != nil {
		t.Fatal(err)
	}
	return absolute(t, raw, site)
}

func absolute(t *testing.T, raw, site string) *url.URL {
	t.Helper()
	u, err := url.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	if !u.IsAbs() {
		base, err := url.Parse(site)
		if err != nil {
			t.Fatal(err)
		}
		u = base.ResolveReference(u)
	}
	return u
}

func fetch(t *testing.T, method, target string, header http.Header) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(req.Header, header)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, body
}

func urlServesTheObject(t *testing.T, b *storage.Bucket, site string) {
	content := pattern(100_000)
	u := link(t, b, site, content, time.Hour)

	res, body := fetch(t, http.MethodGet, u.String(), nil)
	if res.StatusCode != http.StatusOK || !bytes.Equal(body, content) {
		t.Errorf("GET: %s with %d bytes, want 200 with the %d put", res.Status, len(body), len(content))
	}
	if got := res.Header.Get("Content-Type"); got != "video/mp4" {
		t.Errorf("Content-Type %q, want video/mp4", got)
	}
	res, body = fetch(t, http.MethodGet, u.String(), http.Header{"Range": {"bytes=99000-"}})
	if res.StatusCode != http.StatusPartialContent || !bytes.Equal(body, content[99_000:]) {
		t.Errorf("range: %s with %d bytes, want 206 with the last 1000", res.Status, len(body))
	}

	if err := b.Delete(t.Context(), urlKey); err != nil {
		t.Fatal(err)
	}
	if res, _ := fetch(t, http.MethodGet, u.String(), nil); res.StatusCode != http.StatusNotFound {
		t.Errorf("GET of a deleted object: %s, want 404", res.Status)
	}
}

func expiredURLIsRefused(t *testing.T, b *storage.Bucket, site string) {
	var u *url.URL
	useBeforeExpiry(t, func(ttl time.Duration) int {
		u = link(t, b, site, []byte("x"), ttl)
		res, _ := fetch(t, http.MethodGet, u.String(), nil)
		return res.StatusCode
	})
	deadline := time.Now().Add(timeout)
	for {
		res, _ := fetch(t, http.MethodGet, u.String(), nil)
		if res.StatusCode == http.StatusForbidden {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("GET a minute later: %s, want 403", res.Status)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// useBeforeExpiry calls use, which creates a URL for ttl and uses it at once, with longer and longer ttl, until the
// machine is fast enough to use the URL before it expires. It fails the test if a URL is refused that cannot have
// expired yet; a store that counts whole seconds may shorten ttl by one second.
func useBeforeExpiry(t *testing.T, use func(ttl time.Duration) (status int)) {
	t.Helper()
	for ttl := time.Second; ; ttl *= 2 {
		start := time.Now()
		status := use(ttl)
		took := time.Since(start)
		if status == http.StatusOK {
			return
		}
		if status != http.StatusForbidden || took < ttl-time.Second || ttl > timeout/2 {
			t.Fatalf("used after %s of a lifetime of %s: status %d, want 200", took, ttl, status)
		}
	}
}

func tamperedURLIsRefused(t *testing.T, b *storage.Bucket, site string) {
	put(t, b, "uploads/other.mp4", []byte("secret"))
	good := link(t, b, site, []byte("x"), time.Hour)
	if res, _ := fetch(t, http.MethodGet, good.String(), nil); res.StatusCode != http.StatusOK {
		t.Fatalf("GET of the unchanged URL: %s, want 200", res.Status)
	}

	otherKey := *good
	otherKey.Path = strings.Replace(good.Path, "clip.mp4", "other.mp4", 1)
	tampered := map[string]string{"another key": otherKey.String()}
	for name, values := range good.Query() {
		value := values[0]
		query := good.Query()
		switch lower := strings.ToLower(name); {
		case strings.HasSuffix(lower, "signature"):
			query.Set(name, flip(value))
			tampered["another signature"] = withQuery(good, query)
			query.Set(name, "")
			tampered["empty signature"] = withQuery(good, query)
			query.Set(name, value[:len(value)/2])
			tampered["half a signature"] = withQuery(good, query)
		case strings.HasSuffix(lower, "expires"):
			query.Set(name, "9"+value)
			tampered["longer lifetime"] = withQuery(good, query)
		}
	}
	if len(tampered) != 5 {
		t.Fatalf("no signature and expiry in the query %v", good.Query())
	}
	for name, target := range tampered {
		res, body := fetch(t, http.MethodGet, target, nil)
		// S3 answers an impossible lifetime with 400.
		if res.StatusCode != http.StatusForbidden && res.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s %q, want a refusal", name, res.Status, body)
		}
	}
}

func urlIsForReadingOnly(t *testing.T, b *storage.Bucket, site string) {
	u := link(t, b, site, []byte("x"), time.Hour)
	for _, method := range []string{http.MethodPut, http.MethodPost, http.MethodDelete} {
		if res, _ := fetch(t, method, u.String(), nil); res.StatusCode < 400 {
			t.Errorf("%s: %s, want a refusal", method, res.Status)
		}
	}
	if got := get(t, b, urlKey); string(got) != "x" {
		t.Errorf("the object reads %q", got)
	}
}

func urlNeedsALifetime(t *testing.T, b *storage.Bucket, _ string) {
	for _, ttl := range []time.Duration{0, -time.Second} {
		if u, err := b.URL(t.Context(), urlKey, ttl); err == nil {
			t.Errorf("a URL for %v: %s", ttl, u)
		}
	}
}

// flip replaces the first character by another one of the same alphabet.
func flip(s string) string {
	if s[0] == 'a' {
		return "b" + s[1:]
	}
	return "a" + s[1:]
}

func withQuery(u *url.URL, query url.Values) string {
	changed := *u
	changed.RawQuery = query.Encode()
	return changed.String()
}
