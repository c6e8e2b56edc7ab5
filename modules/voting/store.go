package voting

import (
	"strings"

	"gorm.io/gorm"

	"risingstars/platform/database"
	"risingstars/platform/text"
)

type store struct {
	db *database.DB
}

// countAll returns the number of rows on all pages of a query, after the page at offset had read rows. Counting visits
// every row, which is slower than any page; if the page is not full, the number follows from its size.
func countAll(query *gorm.DB, offset, limit, read int) (int, error) {
	if read < limit && (read > 0 || offset == 0) {
		return offset + read, nil
	}
	var total int64
	err := query.Count(&total).Error
	return int(total), err
}

// narrow applies the filter; the result can be used for several queries. On PostgreSQL an index finds words of three
// letters or more. Shorter words, and all words on SQLite, are looked for in every entry.
func narrow(query *gorm.DB, f Filter) *gorm.DB {
	if strings.TrimSpace(f.City) != "" {
		query = query.Where("city_folded = ?", text.Fold(f.City))
	}
	if strings.TrimSpace(f.Country) != "" {
		query = query.Where("country_folded = ?", text.Fold(f.Country))
	}
	words := strings.Fields(text.Fold(f.Search))
	if len(words) == 0 && strings.TrimSpace(f.Search) != "" {
		query = query.Where("1 = 0") // signs alone are no word of any entry
	}
	for _, word := range words {
		query = query.Where(`search_text LIKE ? ESCAPE '\'`, "%"+likeEscaper.Replace(word)+"%")
	}
	return query.Session(&gorm.Session{})
}

var likeEscaper = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
