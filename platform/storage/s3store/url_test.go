package s3store_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"risingstars/platform/storage"
	"risingstars/platform/storage/s3store/s3test"
)

func fetch(t *testing.T, target string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { res.Body.Close() })
	return res
}

// A file that a client declares to be a web page must not be served as one.
func TestURLsServeTheTypeOfTheExtension(t *testing.T) {
	t.Parallel()
	b := bucket(t, open(t, options(t, s3test.New(t).Name)))
	opts := storage.PutOptions{ContentType: "text/html"}
	if _, err := b.Put(t.Context(), key, strings.NewReader("<script>"), opts); err != nil {
		t.Fatal(err)
	}
	if obj, err := b.Stat(t.Context(), key); err != nil || obj.ContentType != "text/html" {
		t.Fatalf("Stat = %+v, %v, want the given type", obj, err)
	}
	link, err := b.URL(t.Context(), key, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	res := fetch(t, link)
	for name, want := range map[string]string{
		"Content-Type":        "video/mp4",
		"Content-Disposition": "inline; filename=clip.mp4",
		"Cache-Control":       "private, no-store",
	} {
		if got := res.Header.Get(name); res.StatusCode != http.StatusOK || got != want {
			t.Errorf("%s with %s %q, want %q", res.Status, name, got, want)
		}
	}

	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	query.Set("response-content-type", "text/html")
	u.RawQuery = query.Encode()
	if res := fetch(t, u.String()); res.StatusCode != http.StatusForbidden {
		t.Errorf("with another type: %s, want 403", res.Status)
	}
}

func TestURLLifetimesAreThoseThatS3Allows(t *testing.T) {
	t.Parallel()
	b := bucket(t, open(t, options(t, s3test.New(t).Name)))
	for ttl, want := range map[time.Duration]string{
		time.Millisecond:        "1",
		90 * time.Second:        "90",
		1500 * time.Millisecond: "2",
		7 * 24 * time.Hour:      "604800",
		7*24*time.Hour + 1:      "",
	} {
		link, err := b.URL(t.Context(), key, ttl)
		u, parseErr := url.Parse(link)
		if parseErr != nil {
			t.Fatal(parseErr)
		}
		if got := u.Query().Get("X-Amz-Expires"); got != want || (err == nil) != (want != "") {
			t.Errorf("a URL for %s is valid for %q s (%v), want %q", ttl, got, err, want)
		}
	}
}

func TestPublicObjectsAreReadFromTheCDN(t *testing.T) {
	t.Parallel()
	opts := options(t, s3test.New(t).Name)
	opts.PublicURL, opts.PublicPrefixes = "https://clips.example.com/", []string{"processed/"}
	b := bucket(t, open(t, opts))
	got, err := b.URL(t.Context(), "processed/a-1.mp4", time.Minute)
	if want := "https://clips.example.com/processed/a-1.mp4"; err != nil || got != want {
		t.Errorf("a rendition is at %s (%v), want %s", got, err, want)
	}
	got, err = b.URL(t.Context(), "uploads/a.mp4", time.Minute)
	if err != nil || !strings.HasPrefix(got, opts.EndpointURL) {
		t.Errorf("an original is at %s (%v), want a URL of the bucket", got, err)
	}
}

func TestPublicObjectsHaveLastingAddressesOnTheSite(t *testing.T) {
	t.Parallel()
	opts := options(t, s3test.New(t).Name)
	opts.SitePath, opts.PublicPrefixes = "/media/", []string{"processed/"}
	b := bucket(t, open(t, opts))
	const rendition = "processed/a-1.mp4"
	if _, err := b.Put(t.Context(), rendition, strings.NewReader("clip"), storage.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	got, err := b.URL(t.Context(), rendition, time.Minute)
	if err != nil || got != "/media/"+rendition {
		t.Errorf("a rendition is at %s (%v)", got, err)
	}
	signed, err := b.SignedURL(t.Context(), rendition, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if res := fetch(t, signed); res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "video/mp4" {
		t.Errorf("the signed URL answers %s", res.Status)
	}
	got, err = b.URL(t.Context(), "uploads/a.mp4", time.Minute)
	if err != nil || !strings.HasPrefix(got, opts.EndpointURL) {
		t.Errorf("an original is at %s (%v), want a URL of the bucket", got, err)
	}
}

// A CDN reads what is stored with the object; a browser with a presigned URL reads what the URL asks for.
func TestCachesKeepPublicObjectsForAnHourAndNoOthers(t *testing.T) {
	t.Parallel()
	r := s3test.New(t)
	opts := options(t, r.Name)
	opts.PublicPrefixes = []string{"processed/"}
	b := bucket(t, open(t, opts))
	large := strings.Repeat("x", storage.MinPartBytes+1) // in parts
	for key, want := range map[string]string{
		"processed/a.mp4": "public, max-age=3600, must-revalidate",
		"uploads/a.mp4":   "private, no-store",
	} {
		for _, content := range []string{"x", large} {
			if _, err := b.Put(t.Context(), key, strings.NewReader(content), storage.PutOptions{}); err != nil {
				t.Fatal(err)
			}
			stored, err := r.Client.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &r.Name, Key: &key})
			if err != nil || aws.ToString(stored.CacheControl) != want {
				t.Errorf("%s of %d bytes is stored with %q (%v), want %q", key, len(content),
					aws.ToString(stored.CacheControl), err, want)
			}
		}
		link, err := b.URL(t.Context(), key, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if res := fetch(t, link); res.Header.Get("Cache-Control") != want {
			t.Errorf("the URL of %s answers %q, want %q", key, res.Header.Get("Cache-Control"), want)
		}
	}
}
