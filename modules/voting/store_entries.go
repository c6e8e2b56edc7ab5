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
	SmallKey      string
	SmallWidth    int
	SmallHeight   int
	Poster640Key  string `gorm:"column:poster_640_key"`
	Poster320Key  string `gorm:"column:poster_320_key"`
	DurationMs    int64
	UploadedAt    int64
	PublishedAt   int64
	FoldVersion   int // of the folded texts
	FilesMissing  bool
}

func (entryRow) TableName() string { return "voting_entries" }

func (r entryRow) entry(votes int) Entry {
	return Entry{
		VideoID: r.VideoID, UserID: r.UserID, PlayerName: r.PlayerName, City: r.City, Country: r.Country,
		Title: r.Title, Description: r.Description, Output: r.output(),
		Duration:   time.Duration(r.DurationMs) * time.Millisecond,
		UploadedAt: database.FromMicros(r.UploadedAt), Votes: votes,
		FilesMissing: r.FilesMissing,
	}
}

// newRow is a new entry's, published at a time in microseconds.
func newRow(e Entry, publishedAt int64) entryRow {
	return entryRow{
		VideoID: e.VideoID, UserID: e.UserID, PlayerName: e.PlayerName, City: e.City, CityFolded: text.Fold(e.City),
		Country: e.Country, CountryFolded: foldCountry(e.Country), Title: e.Title, Description: e.Description,
		SearchText: searchText(e.Title, e.PlayerName, e.City), FoldVersion: foldVersion,
		ProcessedKey: e.ProcessedKey, PosterKey: e.PosterKey, DurationMs: e.Duration.Milliseconds(),
		SmallKey: e.SmallKey, SmallWidth: e.SmallWidth, SmallHeight: e.SmallHeight,
		Poster640Key: e.Poster640Key, Poster320Key: e.Poster320Key,
		UploadedAt: database.Micros(e.UploadedAt), PublishedAt: publishedAt,
	}
}

func (r entryRow) output() Output {
	return Output{
		ProcessedKey: r.ProcessedKey, PosterKey: r.PosterKey,
		SmallKey: r.SmallKey, SmallWidth: r.SmallWidth, SmallHeight: r.SmallHeight,
		Poster640Key: r.Poster640Key, Poster320Key: r.Poster320Key,
	}
}

