package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// chart is a drawing of lines over a common axis, or of groups of columns.
type chart struct {
	name  string // for the file
	title string
	unit  string // of the vertical axis
	x     string // of the horizontal axis
	lines []line
	// groups are the names below groups of columns; then each line has one value, as y, for each of them.
	groups []string
	limit  float64 // a bar, drawn across; 0: none
}

type line struct {
	name   string
	points []point
}

type point struct{ x, y float64 }

// Sizes of a drawing, in its own units.
const (
	chartWidth, chartHeight = 800.0, 300.0

	left, right, top, bottom = 64.0, 16.0, 48.0, 44.0

	plotWidth, plotHeight = chartWidth - left - right, chartHeight - top - bottom
)

// hues can be told apart by people who see few colours, and on paper by their order.
func hues() []string {
	return []string{"#6b21a8", "#c26a00", "#14746f", "#b3261e", "#33619e", "#5b4f73", "#8a5300", "#146c43", "#9c2a7d"}
}

// svg draws the chart. The drawing needs nothing from elsewhere and can stand in a page or be a file.
func (c chart) svg() string {
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" role="img" aria-label="%s" `+
		`font-family="system-ui, sans-serif" font-size="12" fill="#1a0f33">`+"\n", chartWidth, chartHeight,
		html.EscapeString(c.title+", "+c.unit))
	fmt.Fprintf(&b, `<rect width="%.0f" height="%.0f" fill="#fff"/>`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(&b, `<text x="0" y="14" font-size="14" font-weight="600">%s, %s</text>`+"\n",
		html.EscapeString(c.title), html.EscapeString(c.unit))
	c.legend(&b)
	most := c.limit * 1.05
	for _, l := range c.lines {
		for _, p := range l.points {
			most = max(most, p.y)
		}
	}
	step := roundStep(most)
	most = max(step, math.Ceil(most/step)*step)
	y := func(v float64) float64 { return top + plotHeight*(1-v/most) }
	for v := 0.0; v <= most+step/2; v += step {
		fmt.Fprintf(&b, `<path d="M%.1f %.1fh%.1f" stroke="#d9d0e6"/>`, left, y(v), plotWidth)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end">%s</text>`+"\n", left-8, y(v)+4, number(v))
	}
	if len(c.groups) > 0 {
		c.columns(&b, y)
	} else {
		c.curves(&b, y)
	}
	if c.limit > 0 {
		fmt.Fprintf(&b, `<path d="M%.1f %.1fh%.1f" stroke="#1a0f33" stroke-dasharray="6 4"/>`,
			left, y(c.limit), plotWidth)
		fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="end" `+
			`stroke="#fff" stroke-width="4" paint-order="stroke">wanted: ≤ %s</text>`+"\n",
			left+plotWidth, y(c.limit)-5, number(c.limit))
	}
	fmt.Fprintf(&b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n</svg>\n",
		left+plotWidth/2, chartHeight-8, html.EscapeString(c.x))
	return b.String()
}

func (c chart) legend(b *strings.Builder) {
	x := left
	for i, l := range c.lines {
		fmt.Fprintf(b, `<rect x="%.1f" y="25" width="12" height="12" fill="%s"/>`, x, hue(i))
		fmt.Fprintf(b, `<text x="%.1f" y="35">%s</text>`+"\n", x+17, html.EscapeString(l.name))
		x += 36 + 6.6*float64(len([]rune(l.name)))
	}
}

func hue(i int) string { return hues()[i%len(hues())] }

// curves draws the lines over numbers.
func (c chart) curves(b *strings.Builder, y func(float64) float64) {
	last := 1.0
	for _, l := range c.lines {
		for _, p := range l.points {
			last = max(last, p.x)
		}
	}
	x := func(v float64) float64 { return left + plotWidth*v/last }
	step := roundStep(last)
	for v := 0.0; v <= last+step/1000; v += step {
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n",
			x(v), top+plotHeight+16, number(v))
	}
	for i, l := range c.lines {
		var path strings.Builder
		for n, p := range l.points {
			command := 'L'
			if n == 0 {
				command = 'M'
			}
			fmt.Fprintf(&path, "%c%.1f %.1f", command, x(p.x), y(p.y))
		}
		fmt.Fprintf(b, `<path d="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n", path.String(), hue(i))
	}
}

// columns draws the lines' values as columns side by side, each with its number.
func (c chart) columns(b *strings.Builder, y func(float64) float64) {
	group := plotWidth / float64(len(c.groups))
	width := min(48, group*0.8/float64(len(c.lines)))
	for g, name := range c.groups {
		middle := left + group*(float64(g)+0.5)
		fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`+"\n",
			middle, top+plotHeight+16, html.EscapeString(name))
		for i, l := range c.lines {
			if g >= len(l.points) {
				continue
			}
			x, v := middle+width*(float64(i)-float64(len(c.lines))/2), l.points[g].y
			fmt.Fprintf(b, `<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`,
				x+1, y(v), width-2, top+plotHeight-y(v), hue(i))
			fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="middle" font-size="11">%s</text>`+"\n",
				x+width/2, y(v)-4, number(v))
		}
	}
}

// roundStep returns 1, 2 or 5 times a power of ten, of which four to ten make up the number.
func roundStep(most float64) float64 {
	if most <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(most/4)))
	for _, factor := range []float64{5, 2} {
		if factor*power <= most/4 {
			return factor * power
		}
	}
	return power
}
