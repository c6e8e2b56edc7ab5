package voting

import (
	"strings"

	"risingstars/platform/lang"
	"risingstars/platform/text"
)

// foldVersion numbers what the folded columns hold: text.FoldVersion and, since one more, what a country is called.
const foldVersion = text.FoldVersion + 1

// foldCountry returns the form in which countries are compared: one for each country, whatever language or code names
// it, and for any other word the word's own.
func foldCountry(country string) string { return text.Fold(lang.Country(country, "es")) }

// placeKey is how the table of places names a city or a country of a filter, by its fold; blank ones are a star.
func placeKey(name string, fold func(string) string) string {
	if strings.TrimSpace(name) == "" {
		return "*"
	}
	return fold(name)
}
