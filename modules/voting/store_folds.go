package voting

import (
	"context"
	"fmt"
	"strings"

	"risingstars/platform/database"
	"risingstars/platform/text"
)

// foldBatch is the number of entries that are folded again in one transaction.
const foldBatch = 200

// foldedTexts returns the fill that folds again what an older foldVersion or an older binary folded. Such a binary may
// also have written the contestant of an entry that it published, so both are folded together.
func foldedTexts() database.Fill {
	return database.Fill{
		Name: "folded texts",
		Behind: func(ctx context.Context, db *database.DB) (int, error) {
			var row struct{ Behind int }
			err := db.Query(ctx, &row, `SELECT COUNT(*) AS behind FROM voting_entries WHERE fold_version < 2`)
			return row.Behind, err
		},
		Run: func(ctx context.Context, db *database.DB) error {
			s, after, more := newStore(db, 1), "", true // it searches for nothing
			for more {
				err := db.InTx(ctx, func(ctx context.Context) (err error) {
					after, more, err = s.foldAgain(ctx, after)
					return err
				})
				if err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// staleEntry is an entry to fold again, with the place of its contestant, who may have moved.
type staleEntry struct {
	VideoID, UserID, Title, PlayerName, City, CityFolded, Country, CountryFolded string
	NowCity, NowCountry                                                          string
}

// foldAgain folds a batch of the entries that are behind, those with an id greater than after, and their contestants.
// It returns the last id, and whether there may be more. It locks entries before contestants, as a publication does.
func (s *store) foldAgain(ctx context.Context, after string) (last string, more bool, err error) {
	lock := ""
	if s.db.Dialect() == database.PostgreSQL { // so that nobody moves them before they are written
		lock = " FOR UPDATE OF e"
	}
	var stale []staleEntry
	err = s.db.Query(ctx, &stale, `
		SELECT e.video_id, e.user_id, e.title, e.player_name, e.city, e.city_folded, e.country, e.country_folded,
			c.city AS now_city, c.country AS now_country
		FROM voting_entries e JOIN voting_contestants c ON c.user_id = e.user_id
		WHERE e.fold_version < 2 AND e.video_id > ? ORDER BY e.video_id LIMIT ?`+lock, after, foldBatch)
	if err != nil || len(stale) == 0 {
		return after, false, wrapFold(err)
	}
	if err := s.foldEntries(ctx, stale); err != nil {
		return after, false, wrapFold(err)
	}
	if err := s.foldContestants(ctx, stale); err != nil {
		return after, false, wrapFold(err)
	}
	return stale[len(stale)-1].VideoID, len(stale) == foldBatch, nil
}

// foldEntries leaves the places of most entries alone, since they fold to what they did: writing them would make SQLite
// write all their indexes.
func (s *store) foldEntries(ctx context.Context, stale []staleEntry) error {
	var moved, others []any
	for _, e := range stale {
		city, country, search := text.Fold(e.City), foldCountry(e.Country), searchText(e.Title, e.PlayerName, e.City)
		if city != e.CityFolded || country != e.CountryFolded {
			moved = append(moved, e.VideoID, city, country, search)
		} else {
			others = append(others, e.VideoID, search)
		}
	}
	if len(moved) > 0 {
		if err := s.noteChange(ctx); err != nil {
			return err
		}
		_, err := s.db.Exec(ctx, fmt.Sprintf(`
			WITH folded (video_id, city, country, search_text) AS (VALUES %s)
			UPDATE voting_entries SET city_folded = folded.city, country_folded = folded.country,
				search_text = folded.search_text, fold_version = ?
			FROM folded WHERE voting_entries.video_id = folded.video_id`, placeholders(len(moved), 4)),
			append(moved, foldVersion)...)
		if err != nil {
			return err
		}
	}
	if len(others) == 0 {
		return nil
	}
	_, err := s.db.Exec(ctx, fmt.Sprintf(`
		WITH folded (video_id, search_text) AS (VALUES %s)
		UPDATE voting_entries SET search_text = folded.search_text, fold_version = ?
		FROM folded WHERE voting_entries.video_id = folded.video_id`, placeholders(len(others), 2)),
		append(others, foldVersion)...)
	return err
}

// foldContestants folds the places of contestants. Whoever has moved one meanwhile has folded it as well.
func (s *store) foldContestants(ctx context.Context, stale []staleEntry) error {
	var values []any
	seen := map[string]bool{}
	for _, e := range stale {
		if !seen[e.UserID] {
			seen[e.UserID] = true
			values = append(values, e.UserID, e.NowCity, e.NowCountry, text.Fold(e.NowCity), foldCountry(e.NowCountry))
		}
	}
	_, err := s.db.Exec(ctx, fmt.Sprintf(`
		WITH folded (user_id, city, country, city_folded, country_folded) AS (VALUES %s)
		UPDATE voting_contestants SET city_folded = folded.city_folded, country_folded = folded.country_folded
		FROM folded WHERE voting_contestants.user_id = folded.user_id
			AND voting_contestants.city = folded.city AND voting_contestants.country = folded.country
			AND (voting_contestants.city_folded <> folded.city_folded
				OR voting_contestants.country_folded <> folded.country_folded)`, placeholders(len(values), 5)),
		values...)
	return err
}

// placeholders returns the rows of a VALUES list with n values in columns.
func placeholders(n, columns int) string {
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + ")"
	return strings.TrimSuffix(strings.Repeat(row+",", n/columns), ",")
}

func wrapFold(err error) error {
	if err != nil {
		return fmt.Errorf("fold texts again: %w", err)
	}
	return nil
}
