package site

import (
	"fmt"
	"html/template"
	"net/url"
	"strings"
	"unicode/utf8"

	qrcode "github.com/skip2/go-qrcode"

	"risingstars/modules/voting"
	"risingstars/platform/web"
)

// Share is a row of ways to send an address to others.
type Share struct {
	Address, Title string
	WhatsApp       string
	Code           template.HTML // the address as a QR code, an SVG
}

// newShare fails only for an address that no code can hold.
func newShare(title, address string) (Share, error) {
	code, err := qr(address)
	return Share{
		Address: address, Title: title, Code: code,
		WhatsApp: "https://wa.me/?text=" + url.QueryEscape(title+" "+address),
	}, err
}

// qr draws a QR code as an SVG of one path, a run of dark squares after the other, black on white in any scheme.
func qr(content string) (template.HTML, error) {
	code, err := qrcode.New(content, qrcode.Medium)
	if err != nil {
		return "", fmt.Errorf("draw a QR code: %w", err)
	}
	var path strings.Builder
	bitmap := code.Bitmap()
	for y, row := range bitmap {
		for x := 0; x < len(row); x++ {
			if !row[x] {
				continue
			}
			begin := x
			for x < len(row) && row[x] {
				x++
			}
			fmt.Fprintf(&path, "M%d %dh%dv1h-%dz", begin, y, x-begin, x-begin)
		}
	}
	return template.HTML(fmt.Sprintf( //nolint:gosec // it has numbers alone
		`<svg class="qr" aria-hidden="true" viewBox="0 0 %d %[1]d" width="200" height="200" `+
			`shape-rendering="crispEdges">`+
			`<path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path fill="#000" d="%s"/></svg>`,
		len(bitmap), path.String())), nil
}

// videoCard is what chats and networks show of a video.
func (s *Site) videoCard(v *visit, e voting.Entry) Card {
	return Card{
		Title: cut(e.Title+" · "+e.PlayerName, 65), Description: cut(e.PlayerName+", "+e.City+". "+e.Description, 160),
		Picture: web.Absolute(v.Context(), s.o.FilesPath+e.PosterKey), Alt: cut(e.Title, 100),
		Width: 1280, Height: 720, Video: true,
	}
}

// cut shortens a text to so many letters.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
