package storage_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

// The rules that hold for every driver are in storagetest; here are those of the bucket's own options.

func setup(t *testing.T, opts storage.Options) *storage.Bucket {
	t.Helper()
	store, err := diskstore.Open(diskstore.Options{Root: t.TempDir(), Secret: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	b, err := storage.New(store, opts)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheSmallerLimitHolds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		bucket, put int64
		size        int
		want        error
	}{
		{0, 0, 1000, nil},
		{100, 0, 100, nil},
		{100, 0, 101, storage.ErrTooLarge},
		{0, 50, 50, nil},
		{0, 50, 51, storage.ErrTooLarge},
		{100, 50, 51, storage.ErrTooLarge},
		{50, 100, 51, storage.ErrTooLarge},
		{100, 50, 50, nil},
	} {
		b := setup(t, storage.Options{MaxBytes: c.bucket})
		_, err := b.Put(t.Context(), "a", strings.NewReader(strings.Repeat("x", c.size)), storage.PutOptions{MaxBytes: c.put})
		if !errors.Is(err, c.want) {
			t.Errorf("%d bytes with limits %d and %d: %v, want %v", c.size, c.bucket, c.put, err, c.want)
		}
	}
}

func TestTheLimitHoldsForDirectUploads(t *testing.T) {
	t.Parallel()
	b := setup(t, storage.Options{MaxBytes: storage.MinPartBytes + 10})
	id, err := b.BeginDirect(t.Context(), "a", "")
	if err != nil {
		t.Fatal(err)
	}
	for size, want := range map[int64]error{storage.MinPartBytes + 10: nil, storage.MinPartBytes + 11: storage.ErrTooLarge} {
		if _, err := b.PresignPart(t.Context(), "a", id, 1, size, time.Minute); !errors.Is(err, want) {
			t.Errorf("a part of %d bytes: %v, want %v", size, err, want)
		}
		// The parts were never sent, which is the next thing that is found.
		if want == nil {
			want = storage.ErrBadParts
		}
		parts := []storage.Part{{Number: 1, Size: storage.MinPartBytes, ETag: `"x"`}, {Number: 2, Size: size - storage.MinPartBytes, ETag: `"y"`}}
		if _, err := b.CompleteDirect(t.Context(), "a", id, parts); !errors.Is(err, want) {
			t.Errorf("parts of %d bytes together: %v, want %v", size, err, want)
		}
	}
}

func TestErrorsNameTheOperationAndTheKey(t *testing.T) {
	t.Parallel()
	b := setup(t, storage.Options{})
	_, err := b.Stat(t.Context(), "uploads/none.mp4")
	if err == nil || err.Error() != `storage stat "uploads/none.mp4": object not found` {
		t.Errorf("Stat: %v", err)
	}
	if _, err := b.Stat(t.Context(), "a\n"); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a hostile key breaks the line: %v", err)
	}
}

// hidingDriver buries the reader's error, as SDKs do, and records what it is told.
type hidingDriver struct {
	storage.Driver
	contentType string
}

func (d *hidingDriver) Put(_ context.Context, key string, r io.Reader, contentType string) (storage.Object, error) {
	d.contentType = contentType
	if _, err := io.Copy(io.Discard, r); err != nil {
		return storage.Object{}, errors.New("part 3 failed")
	}
	return storage.Object{Key: key}, nil
}

func TestTheReadersErrorSurvivesTheDriver(t *testing.T) {
	t.Parallel()
	b, err := storage.New(&hidingDriver{}, storage.Options{MaxBytes: 10})
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("the browser went away")
	for want, r := range map[error]io.Reader{
		gone:                iotest.ErrReader(gone),
		storage.ErrTooLarge: strings.NewReader(strings.Repeat("x", 11)),
	} {
		if _, err := b.Put(t.Context(), "a", r, storage.PutOptions{}); !errors.Is(err, want) {
			t.Errorf("Put: %v, want %v", err, want)
		}
	}
}

func TestTheDriverIsToldTheContentType(t *testing.T) {
	t.Parallel()
	d := &hidingDriver{}
	b, err := storage.New(d, storage.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for given, want := range map[string]string{"": "video/mp4", "video/x-special": "video/x-special"} {
		if _, err := b.Put(t.Context(), "a.mp4", strings.NewReader("x"), storage.PutOptions{ContentType: given}); err != nil {
			t.Fatal(err)
		}
		if d.contentType != want {
			t.Errorf("given %q the driver is told %q, want %q", given, d.contentType, want)
		}
	}
}

func TestContentTypeIsThatOfTheExtension(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"a/b.mp4": "video/mp4", "a/b.mov": "video/quicktime", "a/b.jpg": "image/jpeg", "a/b.3g2": "video/3gpp2", "a.b/c": "application/octet-stream",
		"a.html": "application/octet-stream", "a.svg": "application/octet-stream",
	} {
		if got := storage.ContentType(key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
}

func TestMetricsCountOperationsByResult(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	b := setup(t, storage.Options{Registerer: registry, MaxBytes: 10})
	for _, content := range []string{"1234", "123", strings.Repeat("x", 11)} {
		_, _ = b.Put(t.Context(), "a", strings.NewReader(content), storage.PutOptions{})
	}
	_, _ = b.Stat(t.Context(), "a")
	_, _ = b.Stat(t.Context(), "none")
	_, _ = b.Stat(t.Context(), "..")

	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.Metric {
			if m.Counter != nil {
				got[family.GetName()] = m.Counter.GetValue()
				continue
			}
			labels := []string{}
			for _, l := range m.Label {
				labels = append(labels, l.GetValue())
			}
			got[strings.Join(labels, " ")] = float64(m.Histogram.GetSampleCount())
		}
	}
	want := map[string]float64{
		"storage_written_bytes_total": 7,
		"put ok":                      2, "put too_large": 1, "stat ok": 1, "stat not_found": 1, "stat invalid_key": 1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("metrics (-want +got):\n%s", d)
	}
}

func TestOneBucketPerRegistry(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	if _, err := storage.New(nil, storage.Options{Registerer: registry}); err != nil {
		t.Fatal(err)
	}
	if _, err := storage.New(nil, storage.Options{Registerer: registry}); err == nil {
		t.Error("two buckets count in one registry")
	}
}
