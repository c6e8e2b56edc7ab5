package ffmpeg

import (
	"bytes"
	"encoding/binary"
	"image/color"
	"slices"
	"testing"
	"time"
)

// setMatrix returns an MP4 with a display matrix in the header of its first track that has a picture size.
func setMatrix(t *testing.T, file []byte, m [4]int32) []byte {
	t.Helper()
	data := bytes.Clone(file)
	for at := 0; ; at++ {
		i := bytes.Index(data[at:], []byte("tkhd"))
		if i < 0 {
			t.Fatal("no track header with a size")
		}
		at += i
		matrix := data[at+4+40:] // version 0: 40 bytes of fields before it
		if binary.BigEndian.Uint32(matrix[36:]) == 0 {
			continue
		}
		for k, cell := range map[int]int32{0: m[0], 4: m[1], 12: m[2], 16: m[3]} {
			binary.BigEndian.PutUint32(matrix[k:], uint32(cell<<16))
		}
		return data
	}
}

func TestEveryTurn(t *testing.T) {
	t.Parallel()
	skipIfShort(t)
	base := readClip(t, "in.mp4", slices.Concat(quarters("192x108", "30", 0.3), h264("-colorspace", "bt709"))...)
	p := newProcessor(t, Options{})
	for _, c := range []struct {
		name   string
		matrix [4]int32
		want   [4]color.RGBA
		w, h   int
	}{
		{"upright", [4]int32{1, 0, 0, 1}, upright4, 1280, 720},
		{"half turn", [4]int32{-1, 0, 0, -1}, [4]color.RGBA{yellow, blue, green, red}, 1280, 720},
		{"mirrored", [4]int32{-1, 0, 0, 1}, [4]color.RGBA{green, red, yellow, blue}, 1280, 720},
		{"upside down mirrored", [4]int32{1, 0, 0, -1}, [4]color.RGBA{blue, yellow, red, green}, 1280, 720},
		{"clockwise", [4]int32{0, 1, -1, 0}, [4]color.RGBA{blue, red, yellow, green}, 404, 720},
		{"counterclockwise", [4]int32{0, -1, 1, 0}, [4]color.RGBA{green, yellow, red, blue}, 404, 720},
		{"transposed", [4]int32{0, 1, 1, 0}, [4]color.RGBA{red, blue, green, yellow}, 404, 720},
		{"antitransposed", [4]int32{0, -1, -1, 0}, [4]color.RGBA{yellow, green, blue, red}, 404, 720},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := mustProcess(t, p, jobFor(t, writeFile(t, "in.mp4", setMatrix(t, base, c.matrix))))
			shown := checkClean(t, r, "30/1", false, numberAt30(100*time.Millisecond))
			checkQuarters(t, shown[0], c.w, c.h, c.want)
		})
	}
}
