package s3store_test

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
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

func TestFfmpegReadsOnlyWhatItNeeds(t *testing.T) {
	t.Parallel()
	r, p := s3test.New(t), newProxy(t, nil, nil)
	file := filepath.Join(t.TempDir(), "original.mov")
	// Raw frames make a large file without the time for an encoder.
	source := "testsrc2=s=400x240:r=25"
	ffmpeg(t, "-f", "lavfi", "-i", source, "-t", "10", "-c:v", "rawvideo", "-pix_fmt", "uyvy422", file)
	opts := options(t, r.Name)
	opts.EndpointURL = p.url()
	b := bucket(t, open(t, opts))
	obj, err := b.PutFile(t.Context(), key, file, storage.PutOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if obj.Size < 40<<20 || obj.Size > 200<<20 {
		t.Fatalf("the original has %d MiB, want 40 to 200", obj.Size>>20)
	}
	if index, size := position(t, file, "moov"), int(obj.Size); index < size/2 {
		t.Fatalf("the index is at %d of %d, want it at the end", index, size)
	}
	input, err := b.Input(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(input)
	if err != nil {
		t.Fatal(err)
	}
	if ttl := u.Query().Get("X-Amz-Expires"); ttl != "21600" {
		t.Errorf("the input is valid for %s s, want six hours", ttl)
	}

	before := p.fromS3.Load()
	ffmpeg(t, "-protocol_whitelist", "http,tcp", "-ss", "6", "-i", input, "-t", "1", "-f", "null", "-")
	// ffmpeg reads one second of ten and the index. When it seeks, more bytes are already on their way.
	if sent := p.fromS3.Load() - before; sent < obj.Size/20 || sent > obj.Size/2 {
		t.Errorf("the server sent %d of %d MiB for one second of ten", sent>>20, obj.Size>>20)
	}
}

func ffmpeg(t *testing.T, args ...string) {
	t.Helper()
	args = append([]string{"-nostdin", "-v", "error", "-xerror"}, args...)
	cmd := exec.CommandContext(t.Context(), "ffmpeg", args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s", err, out)
	}
}

// position returns the offset of the last box of this type in an MP4 or MOV file, -1 if there is none.
func position(t *testing.T, file, box string) int {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return strings.LastIndex(string(content), box)
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
