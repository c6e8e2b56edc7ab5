package site

import (
	"time"

	"risingstars/platform/web"
)

// Which rendition a browser shows is kept in its cookie quality. Another value, or none, is the small one on narrow
// screens alone.
const (
	qualityHigh  = "high"
	qualityLow   = "low"
	qualitySaver = "saver" // the small one everywhere
	qualityFor   = 180 * 24 * time.Hour
)

// qualityCookie makes the browser keep the quality that the address chooses.
func (v *visit) qualityCookie() []string {
	switch quality := v.URL.Query().Get("q"); quality {
	case qualityHigh, qualityLow, qualitySaver:
		return []string{web.Cookie(v.Context(), "quality", quality, qualityFor)}
	}
	return nil
}

// qualityField chooses what this browser shows.
func (v *visit) qualityField() Field {
	return Field{
		Name: "quality", Label: "field.quality", Hint: "field.quality.hint", Type: "select",
		Value: web.CookieOf(v.Request, "quality"),
		Options: []Option{
			{qualityLow, "quality.low"}, {qualitySaver, "quality.saver"}, {qualityHigh, "quality.high"},
		},
	}
}

func (s *Site) postQuality(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	quality := form.Get("quality")
	if quality != qualityHigh && quality != qualitySaver {
		quality = qualityLow
	}
	return v.goTo("/me?said=quality", web.Cookie(v.Context(), "quality", quality, qualityFor))
}
