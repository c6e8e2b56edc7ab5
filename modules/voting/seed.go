package voting

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/text"
)

// Seeded is an entry with its votes, for a demonstration or a load test.
type Seeded struct {
	Entry

	PublishedAt time.Time
	Cast        []SeededVote
}

// SeededVote is a vote that was cast.
type SeededVote struct {
	VoterID string
	At      time.Time
}

// Seed publishes entries, each the only one of its contestant, and casts their votes. It joins the transaction in ctx.
func (m *Module) Seed(ctx context.Context, entries []Seeded) error {
	err := m.store.db.InTx(ctx, func(ctx context.Context) error { return m.store.seed(ctx, entries) })
	if err != nil {
		return fmt.Errorf("add %d entries: %w", len(entries), err)
	}
	return nil
}

// seedValues is how many values a statement has at most; SQLite allows 32,766.
const seedValues = 32_000

type voteRow struct {
	VideoID      string
	UserID       string
	ContestantID string
	CreatedAt    int64 `gorm:"autoCreateTime:false"`
}

func (voteRow) TableName() string { return "voting_votes" }

// seedRow is a contestant with all columns.
type seedRow struct {
	UserID        string
	Username      string
	City          string
	CityFolded    string
	Country       string
	CountryFolded string
	Entries       int
	Votes         int
	ListedVotes   int
	JoinedAt      int64
	ReachedAt     int64
	ListedAt      int64
	Behind        bool
}

func (seedRow) TableName() string { return "voting_contestants" }

// seed leaves the lists by votes up to date: a trigger counts the votes of entries, and the contestants come counted.
func (s *store) seed(ctx context.Context, seeded []Seeded) error {
	entries, contestants := make([]entryRow, len(seeded)), make([]seedRow, len(seeded))
	var votes []voteRow
	ids := make([]string, len(seeded))
	for i, e := range seeded {
		published := database.Micros(e.PublishedAt)
		entries[i], ids[i] = newRow(e.Entry, published), e.VideoID
		c := seedRow{
			UserID: e.UserID, Username: e.PlayerName, City: e.City, CityFolded: text.Fold(e.City),
			Country: e.Country, CountryFolded: text.Fold(e.Country), Entries: 1,
			Votes: len(e.Cast), ListedVotes: len(e.Cast), JoinedAt: published, ListedAt: published,
		}
		for _, b := range e.Cast {
			at := database.Micros(b.At)
			votes = append(votes, voteRow{VideoID: e.VideoID, UserID: b.VoterID, ContestantID: e.UserID, CreatedAt: at})
			c.ListedAt = max(c.ListedAt, at)
		}
		c.ReachedAt = c.ListedAt
		contestants[i] = c
	}
	const columns = 32 // more than an entry or a contestant has
	tx := s.db.Gorm(ctx)
	if err := tx.CreateInBatches(entries, seedValues/columns).Error; err != nil {
		return err
	}
	if err := tx.CreateInBatches(contestants, seedValues/columns).Error; err != nil {
		return err
	}
	if len(votes) > 0 {
		if err := tx.CreateInBatches(votes, 2000).Error; err != nil {
			return err
		}
	}
	_, err := s.db.Exec(ctx, `UPDATE voting_tallies SET listed_votes = votes, behind = FALSE WHERE video_id IN ?`, ids)
	return err
}
