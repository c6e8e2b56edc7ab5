package site

import (
	"bytes"
	"io/fs"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"risingstars/assets"
)

// The colours of texts, of controls and of the focus can be told from what is behind them (WCAG 2.2, 1.4.3 and 1.4.11).
func TestColoursCanBeToldApart(t *testing.T) {
	t.Parallel()
	styles := must(fs.ReadFile(assets.Site(), "static/site.css"))
	light, rest, _ := bytes.Cut(styles, []byte("@media (prefers-color-scheme: dark)"))
	dark, _, _ := bytes.Cut(rest, []byte("/* Letters */"))
	token := regexp.MustCompile(`--([\w-]+): (#[0-9a-f]{6});`)
	read := func(css []byte, into map[string]string) map[string]string {
		for _, found := range token.FindAllSubmatch(css, -1) {
			into[string(found[1])] = string(found[2])
		}
		return into
	}
	for name, css := range map[string][]byte{"light": nil, "dark": dark} {
		tokens := read(css, read(light, map[string]string{"white": "#ffffff", "hover": "#ffd873"}))
		for pair, least := range map[string]float64{
			"text ground": 7, "text soft": 7, "muted ground": 4.5, "muted soft": 4.5,
			"link ground": 4.5, "link soft": 4.5, "good ground": 4.5, "good soft": 4.5,
			"bad ground": 4.5, "bad soft": 4.5, "warning ground": 4.5, "warning soft": 4.5,
			"edge ground": 3, "edge soft": 3, "focus ground": 3, "focus soft": 3,
			"ink gold": 7, "ink hover": 7, "white night": 7, "white night-2": 7, "white night-3": 7, "gold night": 4.5,
			"gold night-2": 4.5, "gold night-3": 4.5,
		} {
			front, back, _ := strings.Cut(pair, " ")
			if got := contrast(t, tokens[front], tokens[back]); got < least {
				t.Errorf("%s: %s has a contrast of %.1f, at least %.1f is needed", name, pair, got, least)
			}
		}
	}
}

// contrast is that of WCAG 2.2, from 1 to 21.
func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	luminance := func(colour string) float64 {
		if len(colour) != 7 {
			t.Fatalf("%q is no colour", colour)
		}
		sum := 0.0
		for i, weight := range []float64{.2126, .7152, .0722} {
			value := float64(must(strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8))) / 255
			if value <= .04045 {
				value /= 12.92
			} else {
				value = math.Pow((value+.055)/1.055, 2.4)
			}
			sum += weight * value
		}
		return sum
	}
	light, dark := luminance(a), luminance(b)
	if light < dark {
		light, dark = dark, light
	}
	return (light + .05) / (dark + .05)
}
