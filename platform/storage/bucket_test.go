package storage_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/storage"
	"risingstars/platform/storage/diskstore"
)

// The rules for every driver are in storagetest; these tests cover what Bucket itself does.

func setup(t *testing.T, opts storage.Options) *storage.Bucket {
	t.Helper()
	store, err := diskstore.Open(diskstore.Options{Root: t.TempDir(), Secret: make([]byte, 32)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	b := storage.New(store, opts)
	return b
}

func TestPutEnforcesMaxBytes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		limit int64
		size  int
		want  error
	}{
		{0, 1000, nil},
		{50, 50, nil},
		{50, 51, storage.ErrTooLarge},
	} {
		b := setup(t, storage.Options{})
		content := strings.NewReader(strings.Repeat("x", c.size))
		if _, err := b.Put(t.Context(), "a", content, storage.PutOptions{MaxBytes: c.limit}); !errors.Is(err, c.want) {
			t.Errorf("%d bytes with a limit of %d: %v, want %v", c.size, c.limit, err, c.want)
		}
	}
}

func TestErrorsNameOperationAndKey(t *testing.T) {
	t.Parallel()
	b := setup(t, storage.Options{})
	_, err := b.Stat(t.Context(), "uploads/none.mp4")
	if err == nil || err.Error() != `storage stat "uploads/none.mp4": object not found` {
		t.Errorf("Stat: %v", err)
	}
	if _, err := b.Stat(t.Context(), "a\n"); err == nil || strings.Contains(err.Error(), "\n") {
		t.Errorf("a hostile key breaks a log line: %v", err)
	}
}

// opaqueDriver hides the reader's error, as SDKs do, and records the content type that it gets.
type opaqueDriver struct {
	storage.Driver
	contentType string
}

func (d *opaqueDriver) Put(_ context.Context, key string, r io.Reader, contentType string) (storage.Object, error) {
	d.contentType = contentType
	if _, err := io.Copy(io.Discard, r); err != nil {
		return storage.Object{}, errors.New("part 3 failed")
	}
	return storage.Object{Key: key}, nil
}

func TestPutReturnsTheReadersError(t *testing.T) {
	t.Parallel()
	b := storage.New(&opaqueDriver{}, storage.Options{})
	gone := errors.New("the browser went away")
	for want, r := range map[error]io.Reader{
		gone:                iotest.ErrReader(gone),
		storage.ErrTooLarge: strings.NewReader(strings.Repeat("x", 11)),
	} {
		if _, err := b.Put(t.Context(), "a", r, storage.PutOptions{MaxBytes: 10}); !errors.Is(err, want) {
			t.Errorf("Put: %v, want %v", err, want)
		}
	}
}

func TestPutPassesTheContentTypeToTheDriver(t *testing.T) {
	t.Parallel()
	d := &opaqueDriver{}
	b := storage.New(d, storage.Options{})
	for given, want := range map[string]string{"": "video/mp4", "video/x-special": "video/x-special"} {
		opts := storage.PutOptions{ContentType: given}
		if _, err := b.Put(t.Context(), "a.mp4", strings.NewReader("x"), opts); err != nil {
			t.Fatal(err)
		}
		if d.contentType != want {
			t.Errorf("given %q, the driver gets %q, want %q", given, d.contentType, want)
		}
	}
}

func TestContentTypeFollowsTheExtension(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"a/b.mp4": "video/mp4",
		"a/b.mov": "video/quicktime",
		"a/b.jpg": "image/jpeg",
		"a/b.3g2": "video/3gpp2",
		"a.b/c":   "application/octet-stream",
		"a.html":  "application/octet-stream",
		"a.svg":   "application/octet-stream",
	} {
		if got := storage.ContentType(key); got != want {
			t.Errorf("%s is %s, want %s", key, got, want)
		}
	}
}

func TestMetricsCountOperationsByResult(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	b := setup(t, storage.Options{Registerer: registry})
	for _, content := range []string{"1234", "123", strings.Repeat("x", 11)} {
		_, _ = b.Put(t.Context(), "a", strings.NewReader(content), storage.PutOptions{MaxBytes: 10})
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
		"put ok":                      2,
		"put too_large":               1,
		"stat ok":                     1,
		"stat not_found":              1,
		"stat invalid_key":            1,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("metrics (-want +got):\n%s", d)
	}
}

func TestNewRefusesASecondBucketPerRegistry(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	storage.New(nil, storage.Options{Registerer: registry})
	defer func() {
		if recover() == nil {
			t.Error("New accepts a second bucket")
		}
	}()
	storage.New(nil, storage.Options{Registerer: registry})
}
