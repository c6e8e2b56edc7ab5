package site

import (
	"net/url"
	"strings"

	"risingstars/modules/voting"
	"risingstars/platform/lang"
	"risingstars/platform/web"
)

// PerformerPage shows who somebody is on the stage: their videos, and their place in city and country.
type PerformerPage struct {
	Base

	ID, Name, City, Country string
	Votes                   int
	Places                  []Place
	Cards                   []VideoCard
	Share                   Share
}

func (*PerformerPage) file() string { return "performer" }

// Place is a position in the ranking of a place.
type Place struct {
	Of           string // a city; "" for the whole country
	Country      string
	Position, In int
	Address      string // of that ranking
}

func (s *Site) getPerformer(v *visit) (web.View, error) {
	ctx := v.Context()
	p, err := s.voting.PerformerOf(ctx, v.PathValue("id"))
	if err != nil {
		return web.View{}, err
	}
	d := &PerformerPage{
		Base: v.frame(p.PlayerName, "ranking"), ID: p.UserID, Name: p.PlayerName, City: p.City, Country: p.Country,
		Votes: p.Votes,
	}
	d.Named, d.Scripts = true, []string{"video.js"}
	ranking := func(city, country string) string {
		query := url.Values{"country": {country}}
		if city != "" {
			query.Set("city", city)
		}
		return v.link("/ranking?" + query.Encode())
	}
	d.Places = []Place{
		{p.City, p.Country, p.InCity, p.OfCity, ranking(p.City, p.Country)},
		{"", p.Country, p.InCountry, p.OfCountry, ranking("", p.Country)},
	}
	if d.Cards, err = s.cards(ctx, v.caller, p.Entries); err != nil {
		return web.View{}, err
	}
	first := p.Entries[0]
	d.Card = s.videoCard(v, first)
	d.Card.Video = false
	d.Card.Title = cut(p.PlayerName, 65)
	d.Card.Description = cut(first.Title+" · "+p.City+", "+lang.Country(p.Country, v.language), 160)
	d.Share, err = newShare(p.PlayerName, d.Canonical)
	if err != nil {
		return web.View{}, err
	}
	return s.show(d)
}

// PosterPage is a sheet of A4 to print, with a code that leads to a performer.
type PosterPage struct {
	Base

	Name, City, Country string
	Song                string // the title of the latest video
	Picture             string
	Host                string // of the site, to type
	Back                string
	Share               Share
}

func (*PosterPage) file() string { return "poster" }

func (s *Site) getPoster(v *visit) (web.View, error) {
	p, err := s.voting.PerformerOf(v.Context(), v.PathValue("id"))
	if err != nil {
		return web.View{}, err
	}
	first := p.Entries[0]
	d := &PosterPage{
		Base: v.frame("poster.title", ""), Name: p.PlayerName, City: p.City, Country: p.Country, Song: first.Title,
		Back: v.link("/u/" + p.UserID),
	}
	d.Private, d.Scripts = true, []string{"print.js"}
	_, d.Host, _ = strings.Cut(d.Origin, "://")
	if d.Picture, err = s.address(v.Context(), first.PosterKey); err != nil {
		return web.View{}, err
	}
	if d.Share, err = newShare(p.PlayerName, v.absolute(v.language, "/u/"+p.UserID)); err != nil {
		return web.View{}, err
	}
	return s.show(d)
}

// EmbedPage is a video in a frame of another site.
type EmbedPage struct {
	Base

	Name, PlayerName string
	Player           Player
}

func (*EmbedPage) file() string { return "embed" }

func (s *Site) getEmbed(v *visit) (web.View, error) {
	e, err := s.voting.EntryOf(v.Context(), v.PathValue("id"))
	if err != nil {
		return web.View{}, err
	}
	d := &EmbedPage{
		Base: v.frame(e.Title+" · "+e.PlayerName, ""), Name: e.Title, PlayerName: e.PlayerName,
	}
	d.Named, d.Private, d.Scripts = true, true, []string{"video.js"}
	d.Canonical = v.absolute(v.language, "/v/"+e.VideoID)
	if d.Player, err = s.player(v, e, "/embed/"+e.VideoID); err != nil {
		return web.View{}, err
	}
	view, err := s.show(d)
	view.Framed = true
	return view, err
}

// videoData describes a video to search engines (https://schema.org/VideoObject).
func (s *Site) videoData(v *visit, e voting.Entry) any {
	ctx := v.Context()
	return map[string]any{
		"@context": "https://schema.org", "@type": "VideoObject", "name": e.Title,
		"description":  cut(e.PlayerName+", "+e.City+". "+e.Description, 500),
		"thumbnailUrl": []string{web.Absolute(ctx, s.o.FilesPath+e.PosterKey)},
		"uploadDate":   e.UploadedAt.UTC().Format("2006-01-02T15:04:05Z"),
		"duration":     isoDuration(e.Duration),
		"contentUrl":   web.Absolute(ctx, s.o.FilesPath+e.ProcessedKey),
		"embedUrl":     v.absolute(v.language, "/embed/"+e.VideoID), "inLanguage": "es",
		"creator": map[string]any{
			"@type": "Person", "name": e.PlayerName, "url": v.absolute(v.language, "/u/"+e.UserID),
		},
		"interactionStatistic": map[string]any{
			"@type": "InteractionCounter", "interactionType": map[string]any{"@type": "LikeAction"},
			"userInteractionCount": e.Votes,
		},
	}
}
