package voting

import (
	"context"
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"

	"risingstars/platform/database"
	"risingstars/platform/text"
)

type entryRow struct {
	VideoID       string `gorm:"primaryKey"`
	UserID        string
	PlayerName    string
	City          string
	CityFolded    string
	Country       string
	CountryFolded string
	Title         string
	Description   string
	SearchText    string
	ProcessedKey  string
	PosterKey     string
	DurationMs    int64
	Votes         int
	UploadedAt    int64
	PublishedAt   int64
	FoldVersion   int // of the folded texts
}

func (entryRow) TableName() string { return "voting_entries" }

func (r entryRow) entry() Entry {
	return Entry{
		VideoID: r.VideoID, UserID: r.UserID, PlayerName: r.PlayerName, City: r.City, Country: r.Country,
		Title: r.Title, Description: r.Description, ProcessedKey: r.ProcessedKey, PosterKey: r.PosterKey,
		Duration:   time.Duration(r.DurationMs) * time.Millisecond,
		UploadedAt: database.FromMicros(r.UploadedAt), Votes: r.Votes,
	}
}

// publish inserts the entry and brings its contestant's row up to date with the profile in the entry.
func (s *store) publish(ctx context.Context, e Entry) error {
	now := database.Micros(time.Now())
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		row := entryRow{
			VideoID: e.VideoID, UserID: e.UserID, PlayerName: e.PlayerName, City: e.City, CityFolded: text.Fold(e.City),
			Country: e.Country, CountryFolded: text.Fold(e.Country), Title: e.Title, Description: e.Description,
			SearchText: searchText(e.Title, e.PlayerName, e.City), FoldVersion: text.FoldVersion,
			ProcessedKey: e.ProcessedKey, PosterKey: e.PosterKey, DurationMs: e.Duration.Milliseconds(),
			UploadedAt: database.Micros(e.UploadedAt), PublishedAt: now,
		}
		if err := s.db.Gorm(ctx).Create(&row).Error; err != nil {
			return err
		}
		_, err := s.db.Exec(ctx, `
			INSERT INTO voting_contestants
				(user_id, username, city, city_folded, country, country_folded, entries, votes, joined_at, reached_at)
			VALUES (?, ?, ?, ?, ?, ?, 1, 0, ?, ?)
			ON CONFLICT (user_id) DO UPDATE SET
				username = excluded.username, city = excluded.city, city_folded = excluded.city_folded,
				country = excluded.country, country_folded = excluded.country_folded,
				entries = voting_contestants.entries + 1`,
			e.UserID, e.PlayerName, e.City, row.CityFolded, e.Country, row.CountryFolded, now, now)
		return err
	})
	if err != nil {
		return fmt.Errorf("publish entry %s: %w", e.VideoID, err)
	}
	return nil
}

// withdraw keeps an entry that has votes. A concurrent vote either comes first, and the entry stays, or finds no entry.
func (s *store) withdraw(ctx context.Context, videoID string) (withdrawn bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		entry, err := s.entry(ctx, videoID)
		if errors.Is(err, errNoEntry) {
			withdrawn = true
			return nil
		}
		if err != nil {
			return err
		}
		rows, err := s.db.Exec(ctx, `DELETE FROM voting_entries WHERE video_id = ? AND votes = 0`, videoID)
		if err != nil || rows == 0 {
			return err
		}
		withdrawn = true
		if _, err := s.db.Exec(ctx, `DELETE FROM voting_withdrawn_votes WHERE video_id = ?`, videoID); err != nil {
			return err
		}
		_, err = s.db.Exec(ctx, `UPDATE voting_contestants SET entries = entries - 1 WHERE user_id = ?`, entry.UserID)
		if err != nil {
			return err
		}
		_, err = s.db.Exec(ctx, `DELETE FROM voting_contestants WHERE user_id = ? AND entries = 0`, entry.UserID)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("withdraw entry %s: %w", videoID, err)
	}
	return withdrawn, nil
}

func (s *store) entry(ctx context.Context, videoID string) (Entry, error) {
	var row entryRow
	err := s.db.Gorm(ctx).Where("video_id = ?", videoID).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return Entry{}, errNoEntry
	}
	if err != nil {
		return Entry{}, fmt.Errorf("read entry %s: %w", videoID, err)
	}
	return row.entry(), nil
}

// entries returns a page of the entries, and the number of entries on all pages.
func (s *store) entries(ctx context.Context, f Filter, order Order, offset, limit int) ([]Entry, int, error) {
	words, err := searchWords(f.Search)
	if err != nil {
		return nil, 0, err
	}
	if len(words) > 0 {
		if err := s.searches.Acquire(ctx, 1); err != nil {
			return nil, 0, fmt.Errorf("wait to search: %w", err)
		}
		defer s.searches.Release(1)
	}
	query := s.narrow(s.db.Gorm(ctx).Model(&entryRow{}), f, words)
	sorted := query.Order("published_at DESC, video_id DESC")
	if order == MostVoted {
		sorted = query.Order("votes DESC, published_at, video_id")
	}
	var rows []entryRow
	total, err := s.page(query, sorted, &rows, totalKey{"entries", f}, offset, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("list entries: %w", err)
	}
	entries := make([]Entry, len(rows))
	for i, row := range rows {
		entries[i] = row.entry()
	}
	return entries, total, nil
}
