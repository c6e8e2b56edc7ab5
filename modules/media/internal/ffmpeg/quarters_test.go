package ffmpeg

import (
	"fmt"
	"image"
	"image/color"
	"testing"
)

// The test picture has a colour in each quarter, so that a wrong turn, mirror or matrix shows.
var (
	red    = color.RGBA{200, 30, 30, 255}
	green  = color.RGBA{30, 180, 60, 255}
	blue   = color.RGBA{40, 60, 200, 255}
	yellow = color.RGBA{220, 210, 40, 255}
	black  = color.RGBA{0, 0, 0, 255}

	upright4 = [4]color.RGBA{red, green, blue, yellow}
)

func lavfiColor(c color.RGBA) string { return fmt.Sprintf("0x%02x%02x%02x", c.R, c.G, c.B) }

// quarters is an input: red and green above, blue and yellow below, in BT.709 limited range.
func quarters(size, rate string, secs float64) []string {
	return quartersIn(size, rate, secs, "bt709")
}

func quartersIn(size, rate string, secs float64, matrix string) []string {
	box := func(x, y string, c color.RGBA) string {
		return fmt.Sprintf("drawbox=x=%s:y=%s:w=iw/2:h=ih/2:c=%s:t=fill", x, y, lavfiColor(c))
	}
	return lavfi(fmt.Sprintf("color=%s:s=%s:r=%s:d=%g,format=gbrp,%s,%s,%s,"+
		"scale=out_color_matrix=%s:out_range=tv,format=yuv444p",
		lavfiColor(red), size, rate, secs,
		box("iw/2", "0", green), box("0", "ih/2", blue), box("iw/2", "ih/2", yellow), matrix))
}

// checkQuarters checks the middle of each quarter of the picture area w×h, centred in the frame, and the bars around.
func checkQuarters(t *testing.T, img *image.RGBA, w, h int, want [4]color.RGBA) {
	t.Helper()
	middle := img.Bounds().Max.Div(2)
	for i, c := range want {
		x, y := middle.X-w/4+(i%2)*w/2, middle.Y-h/4+(i/2)*h/2
		if got := img.At(x, y); !near(got, c, 9) {
			t.Errorf("at %d,%d: %v, want %v", x, y, got, c)
		}
	}
	const edge = 6
	if bar := middle.X - w/2; bar > edge && !near(img.At(bar-edge, middle.Y), black, 16) {
		t.Errorf("left bar is %v", img.At(bar-edge, middle.Y))
	}
	if bar := middle.Y - h/2; bar > edge && !near(img.At(middle.X, bar-edge), black, 16) {
		t.Errorf("top bar is %v", img.At(middle.X, bar-edge))
	}
	inside := []struct{ x, y int }{{middle.X - w/2 + edge, middle.Y - h/4}, {middle.X - w/4, middle.Y - h/2 + edge}}
	for _, p := range inside {
		if w > 4*edge && h > 4*edge && near(img.At(p.x, p.y), black, 20) {
			t.Errorf("the picture does not reach %d,%d", p.x, p.y)
		}
	}
}
