package ffmpeg

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// rational is a positive fraction; the zero value means unknown.
type rational struct{ num, den int }

func (r rational) known() bool    { return r.num > 0 && r.den > 0 }
func (r rational) float() float64 { return float64(r.num) / float64(r.den) }
func (r rational) String() string { return strconv.Itoa(r.num) + "/" + strconv.Itoa(r.den) }

// frames is the number of frames at rate r that fill d, to the nearest.
func (r rational) frames(d time.Duration) int { return int(math.Round(d.Seconds() * r.float())) }

// span is the duration of n frames at rate r.
func (r rational) span(n int) time.Duration {
	return time.Duration(math.Round(float64(n) * float64(r.den) / float64(r.num) * 1e9))
}

// parseRational reads "30000/1001" and "4:3". Anything else, and anything that is not positive, is unknown.
func parseRational(s string) rational {
	i := strings.IndexAny(s, "/:")
	if i < 0 {
		return rational{}
	}
	num, err1 := strconv.ParseInt(s[:i], 10, 32)
	den, err2 := strconv.ParseInt(s[i+1:], 10, 32)
	if err1 != nil || err2 != nil || num <= 0 || den <= 0 {
		return rational{}
	}
	return rational{int(num), int(den)}
}
