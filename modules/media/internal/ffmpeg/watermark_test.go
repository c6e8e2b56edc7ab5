package ffmpeg

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"risingstars/assets"
)

// The corner is the same in the designers' guide, in the constant and in ffmpeg's graph.
func TestWatermarkLiesInTheDocumentedCorner(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../../../assets/branding/README.md")
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile("`watermark` \\| every clip, top right, ([0-9]+) px from the edges")
	documented := line.FindSubmatch(guide)
	if documented == nil {
		t.Fatal("assets/branding/README.md does not say where the watermark lies")
	}
	margin := string(documented[1])
	if x, y := WatermarkCorner(); x != "W-w-"+margin || y != margin {
		t.Errorf("the corner is %s, %s; the documentation says %s px", x, y, margin)
	}
	p := &Processor{limits: Limits{}.withDefaults(), threads: 1}
	j := Job{Input: "/in.mp4", Container: Containers()[0], Dir: "/work"}
	video := videoStream{codec: "h264", width: 1280, height: 720, matrix: [4]float64{1, 0, 0, 1}}
	pl, err := p.plan(j, media{streams: 1, video: []videoStream{video}})
	if err != nil {
		t.Fatal(err)
	}
	c := clip{video: "/job/clip.mp4", small: "/job/clip-small.mp4", candidates: newCandidates(pl)}
	args, err := p.encodeArgs(pl, c, builtInWatermark("/mark.png"), nil)
	if err != nil {
		t.Fatal(err)
	}
	overlays := regexp.MustCompile(`overlay=([^\[;]*)`).FindAllStringSubmatch(strings.Join(args, " "), -1)
	if len(overlays) != 1 {
		t.Fatalf("%d overlays in %q", len(overlays), args)
	}
	for _, want := range []string{"x=W-w-" + margin, "y=" + margin} {
		if !slices.Contains(strings.Split(overlays[0][1], ":"), want) {
			t.Errorf("the graph has overlay=%s, want %s", overlays[0][1], want)
		}
	}
}

// checkWatermark looks for the watermark on a picture that is otherwise of one colour: it is where it should be, to two
// pixels, and nowhere else.
func checkWatermark(t *testing.T, picture *image.RGBA, background color.RGBA) {
	t.Helper()
	data, err := fs.ReadFile(assets.Branding(), "watermark.png")
	if err != nil {
		t.Fatal(err)
	}
	mark, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	corner := image.Pt(outWidth-watermarkMargin-mark.Bounds().Dx(), watermarkMargin)
	// Only pixels that are nearly opaque and far from the background's colour can be told apart from it.
	want := boundsOf(mark.Bounds(), func(x, y int) bool {
		_, _, _, alpha := mark.At(x, y).RGBA()
		return alpha > 0x9000 && !near(mark.At(x, y), background, 80)
	}).Add(corner)
	got := boundsOf(picture.Bounds(), func(x, y int) bool { return !near(picture.At(x, y), background, 40) })
	if want.Empty() || !got.In(want.Inset(-2)) || !want.In(got.Inset(-2)) {
		t.Errorf("the watermark is at %v, want %v", got, want)
	}
	changed := boundsOf(picture.Bounds(), func(x, y int) bool { return !near(picture.At(x, y), background, 8) })
	if whole := mark.Bounds().Add(corner); !changed.In(whole.Inset(-4)) {
		t.Errorf("the picture is changed at %v, beyond the watermark at %v", changed, whole)
	}
}

// boundsOf is the smallest rectangle around the points of r that count.
func boundsOf(r image.Rectangle, counts func(x, y int) bool) (found image.Rectangle) {
	for y := r.Min.Y; y < r.Max.Y; y++ {
		for x := r.Min.X; x < r.Max.X; x++ {
			if counts(x, y) {
				found = found.Union(image.Rect(x, y, x+1, y+1))
			}
		}
	}
	return found
}
