package voting

import (
	"strings"

	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"

	"risingstars/platform/database"
	"risingstars/platform/text"
)

type store struct {
	db       *database.DB
	searches *semaphore.Weighted // those that run at the same time; the others wait
	listing  *semaphore.Weighted // whoever brings the lists by votes up to date
	totals   totals
}

func newStore(db *database.DB, searches int) *store {
	return &store{
		db: db, searches: semaphore.NewWeighted(int64(searches)), listing: semaphore.NewWeighted(1),
		totals: totals{known: map[totalKey]total{}},
	}
}

// in narrows a list to the places of the filter; the result can be used for several queries.
func in(query *gorm.DB, f Filter) *gorm.DB {
	if strings.TrimSpace(f.City) != "" {
		query = query.Where("city_folded = ?", text.Fold(f.City))
	}
	if strings.TrimSpace(f.Country) != "" {
		query = query.Where("country_folded = ?", foldCountry(f.Country))
	}
	return query.Session(&gorm.Session{})
}

// matching narrows a list of entries to those that have all the words; the result can be used for several queries.
func (s *store) matching(query *gorm.DB, words []string) *gorm.DB {
	switch {
	case len(words) == 0:
	case s.db.Dialect() == database.SQLite:
		query = query.Where(`video_id IN (
			SELECT t.video_id FROM voting_search JOIN voting_search_texts t ON t.id = voting_search.rowid
			WHERE voting_search MATCH ?)`, phrases(words))
	default:
		for _, word := range words {
			pattern := likeEscaper.Replace(word) + "%"
			if first, begins := strings.CutPrefix(pattern, " "); begins {
				query = query.Where(`(search_text LIKE ? ESCAPE '\' OR search_text LIKE ? ESCAPE '\')`,
					first, "%"+pattern)
			} else {
				query = query.Where(`search_text LIKE ? ESCAPE '\'`, "%"+pattern)
			}
		}
	}
	return query.Session(&gorm.Session{})
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// phrases returns the FTS5 query for texts that have all the words (https://www.sqlite.org/fts5.html#fts5_strings).
func phrases(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = `"` + strings.ReplaceAll(word, `"`, `""`) + `"`
	}
	return strings.Join(quoted, " AND ")
}
