package ffmpeg

import (
	"bytes"
	"errors"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"risingstars/infra/cliptest"
)

// Several processes share a cache: the first one renders, no process sees half a file, and nothing is left behind.
func TestBumpersAreRenderedOnce(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	stale, fresh := filepath.Join(cache, tempPrefix+"stale.mp4"), filepath.Join(cache, tempPrefix+"fresh.mp4")
	for _, f := range []string{stale, fresh} {
		if err := os.WriteFile(f, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-2 * time.Hour)
	if err := os.Chtimes(stale, old, old); err != nil {
		t.Fatal(err)
	}
	o := Options{CacheDir: cache, Branding: smallBranding(t)}
	one, two := newProcessor(t, o), newProcessor(t, o)
	var wg sync.WaitGroup
	errs := make([]error, 3)
	for i, p := range []*Processor{one, one, two} {
		wg.Go(func() {
			b, err := p.bumpers(t.Context(), rational{24, 1}, bigSize())
			_, err1 := os.Stat(b.intro)
			_, err2 := os.Stat(b.outro)
			errs[i] = errors.Join(err, err1, err2)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	b, err := two.bumpers(t.Context(), rational{24, 1}, bigSize())
	if err != nil {
		t.Fatal(err)
	}
	before, err := os.Stat(b.intro)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := one.bumpers(t.Context(), rational{24, 1}, bigSize()); err != nil {
		t.Fatal(err)
	}
	after, err := os.Stat(b.intro)
	if err != nil || !after.ModTime().Equal(before.ModTime()) {
		t.Errorf("rendered again: %v", err)
	}
	left, err := filepath.Glob(filepath.Join(cache, tempPrefix+"*"))
	if err != nil || len(left) != 1 || left[0] != fresh {
		t.Errorf("left in the cache: %v, %v", left, err)
	}
	if st := inspect(t, b.intro).stream("video"); st.Frames != "60" || st.AvgRate != "24/1" {
		t.Errorf("intro: %+v", st)
	}
}

func TestWarmRendersWhatTheFirstClipNeeds(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	pictures := smallBranding(t)
	pictures["watermark.png"] = pictures["star.png"]
	p := newProcessor(t, Options{CacheDir: cache, Branding: pictures})
	if err := p.Warm(t.Context(), Rules{}); err != nil {
		t.Fatal(err)
	}
	rendered := func() []string {
		names, err := filepath.Glob(filepath.Join(cache, "*.mp4"))
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	before := rendered()
	in := cliptest.Make(t, "in.mp4", slices.Concat(lavfi("testsrc=s=320x180:r=30:d=0.2"), x264())...)
	mustProcess(t, p, withSmall(t, in))
	if after := rendered(); len(before) != 4 || !slices.Equal(before, after) {
		t.Errorf("Warm rendered %v, and the first clip left %v", before, after)
	}
}

// smallBranding has the layers of the branding in a size that renders quickly.
func smallBranding(t *testing.T) fstest.MapFS {
	t.Helper()
	branding := fstest.MapFS{}
	for _, l := range append(stageFor(bigSize()).intro(), stageFor(bigSize()).outro()...) {
		size := image.Rect(0, 0, 8, 8)
		if l.file == "backdrop.png" {
			size = image.Rect(0, 0, 64, 36)
		}
		img := image.NewRGBA(size)
		img.Set(4, 4, color.White)
		var data bytes.Buffer
		if err := png.Encode(&data, img); err != nil {
			t.Fatal(err)
		}
		branding[l.file] = &fstest.MapFile{Data: data.Bytes()}
	}
	return branding
}
