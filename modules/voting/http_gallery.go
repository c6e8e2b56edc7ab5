package voting

import (
	"context"
	"errors"
	"time"

	"risingstars/platform/lang"
	"risingstars/platform/web"
)

type poster struct {
	URL    string `json:"url"`
	Width  int    `json:"width"`
	Height int    `json:"height"`
}

type publicVideo struct {
	VideoID         string    `json:"video_id"`
	Title           string    `json:"title"`
	Description     string    `json:"description"`
	PlayerName      string    `json:"player_name"`
	City            string    `json:"city"`
	Country         string    `json:"country" doc:"Its name in Spanish, or a word of the contestant's own"`
	CountryCode     string    `json:"country_code" doc:"Of ISO 3166-1; empty for a word of one's own"`
	ProcessedURL    string    `json:"processed_url"`
	PosterURL       string    `json:"poster_url"`
	SmallURL        *string   `json:"small_url" doc:"The clip for phones on a bad line; null if there is none"`
	SmallWidth      *int      `json:"small_width"`
	SmallHeight     *int      `json:"small_height"`
	Posters         []poster  `json:"posters" doc:"The poster in all sizes; null if there is only one"`
	DurationSeconds float64   `json:"duration_seconds"`
	Votes           int       `json:"votes"`
	UploadedAt      time.Time `json:"uploaded_at"`
	FilesMissing    bool      `json:"files_missing,omitempty" doc:"The clip cannot be played until it is made again"`

	// The names that clients of earlier systems know.
	ID         string    `json:"id" deprecated:"true" doc:"The same as video_id"`
	CreatedAt  time.Time `json:"created_at" deprecated:"true" doc:"The same as uploaded_at"`
	VoteCount  int       `json:"vote_count" deprecated:"true" doc:"The same as votes"`
	ArtistName string    `json:"artist_name" deprecated:"true" doc:"The same as player_name"`
}

// publicVideoOf returns the JSON of an entry, with links to its files.
func (a api) publicVideoOf(ctx context.Context, e Entry) (body publicVideo, err error) {
	link := func(key string) string {
		url, linkErr := a.files.URL(ctx, key, a.o.URLExpiry)
		err = errors.Join(err, linkErr)
		return web.Absolute(ctx, url)
	}
	body = publicVideo{
		VideoID: e.VideoID, Title: e.Title, Description: e.Description,
		PlayerName: e.PlayerName, City: e.City, Country: e.Country, CountryCode: lang.CountryCode(e.Country),
		ProcessedURL: link(e.ProcessedKey), PosterURL: link(e.PosterKey),
		DurationSeconds: e.Duration.Seconds(), Votes: e.Votes, UploadedAt: e.UploadedAt,
		FilesMissing: e.FilesMissing,
		ID:           e.VideoID, CreatedAt: e.UploadedAt, VoteCount: e.Votes, ArtistName: e.PlayerName,
	}
	if e.SmallKey != "" {
		small := link(e.SmallKey)
		body.SmallURL, body.SmallWidth, body.SmallHeight = &small, &e.SmallWidth, &e.SmallHeight
	}
	if e.Poster640Key != "" {
		body.Posters = []poster{
			{body.PosterURL, 1280, 720}, {link(e.Poster640Key), 640, 360}, {link(e.Poster320Key), 320, 180},
		}
	}
	return body, err
}

// Place narrows a list down to a place.
type Place struct {
	City    string `query:"city" maxLength:"100" doc:"Ignores case, accents and punctuation"`
	Country string `query:"country" maxLength:"100" doc:"Ignores case, accents and punctuation"`
}

type galleryInput struct {
	web.Page
	After
	Place
	Search string `query:"q" maxLength:"100" doc:"At most 5 words in the title, the player name or the city"`
	Order  string `query:"order" enum:"recent,votes,asc,desc" default:"recent" doc:"asc and desc go with order_by"`
	By     string `query:"order_by" enum:"created_at,uploaded_at,votes" deprecated:"true" doc:"With order asc or desc"`
}

// sorted returns the order that is asked for. Clients of earlier systems name a column and a direction.
func (in *galleryInput) sorted() Order {
	byVotes := in.By == "votes" || in.By == "" && in.Order == "votes"
	switch ascending := in.Order == "asc"; {
	case byVotes && ascending:
		return LeastVoted
	case byVotes:
		return MostVoted
	case ascending:
		return Oldest
	}
	return Recent
}

type galleryOutput struct {
	web.PageHeaders
	Next string `header:"X-Next-After" doc:"The parameter after of the next page; missing on the last page"`
	Body []publicVideo
}

func (a api) getVideos(ctx context.Context, in *galleryInput) (*galleryOutput, error) {
	filter := Filter{City: in.City, Country: in.Country, Search: in.Search}
	if in.Search != "" {
		hold, err := a.limits.Hold(ctx, clientSearches, web.Client(ctx))
		if err != nil {
			return nil, err
		}
		defer hold.Release()
	}
	order := in.sorted()
	list := listName(string(order), filter)
	window, err := a.askedFor(in.After, list, in.Page)
	if err != nil {
		return nil, err
	}
	page, err := a.Gallery(ctx, filter, order, window)
	if err != nil {
		return nil, err
	}
	after := a.cursor(list, page.Next)
	out := &galleryOutput{
		Next: after, Body: make([]publicVideo, len(page.Entries)),
		PageHeaders: in.headers(ctx, in.Page, page.Total, after, "city", "country", "q", "order", "order_by"),
	}
	for i, entry := range page.Entries {
		if out.Body[i], err = a.publicVideoOf(ctx, entry); err != nil {
			return nil, err
		}
	}
	return out, nil
}

type videoInput struct {
	ID string `path:"id" doc:"The video's id"`
}

type videoOutput struct {
	Body publicVideo
}

func (a api) getVideo(ctx context.Context, in *videoInput) (*videoOutput, error) {
	entry, err := a.EntryOf(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	video, err := a.publicVideoOf(ctx, entry)
	return &videoOutput{Body: video}, err
}
