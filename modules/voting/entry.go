package voting

import (
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"
)

// Entry is a published video as the public sees it.
type Entry struct {
	VideoID      string
	UserID       string
	PlayerName   string
	City         string
	Country      string
	Title        string
	Description  string
	ProcessedKey string
	PosterKey    string
	Duration     time.Duration
	UploadedAt   time.Time
	Votes        int
}

// Filter narrows a list down; empty fields match everything. City and Country ignore case and accents. Search looks for
// all of its words in title, player name and city; searchWords says how.
type Filter struct {
	City    string
	Country string
	Search  string
}

// fold returns the form in which texts are compared, the same for Bogotá and BOGOTA: no accents, lower case, single
// spaces. Control characters count as spaces and invalid UTF-8 is replaced, as PostgreSQL accepts neither NUL nor
// invalid text.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, string(unicode.ReplacementChar)))
	plain, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn)), norm.NFC), s)
	if err != nil {
		plain = s // not reached with valid text
	}
	return strings.Join(strings.Fields(strings.ToLower(plain)), " ")
}
