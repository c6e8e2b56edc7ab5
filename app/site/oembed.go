package site

import (
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

var errNoSize = fault.ErrInvalid.WithFields(fault.Field{
	Location: "query.maxwidth",
	Message:  fault.Text{ES: "tiene que ser un número de píxeles", EN: "must be a number of pixels"},
})

// embedded is the answer of oEmbed (https://oembed.com, §2.3.4).
type embedded struct {
	Version         string `json:"version"`
	Type            string `json:"type"`
	Title           string `json:"title"`
	AuthorName      string `json:"author_name"`
	AuthorURL       string `json:"author_url"`
	ProviderName    string `json:"provider_name"`
	ProviderURL     string `json:"provider_url"`
	HTML            string `json:"html"`
	Width           int    `json:"width"`
	Height          int    `json:"height"`
	ThumbnailURL    string `json:"thumbnail_url"`
	ThumbnailWidth  int    `json:"thumbnail_width"`
	ThumbnailHeight int    `json:"thumbnail_height"`
}

// The sizes of an embedded player, and of the line of text below it.
const (
	embedWidth  = 640
	embedLine   = 56
	embedLowest = 200
)

// getOEmbed tells another site how to show a video of ours.
func (s *Site) getOEmbed(v *visit) (web.View, error) {
	query := v.URL.Query()
	if format := query.Get("format"); format != "" && format != "json" {
		return web.View{
			Status: http.StatusNotImplemented, HTML: []byte("json\n"), Type: "text/plain; charset=utf-8",
		}, nil
	}
	// An address that is none of ours has no id, and so no video.
	id, language := videoIn(query.Get("url"), strings.TrimSuffix(web.Absolute(v.Context(), "/"), "/"))
	e, err := s.voting.EntryOf(v.Context(), id)
	if err != nil {
		return web.View{}, err
	}
	width, height, err := embedSize(query)
	if err != nil {
		return web.View{}, err
	}
	v.language = language
	name, err := s.render.texts.In(language).Say("site.name")
	if err != nil {
		return web.View{}, err
	}
	card := s.videoCard(v, e)
	body, err := json.Marshal(embedded{
		Version: "1.0", Type: "video", Title: e.Title, AuthorName: e.PlayerName,
		AuthorURL: v.absolute(language, "/u/"+e.UserID), ProviderName: name, ProviderURL: v.absolute(language, "/"),
		Width: width, Height: height, ThumbnailURL: card.Picture, ThumbnailWidth: card.Width,
		ThumbnailHeight: card.Height,
		HTML: fmt.Sprintf(`<iframe src="%s" width="%d" height="%d" title="%s" allow="fullscreen" loading="lazy" `+
			`style="border:0;max-width:100%%"></iframe>`,
			v.absolute(language, "/embed/"+e.VideoID), width, height, html.EscapeString(e.Title+" · "+e.PlayerName)),
	})
	return web.View{HTML: body, Type: "application/json; charset=utf-8", Open: true}, err
}

// videoIn returns the video that an address of ours shows, "" if it shows none, and the language of the page.
func videoIn(address, origin string) (id, language string) {
	u, err := url.Parse(address)
	site, siteErr := url.Parse(origin)
	// Whoever copied the address may have come by http.
	if err != nil || siteErr != nil || u.Host != site.Host || u.Scheme != "https" && u.Scheme != "http" {
		return "", spanish
	}
	language = spanish
	path, isEnglish := strings.CutPrefix(u.Path, "/en/")
	if isEnglish {
		path, language = "/"+path, english
	}
	if id, ok := strings.CutPrefix(path, "/v/"); ok {
		return id, language
	}
	return "", language
}

// embedSize keeps to the most that the other site has room for.
func embedSize(query url.Values) (width, height int, err error) {
	most := func(name string, otherwise int) int {
		text := query.Get(name)
		if text == "" {
			return otherwise
		}
		n, convErr := strconv.Atoi(text)
		if convErr != nil || n < 1 {
			err = errNoSize
		}
		return min(n, 4*embedWidth)
	}
	width = min(most("maxwidth", embedWidth), 2*embedWidth)
	if most := most("maxheight", 0); most > 0 && width*9/16+embedLine > most {
		width = max(most-embedLine, 1) * 16 / 9
	}
	width = max(width, embedLowest)
	return width, width*9/16 + embedLine, err
}

// isoDuration writes a length as ISO 8601 does.
func isoDuration(d time.Duration) string {
	return fmt.Sprintf("PT%dS", int(d.Round(time.Second).Seconds()))
}
