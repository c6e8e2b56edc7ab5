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
}

func (contestantRow) TableName() string { return "voting_contestants" }

func (s *store) ranks(ctx context.Context, f Filter, offset, limit int) ([]Rank, int, error) {
	if err := s.relist(ctx, contestantsByVotes()); err != nil {
		return nil, 0, err
	}
	f.Search = ""
	query := in(s.db.Gorm(ctx).Model(&contestantRow{}), f)
	var rows []contestantRow
	sorted := query.Order("listed_votes DESC, listed_at, user_id")
	total, err := s.page(query, sorted, &rows, totalKey{"contestants", f}, offset, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("rank contestants: %w", err)
	}
	ranks := make([]Rank, len(rows))
	for i, row := range rows {
		ranks[i] = Rank{
			Position: offset + i + 1, UserID: row.UserID, PlayerName: row.PlayerName,
			City: row.City, Country: row.Country, Votes: row.Votes,
		}
	}
	return ranks, total, nil
}
