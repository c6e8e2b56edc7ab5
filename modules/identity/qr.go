package identity

import (
	"fmt"
	"strings"

	"github.com/skip2/go-qrcode"
)

// QR returns the URL as a QR code, an SVG with its quiet zone, dark on light in either colour scheme.
func (o FactorOffer) QR() (string, error) {
	code, err := qrcode.New(o.URL, qrcode.Medium)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	bitmap := code.Bitmap()
	var path strings.Builder
	for y, row := range bitmap {
		for x := 0; x < len(row); x++ {
			from := x
			for x < len(row) && row[x] {
				x++
			}
			if n := x - from; n > 0 {
				fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", from, y, n, n)
			}
		}
	}
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" width="256" height="256" `+
		`shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path fill="#000" d="%[2]s"/></svg>`,
		len(bitmap), path.String()), nil
}
