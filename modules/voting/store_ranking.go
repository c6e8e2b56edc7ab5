package voting

import (
	"context"
	"fmt"
)

type contestantRow struct {
	UserID     string `gorm:"primaryKey"`
	PlayerName string `gorm:"column:username"`
	City       string
	Country    string
	Votes      int `gorm:"column:listed_votes"`
	ListedAt   int64
}

func (contestantRow) TableName() string { return "voting_contestants" }

func (s *store) ranks(ctx context.Context, f Filter, w Window) (r Ranking, err error) {
	if err := s.relist(ctx, contestantsByVotes()); err != nil {
		return r, err
	}
	query := in(s.db.Gorm(ctx).Model(&contestantRow{}), f)
	rows, total, err := read[contestantRow](ctx, s, query, byRank(), f, nil, w)
	if err != nil {
		return r, fmt.Errorf("rank contestants: %w", err)
	}
	r.Total, r.Ranks = total, make([]Rank, len(rows))
	for i, row := range rows {
		r.Ranks[i] = Rank{
			Position: w.first() + i + 1, UserID: row.UserID, PlayerName: row.PlayerName,
			City: row.City, Country: row.Country, Votes: row.Votes,
		}
		r.Next = next(Mark{Votes: row.Votes, At: row.ListedAt, ID: row.UserID}, w, len(rows), r.Total)
	}
	return r, nil
}
