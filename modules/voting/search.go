package voting

import (
	"slices"
	"strings"
	"unicode/utf8"

	"risingstars/platform/text"
)

// A search has at most mostWords words of at least shortestWord letters.
const (
	mostWords    = 5
	shortestWord = 2
	prefixWord   = 2 // words of so many letters are looked for at the beginnings of words only
)

// searchText returns what a search looks through.
func searchText(title, playerName, city string) string {
	return text.Fold(title + " " + playerName + " " + city)
}

// searchWords returns the distinct words of a search, each as the text to look for in a searchText with a space before
// it: a longer word anywhere, a word of two letters, with a space before it, at the beginning of a word. Both databases
// find these by an index of trigrams. Words of one letter are ignored, unless there are no others.
func searchWords(search string) ([]string, error) {
	var words []string
	for word := range strings.FieldsSeq(text.Fold(search)) {
		switch n := utf8.RuneCountInString(word); {
		case n < shortestWord:
			continue
		case n <= prefixWord:
			word = " " + word
		}
		if !slices.Contains(words, word) {
			words = append(words, word)
		}
	}
	switch {
	case len(words) > mostWords:
		return nil, errTooManyWords
	case len(words) == 0 && strings.TrimSpace(search) != "":
		return nil, errShortWords
	}
	return words, nil
}
