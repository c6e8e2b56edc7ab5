package voting

import (
	"context"
	"time"

	"risingstars/platform/lang"
	"risingstars/platform/web"
)

type rankingInput struct {
	web.Page
	After
	Place
}

type rankBody struct {
	Position    int    `json:"position" doc:"From 1, within the filter"`
	UserID      string `json:"user_id"`
	PlayerName  string `json:"username" example:"Ana Ruiz" doc:"The player name"`
	City        string `json:"city"`
	Country     string `json:"country" doc:"Its name in Spanish, or a word of the contestant's own"`
	CountryCode string `json:"country_code" doc:"Of ISO 3166-1; empty for a word of one's own"`
	Votes       int    `json:"votes"`

	// The names that clients of earlier systems know.
	ArtistName string `json:"artist_name" deprecated:"true" doc:"The same as username"`
	VoteCount  int    `json:"vote_count" deprecated:"true" doc:"The same as votes"`
}

type rankingOutput struct {
	web.PageHeaders
	NextAfter string `header:"X-Next-After" doc:"The parameter after of the next page; missing on the last page"`
	Body      struct {
		Rankings   []rankBody `json:"rankings"`
		Total      int        `json:"total" doc:"Contestants on all pages"`
		Page       int        `json:"page"`
		PageSize   int        `json:"page_size"`
		TotalPages int        `json:"total_pages"`
		Next       *string    `json:"next_after" doc:"The parameter after of the next page; null on the last page"`
		AsOf       time.Time  `json:"as_of" doc:"When the votes were counted"`
	}
}

func (a api) getRankings(ctx context.Context, in *rankingInput) (*rankingOutput, error) {
	filter := Filter{City: in.City, Country: in.Country}
	list := listName("ranking", filter)
	window, err := a.askedFor(in.After, list, in.Page)
	if err != nil {
		return nil, err
	}
	ranking, err := a.Rankings(ctx, filter, window)
	if err != nil {
		return nil, err
	}
	out := &rankingOutput{}
	b := &out.Body
	b.Rankings = make([]rankBody, len(ranking.Ranks))
	for i, r := range ranking.Ranks {
		b.Rankings[i] = rankBody{
			Position: r.Position, UserID: r.UserID, PlayerName: r.PlayerName, City: r.City, Country: r.Country,
			CountryCode: lang.CountryCode(r.Country), Votes: r.Votes, ArtistName: r.PlayerName, VoteCount: r.Votes,
		}
	}
	b.Total, b.Page, b.PageSize, b.AsOf = ranking.Total, window.first()/in.Size+1, in.Size, ranking.AsOf
	b.TotalPages = in.Pages(ranking.Total)
	if ranking.Next != nil {
		out.NextAfter = a.cursor(list, ranking.Next)
		b.Next = &out.NextAfter
	}
	out.PageHeaders = in.headers(ctx, in.Page, ranking.Total, out.NextAfter, "city", "country")
	return out, nil
}