// publish inserts the entry and brings its contestant's row up to date with the profile in the entry. Of an entry that
// is there it replaces the files.
func (s *store) publish(ctx context.Context, e Entry) error {
	now := database.Micros(time.Now())
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if hidden, err := s.publishHidden(ctx, e); err != nil || hidden {
			return err
		}
		replaced, err := s.db.Exec(ctx, `
			UPDATE voting_entries SET processed_key = ?, poster_key = ?, duration_ms = ?, files_missing = FALSE,
				small_key = ?, small_width = ?, small_height = ?, poster_640_key = ?, poster_320_key = ?
			WHERE video_id = ? AND user_id = ?`,
			e.ProcessedKey, e.PosterKey, e.Duration.Milliseconds(),
			e.SmallKey, e.SmallWidth, e.SmallHeight, e.Poster640Key, e.Poster320Key, e.VideoID, e.UserID)
		if err != nil || replaced > 0 {
			return err
		}
		row := newRow(e, now)
		if err := s.db.Gorm(ctx).Create(&row).Error; err != nil {
			return err
		}
		_, err = s.db.Exec(ctx, `
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

// markMissing changes nothing if there is no entry.
func (s *store) markMissing(ctx context.Context, videoID string, missing bool) error {
	for _, statement := range []string{
		`UPDATE voting_entries SET files_missing = ? WHERE video_id = ?`,
		`UPDATE voting_hidden_entries SET files_missing = ? WHERE video_id = ?`,
	} {
		if _, err := s.db.Exec(ctx, statement, missing, videoID); err != nil {
			return fmt.Errorf("mark that files of entry %s are missing: %w", videoID, err)
		}
	}
	return nil
}

// withdraw keeps an entry that has votes. A concurrent vote either comes first, and the entry stays, or finds no entry.
func (s *store) withdraw(ctx context.Context, videoID string) (withdrawn bool, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		withdrawn = false // of a run that was rolled back
		contestantID, err := s.contestant(ctx, videoID)
		if errors.Is(err, errNoEntry) {
			known, removed, err := s.withdrawHidden(ctx, videoID)
			withdrawn = removed || !known
			return err
		}
		if err != nil {
			return err
		}
		rows, err := s.db.Exec(ctx, `DELETE FROM voting_tallies WHERE video_id = ? AND votes = 0`, videoID)
		if withdrawn = rows > 0; err != nil || !withdrawn {
			return err
		}
		for _, statement := range []string{
			`DELETE FROM voting_entries WHERE video_id = ?`,
			`DELETE FROM voting_withdrawn_votes WHERE video_id = ?`,
		} {
			if _, err := s.db.Exec(ctx, statement, videoID); err != nil {
				return err
			}
		}
		if err := s.noteChange(ctx); err != nil {
			return err
		}
		for _, statement := range []string{
			`UPDATE voting_contestants SET entries = entries - 1 WHERE user_id = ?`,
			`DELETE FROM voting_contestants WHERE user_id = ? AND entries = 0`,
		} {
			if _, err := s.db.Exec(ctx, statement, contestantID); err != nil {
				return err
			}
		}
		return nil
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
	votes, err := s.tally(ctx, videoID)
	return row.entry(votes), err
}

// contestant returns whose entry it is, and errNoEntry if there is none.
func (s *store) contestant(ctx context.Context, videoID string) (string, error) {
	var row entryRow
	err := s.db.Gorm(ctx).Select("user_id").Where("video_id = ?", videoID).Take(&row).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return "", errNoEntry
	}
	if err != nil {
		return "", fmt.Errorf("read the contestant of entry %s: %w", videoID, err)
	}
	return row.UserID, nil
}

// entries returns the window of the entries.
func (s *store) entries(ctx context.Context, f Filter, order Order, w Window) (GalleryPage, error) {
	words, err := searchWords(f.Search)
	if err != nil {
		return GalleryPage{}, err
	}
	if len(words) > 0 {
		if err := s.searches.Acquire(ctx, 1); err != nil {
			return GalleryPage{}, fmt.Errorf("wait to search: %w", err)
		}
		defer s.searches.Release(1)
	}
	sorted := entriesIn(order)
	read := s.byTime
	if sorted.byVotes {
		read = s.byVotes
	}
	page, err := read(ctx, sorted, f, words, w)
	if err != nil {
		return GalleryPage{}, fmt.Errorf("list entries: %w", err)
	}
	return page, nil
}

func (s *store) byTime(
	ctx context.Context, l list, f Filter, words []string, w Window,
) (page GalleryPage, err error) {
	query := s.matching(in(s.db.Gorm(ctx).Model(&entryRow{}), f), words)
	rows, total, err := read[entryRow](ctx, s, query, l, f, words, w)
	page.Total = total
	if err != nil {
		return page, err
	}
	ids := make([]string, len(rows))
	for i, row := range rows {
		ids[i] = row.VideoID
	}
	votes, err := s.tallies(ctx, ids)
	if err != nil {
		return page, err
	}
	page.Entries = make([]Entry, len(rows))
	for i, row := range rows {
		page.Entries[i] = row.entry(votes[row.VideoID])
		page.Next = next(Mark{At: row.PublishedAt, ID: row.VideoID}, w, len(rows), page.Total)
	}
	return page, nil
}

// byVotes shows the votes that the list is sorted by, which are those of the moment at which it was asked for.
func (s *store) byVotes(
	ctx context.Context, l list, f Filter, words []string, w Window,
) (page GalleryPage, err error) {
	if err := s.relist(ctx, entriesByVotes()); err != nil {
		return page, err
	}
	query := in(s.db.Gorm(ctx).Model(&tallyRow{}), f)
	if len(words) > 0 {
		found := s.matching(s.db.Gorm(ctx).Model(&entryRow{}).Select("video_id"), words)
		query = query.Where("video_id IN (?)", found).Session(&gorm.Session{})
	}
	tallies, total, err := read[tallyRow](ctx, s, query, l, f, words, w)
	page.Total = total
	if err != nil || len(tallies) == 0 {
		return page, err
	}
	ids := make([]string, len(tallies))
	for i, tally := range tallies {
		ids[i] = tally.VideoID
	}
	var rows []entryRow
	if err := s.db.Gorm(ctx).Where("video_id IN ?", ids).Find(&rows).Error; err != nil {
		return page, err
	}
	byID := make(map[string]entryRow, len(rows))
	for _, row := range rows {
		byID[row.VideoID] = row
	}
	page.Entries = make([]Entry, 0, len(tallies))
	for _, tally := range tallies {
		if row, ok := byID[tally.VideoID]; ok { // it may have been withdrawn meanwhile
			page.Entries = append(page.Entries, row.entry(tally.ListedVotes))
		}
		page.Next = next(Mark{Votes: tally.ListedVotes, At: tally.PublishedAt, ID: tally.VideoID},
			w, len(tallies), page.Total)
	}
	return page, nil
}
