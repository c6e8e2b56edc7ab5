package voting

import (
	"context"
	"fmt"
	"strconv"
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

// seededRow is an entry that comes with its votes counted.
type seededRow struct {
	Entry entryRow `gorm:"embedded"`
	Votes int
}

func (seededRow) TableName() string { return "voting_entries" }

// seed leaves the lists by votes up to date: entries and contestants come counted. The votes come before the entries,
// so that the trigger that counts them finds nothing to do, and the one that begins an entry's tally takes the number.
func (s *store) seed(ctx context.Context, seeded []Seeded) error {
	entries, contestants := make([]seededRow, len(seeded)), make([]seedRow, len(seeded))
	var votes []voteRow
	for i, e := range seeded {
		published := database.Micros(e.PublishedAt)
		entries[i] = seededRow{newRow(e.Entry, published), len(e.Cast)}
		c := seedRow{
			UserID: e.UserID, Username: e.PlayerName, City: e.City, CityFolded: text.Fold(e.City),
			Country: e.Country, CountryFolded: foldCountry(e.Country), Entries: 1,
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
	if err := s.addSeeded(ctx, votes); err != nil {
		return err
	}
	tx := s.db.Gorm(ctx)
	if err := tx.CreateInBatches(entries, seedValues/columns).Error; err != nil {
		return err
	}
	return tx.CreateInBatches(contestants, seedValues/columns).Error
}

// addSeeded adds votes that are in no list yet. PostgreSQL reads four arrays far faster than a value for each field.
func (s *store) addSeeded(ctx context.Context, votes []voteRow) error {
	if len(votes) == 0 {
		return nil
	}
	if s.db.Dialect() == database.SQLite {
		return s.db.Gorm(ctx).CreateInBatches(votes, 2000).Error
	}
	if _, err := s.db.Exec(ctx, `SELECT set_config('voting.entries_follow', 'on', TRUE)`); err != nil {
		return err
	}
	var videos, voters, contestants, times []byte
	for i, v := range votes {
		separator := byte(',')
		if i == 0 {
			separator = '{'
		}
		// An id needs no quotes in an array.
		videos = append(append(videos, separator), v.VideoID...)
		voters = append(append(voters, separator), v.UserID...)
		contestants = append(append(contestants, separator), v.ContestantID...)
		times = strconv.AppendInt(append(times, separator), v.CreatedAt, 10)
	}
	_, err := s.db.Exec(ctx, `
		INSERT INTO voting_votes (video_id, user_id, contestant_id, created_at)
		SELECT * FROM unnest(?::text[], ?::text[], ?::text[], ?::bigint[])`,
		string(videos)+"}", string(voters)+"}", string(contestants)+"}", string(times)+"}")
	return err
}
