package voting

import (
	"context"
	"fmt"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/lang"
)

// readTable passes all rows of a table on, at most exportPage of them in memory.
type readTable func(ctx context.Context, row func(exportRow) error) error

// exported returns the fields of a table, and what reads its rows; nil for an unknown one. Fields stay where they are,
// and new ones come last, because programs may count columns.
func (s *store) exported(table Table) ([]string, readTable) {
	switch table {
	case EntryTable:
		return []string{
			"video_id", "user_id", "player_name", "city", "country", "title", "description", "duration_seconds",
			"uploaded_at", "published_at", "votes", "hidden", "country_code",
		}, s.exportEntries
	case VoteTable:
		return []string{
			"video_id", "user_id", "player_name", "title", "votes", "first_vote_at", "last_vote_at", "hidden",
		}, s.exportVotes
	case RankingTable:
		return []string{
			"position", "user_id", "player_name", "city", "country", "votes", "entries", "reached_at", "country_code",
		}, s.exportRanking
	}
	return nil, nil
}

// entryKinds are the tables of entries and of their votes.
var entryKinds = []struct {
	entries, votes string
	hidden         bool
}{
	{"voting_entries", "voting_votes", false},
	{"voting_hidden_entries", "voting_hidden_votes", true},
}

// exportedEntry is a row of either table of entries, with its votes as they are counted in their own table.
type exportedEntry struct {
	VideoID, UserID, PlayerName, City, Country, Title, Description string
	DurationMs, UploadedAt, PublishedAt                            int64
	Hidden                                                         bool  `gorm:"-"`
	Votes                                                          int   `gorm:"-"`
	FirstVoteAt, LastVoteAt                                        int64 `gorm:"-"`
}

// passEntries passes all entries on in the order of their ids, which is that of their uploads: first those that are
// shown, then the hidden ones.
func (s *store) passEntries(ctx context.Context, pass func(exportedEntry) error) error {
	for _, kind := range entryKinds {
		for after := ""; ; {
			var rows []exportedEntry
			err := s.db.Query(ctx, &rows, `
				SELECT video_id, user_id, player_name, city, country, title, description, duration_ms, uploaded_at,
					published_at
				FROM `+kind.entries+` WHERE video_id > ? ORDER BY video_id LIMIT ?`, after, exportPage)
			if err != nil {
				return fmt.Errorf("read entries: %w", err)
			}
			if len(rows) == 0 {
				break
			}
			last := rows[len(rows)-1].VideoID
			counted, err := s.countVotes(ctx, kind.votes, after, last)
			if err != nil {
				return err
			}
			for _, row := range rows {
				c := counted[row.VideoID]
				row.Hidden, row.Votes, row.FirstVoteAt, row.LastVoteAt = kind.hidden, c.Votes, c.First, c.Last
				if err := pass(row); err != nil {
					return err
				}
			}
			after = last
		}
	}
	return nil
}

// countedVotes are those of one entry, with the times of the first and the last.
type countedVotes struct {
	VideoID     string
	Votes       int
	First, Last int64
}

// countVotes counts the votes of the entries after one id, up to another.
func (s *store) countVotes(ctx context.Context, table, after, last string) (map[string]countedVotes, error) {
	var rows []countedVotes
	err := s.db.Query(ctx, &rows, `
		SELECT video_id, COUNT(*) AS votes, MIN(created_at) AS first, MAX(created_at) AS last
		FROM `+table+` WHERE video_id > ? AND video_id <= ? GROUP BY video_id`, after, last)
	if err != nil {
		return nil, fmt.Errorf("count the votes of entries: %w", err)
	}
	counted := make(map[string]countedVotes, len(rows))
	for _, row := range rows {
		counted[row.VideoID] = row
	}
	return counted, nil
}

func (s *store) exportEntries(ctx context.Context, row func(exportRow) error) error {
	return s.passEntries(ctx, func(e exportedEntry) error {
		return row(exportRow{
			e.VideoID, e.UserID, e.PlayerName, e.City, e.Country, e.Title, e.Description, seconds(e.DurationMs),
			database.FromMicros(e.UploadedAt), database.FromMicros(e.PublishedAt), e.Votes, e.Hidden,
			lang.CountryCode(e.Country),
		})
	})
}

func (s *store) exportVotes(ctx context.Context, row func(exportRow) error) error {
	return s.passEntries(ctx, func(e exportedEntry) error {
		return row(exportRow{
			e.VideoID, e.UserID, e.PlayerName, e.Title, e.Votes, database.FromMicros(e.FirstVoteAt),
			database.FromMicros(e.LastVoteAt), e.Hidden,
		})
	})
}

func seconds(ms int64) float64 { return (time.Duration(ms) * time.Millisecond).Seconds() }

// exportRanking passes all contestants on as Rankings orders them, by the votes themselves, which lists may lag behind.
func (s *store) exportRanking(ctx context.Context, row func(exportRow) error) error {
	type contestant struct {
		UserID, Username, City, Country string
		Votes, Entries                  int
		ReachedAt                       int64
	}
	where, values := ``, []any{}
	for position := 1; ; {
		var rows []contestant
		err := s.db.Query(ctx, &rows, `
			SELECT user_id, username, city, country, votes, entries, reached_at FROM voting_contestants `+where+`
			ORDER BY votes DESC, reached_at, user_id LIMIT ?`, append(values, exportPage)...)
		if err != nil {
			return fmt.Errorf("read the ranking: %w", err)
		}
		if len(rows) == 0 {
			return nil
		}
		for _, c := range rows {
			err := row(exportRow{
				position, c.UserID, c.Username, c.City, c.Country, c.Votes, c.Entries,
				database.FromMicros(c.ReachedAt), lang.CountryCode(c.Country),
			})
			if err != nil {
				return err
			}
			position++
		}
		last := rows[len(rows)-1]
		where = `WHERE votes < ? OR votes = ? AND (reached_at > ? OR reached_at = ? AND user_id > ?)`
		values = []any{last.Votes, last.Votes, last.ReachedAt, last.ReachedAt, last.UserID}
	}
}
