package branding

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	_ "image/jpeg" // image.Decode reads bumpers in these two formats
	"image/png"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/image/draw"
)

// mostPixels is the largest picture that is decoded: 4K.
const mostPixels = 3840 * 2160

// Place is where the watermark lies.
type Place string

// The places of a watermark.
const (
	topRight    Place = "top-right"
	topLeft     Place = "top-left"
	bottomRight Place = "bottom-right"
	bottomLeft  Place = "bottom-left"
)

func places() []Place { return []Place{topRight, topLeft, bottomRight, bottomLeft} }

// Left reports whether the place is at the left edge, and not at the right one.
func (p Place) Left() bool { return p == topLeft || p == bottomLeft }

// Bottom reports whether the place is at the bottom, and not at the top.
func (p Place) Bottom() bool { return p == bottomRight || p == bottomLeft }

// Watermark is a picture that lies on every clip. Without Picture it is the built-in one, and nothing else counts.
type Watermark struct {
	Picture image.Image
	Place   Place
	Width   float64 // % of the frame's width
	Opacity float64 // from 0 to 1; the picture's own transparency counts as well
	Margin  float64 // distance from both edges, in % of the frame's width
	sum     string
}

type placement struct {
	place                  Place
	width, opacity, margin float64
	said                   bool // branding.yaml has a watermark
}

// OwnWatermark reports whether the operator has a watermark.
func (b Brand) OwnWatermark() bool { return b.Watermark.Picture != nil }

func (w Watermark) part() Part {
	if w.Picture == nil {
		return Part{"watermark", builtInName, ""}
	}
	size := w.Picture.Bounds().Size()
	return Part{"watermark", watermarkFile, fmt.Sprintf("%d×%d pixels, %s, %g %% wide, margin %g %%, opacity %g",
		size.X, size.Y, w.Place, w.Width, w.Margin, w.Opacity)}
}

// Render returns the watermark in the size that it has on a frame, as a PNG.
func (w Watermark) Render(frameWidth int) ([]byte, error) {
	from, size := w.Picture.Bounds(), w.size(frameWidth)
	scaled := image.NewRGBA(image.Rectangle{Max: size}) // premultiplied, so that no hidden colour bleeds into the edges
	mask := image.NewUniform(color.Alpha16{uint16(math.Round(w.Opacity * math.MaxUint16))})
	draw.CatmullRom.Scale(scaled, scaled.Bounds(), w.Picture, from, draw.Over, &draw.Options{SrcMask: mask})
	var out bytes.Buffer
	if err := png.Encode(&out, scaled); err != nil {
		return nil, fmt.Errorf("encode the watermark: %w", err)
	}
	return out.Bytes(), nil
}

// MarginOn returns the distance from both edges on a frame, in pixels.
func (w Watermark) MarginOn(frameWidth int) int { return pixels(w.Margin, frameWidth) }

func (w Watermark) size(frameWidth int) image.Point {
	from := w.Picture.Bounds()
	width := max(1, pixels(w.Width, frameWidth))
	return image.Pt(width, max(1, int(math.Round(float64(width)*float64(from.Dy())/float64(from.Dx())))))
}

func pixels(percent float64, of int) int { return int(math.Round(percent / 100 * float64(of))) }

func (f *folder) watermark(at placement) (w Watermark) {
	if !f.has(watermarkFile) {
		if at.said {
			f.problems.add(settingsFile, "watermark is about %s, which is missing", watermarkFile)
		}
		return w
	}
	content := f.content(watermarkFile, mostPicture)
	picture := f.decode(watermarkFile, content, "png")
	if picture == nil {
		return w
	}
	if invisible(picture) {
		f.problems.add(watermarkFile, "is transparent everywhere")
		return w
	}
	w = Watermark{
		Picture: picture, Place: at.place, Width: at.width, Opacity: at.opacity, Margin: at.margin, sum: sum(content),
	}
	// It is as large on an upright rendition as on a lying one.
	const long, short = 1280, 720
	if margin, size := w.MarginOn(long), w.size(long); max(size.X, size.Y)+2*margin > short {
		f.problems.add(watermarkFile, "does not fit on a clip when it is %g %% wide, because of its shape; make "+
			"watermark.width or watermark.margin smaller", at.width)
		return Watermark{}
	}
	return w
}

