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
	Votes      int
}

func (contestantRow) TableName() string { return "voting_contestants" }

func (s *store) ranks(ctx context.Context, f Filter, offset, limit int) ([]Rank, int, error) {
	query := narrow(s.db.Gorm(ctx).Model(&contestantRow{}), Filter{City: f.City, Country: f.Country})
	var rows []contestantRow
	err := query.Order("votes DESC, reached_at, user_id").Offset(offset).Limit(limit).Find(&rows).Error
	if err != nil {
		return nil, 0, fmt.Errorf("rank contestants: %w", err)
	}
	total, err := countAll(query, offset, limit, len(rows))
	if err != nil {
		return nil, 0, fmt.Errorf("count contestants: %w", err)
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
