package voting

import (
	"strings"

	"golang.org/x/sync/semaphore"
	"gorm.io/gorm"

	"risingstars/platform/database"
)

// searchesAtOnce is how many searches one process runs at the same time. The others wait.
const searchesAtOnce = 4

type store struct {
	db       *database.DB
	searches *semaphore.Weighted
	totals   totals
}

func newStore(db *database.DB) *store {
	return &store{db: db, searches: semaphore.NewWeighted(searchesAtOnce), totals: totals{known: map[totalKey]total{}}}
}

// narrow applies the filter; the result can be used for several queries. words are the searchWords of the filter.
func (s *store) narrow(query *gorm.DB, f Filter, words []string) *gorm.DB {
	if city := fold(f.City); city != "" {
		query = query.Where("city_folded = ?", city)
	}
	if country := fold(f.Country); country != "" {
		query = query.Where("country_folded = ?", country)
	}
	switch {
	case len(words) == 0:
	case s.db.Dialect() == database.SQLite:
		query = query.Where(`video_id IN (
			SELECT t.video_id FROM voting_search JOIN voting_search_texts t ON t.id = voting_search.rowid
			WHERE voting_search MATCH ?)`, phrases(words))
	default:
		for _, word := range words {
			query = query.Where(`search_text LIKE ? ESCAPE '\'`, "%"+likeEscaper.Replace(word)+"%")
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