// decode decodes a picture in one of the formats, or returns nil after it has noted why not; no content is no problem.
func (f *folder) decode(name string, content []byte, formats ...string) image.Image {
	if content == nil {
		return nil
	}
	c, format, err := image.DecodeConfig(bytes.NewReader(content))
	if err != nil || !slices.Contains(formats, format) {
		f.problems.add(name, "is not a picture in the format %s", strings.Join(formats, " or "))
		return nil
	}
	if c.Width*c.Height > mostPixels || c.Width < 2 || c.Height < 2 {
		f.problems.add(name, "has %d×%d pixels; at least 2×2 and at most as many as 3840×2160 are allowed",
			c.Width, c.Height)
		return nil
	}
	picture, _, err := image.Decode(bytes.NewReader(content))
	if err != nil {
		f.problems.add(name, "is damaged: %s", err)
		return nil
	}
	return picture
}

func invisible(picture image.Image) bool {
	b := picture.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			if _, _, _, alpha := picture.At(x, y).RGBA(); alpha > 0 {
				return false
			}
		}
	}
	return true
}

// bumper reads the intro or the outro.
func (f *folder) bumper(name string, s bumperSetting) (b Bumper) {
	var found []string
	for _, file := range f.names {
		if strings.TrimSuffix(file, filepath.Ext(file)) == name {
			found = append(found, file)
		}
	}
	switch {
	case len(found) > 1:
		f.problems.add(found[1], "there is also %s; keep one of them", found[0])
		return b
	case len(found) == 1 && s.none:
		f.problems.add(found[0], "is there although branding.yaml has %s: none; remove one of the two", name)
		return b
	case s.none:
		return Bumper{Kind: None}
	case len(found) == 0 && s.hold > 0:
		f.problems.add(settingsFile, "%s is how long a picture is held, but there is no %[1]s.png or %[1]s.jpg", name)
		return b
	case len(found) == 0:
		return b
	}
	file := found[0]
	switch extension := strings.ToLower(filepath.Ext(file)); {
	case slices.Contains(pictureExtensions(), extension):
		return f.held(file, s.hold)
	case slices.Contains(videoExtensions(), extension):
		if s.hold > 0 {
			f.problems.add(settingsFile, "%s is how long a picture is held, but %s is a video", name, file)
			return b
		}
		if content := f.content(file, mostVideo); content != nil {
			b = Bumper{Kind: Video, File: file, Content: content, sum: sum(content)}
		}
		return b
	}
	f.problems.add(file, "must be a picture (%s) or a video (%s)", strings.Join(pictureExtensions(), " "),
		strings.Join(videoExtensions(), " "))
	return b
}

// held returns a bumper of a picture, on black where it is transparent.
func (f *folder) held(file string, hold time.Duration) (b Bumper) {
	content := f.content(file, mostPicture)
	picture := f.decode(file, content, "png", "jpeg")
	if picture == nil {
		return b
	}
	opaque := image.NewRGBA(image.Rectangle{Max: picture.Bounds().Size()})
	draw.Draw(opaque, opaque.Bounds(), image.Black, image.Point{}, draw.Src)
	draw.Draw(opaque, opaque.Bounds(), picture, picture.Bounds().Min, draw.Over)
	var out bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.BestSpeed}).Encode(&out, opaque); err != nil {
		f.problems.add(file, "cannot be converted: %s", err)
		return b
	}
	if hold == 0 {
		hold = LongestBumper
	}
	return Bumper{Kind: Picture, File: file, Content: out.Bytes(), Length: hold, sum: sum(content)}
}

// Size returns the size of a Picture.
func (b Bumper) Size() (image.Point, error) {
	c, err := png.DecodeConfig(bytes.NewReader(b.Content))
	if err != nil {
		return image.Point{}, fmt.Errorf("read the size of %s: %w", b.File, err)
	}
	return image.Pt(c.Width, c.Height), nil
}
