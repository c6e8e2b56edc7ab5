package site

import (
	"time"

	"risingstars/modules/voting"
	"risingstars/platform/web"
)

// RankingPage shows the contestants in the order of their votes.
type RankingPage struct {
	Base

	Filter Filter
	Rows   []RankRow
	Total  int
	Empty  bool
	Pager  Pager
	Again  string // the address of this page
	Today  time.Time
}

func (*RankingPage) file() string { return "ranking" }

// RankRow is a contestant.
type RankRow struct {
	Position, Votes                   int
	UserID, PlayerName, City, Country string
	Own                               bool
}

func (s *Site) getRanking(v *visit) (web.View, error) {
	query := v.URL.Query()
	d := &RankingPage{Base: v.frame("ranking.title", "ranking"), Filter: v.filter()}
	d.Filter.Search = ""
	window := voting.Window{Offset: (pageOf(query) - 1) * rankingRows, Limit: rankingRows}
	found, err := s.voting.Rankings(v.Context(), voting.Filter{City: d.Filter.City, Country: d.Filter.Country}, window)
	if err != nil {
		return web.View{}, err
	}
	for _, r := range found.Ranks {
		d.Rows = append(d.Rows, RankRow{
			Position: r.Position, Votes: r.Votes, UserID: r.UserID, PlayerName: r.PlayerName, City: r.City,
			Country: r.Country,
			Own:     r.UserID == v.caller && v.caller != "",
		})
	}
	d.Total, d.Pager, d.Empty = found.Total, v.pager(found.Total, rankingRows), found.Total == 0 && !d.Filter.Active()
	if d.Pager.past() {
		return v.goTo(v.numbered(d.Pager.Pages))
	}
	d.Today, d.Again = time.Now(), v.link(v.path+kept(v.path, query))
	d.Scripts = []string{"ranking.js"}
	return s.show(d)
}
