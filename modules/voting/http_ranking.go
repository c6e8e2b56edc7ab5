package voting

import (
	"context"
	"time"

	"risingstars/platform/web"
)

type rankingInput struct {
	web.Page
	Place
}

type rankBody struct {
	Position   int    `json:"position" doc:"From 1, within the filter"`
	UserID     string `json:"user_id"`
	PlayerName string `json:"username" doc:"The player name"`
	City       string `json:"city"`
	Country    string `json:"country"`
	Votes      int    `json:"votes"`
}

type rankingOutput struct {
	Body struct {
		Rankings   []rankBody `json:"rankings"`
		Total      int        `json:"total" doc:"Contestants on all pages"`
		Page       int        `json:"page"`
		PageSize   int        `json:"page_size"`
		TotalPages int        `json:"total_pages"`
		AsOf       time.Time  `json:"as_of" doc:"When the votes were counted"`
	}
}

func (a api) getRankings(ctx context.Context, in *rankingInput) (*rankingOutput, error) {
	ranking, err := a.Rankings(ctx, Filter{City: in.City, Country: in.Country}, in.Offset(), in.Size)
	if err != nil {
		return nil, err
	}
	out := &rankingOutput{}
	b := &out.Body
	b.Rankings = make([]rankBody, len(ranking.Ranks))
	for i, r := range ranking.Ranks {
		b.Rankings[i] = rankBody(r)
	}
	b.Total, b.Page, b.PageSize, b.AsOf = ranking.Total, in.Number, in.Size, ranking.AsOf
	b.TotalPages = in.Pages(ranking.Total)
	return out, nil
}
