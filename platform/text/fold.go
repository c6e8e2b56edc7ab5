package text

import (
	"strings"
	"unicode"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// FoldVersion numbers what [Fold] returns. Whoever stores a folded text stores this number with it, and folds again
// what has a lower one. A new Unicode version may require a new number; a test compares what Fold returns for all
// characters.
const FoldVersion = 1

// Fold returns the form in which texts are compared and searched, the same for Bogotá, BOGOTÁ., and Ｂｏｇｏｔａ: cleaned,
// without differences of case, and nothing but letters, numbers and single spaces. Apostrophes join what they separate;
// every other sign separates words. Latin, Greek and Cyrillic letters lose their marks, and Latin ones that English
// does not have become what is written for them where they cannot be typed, such as l for ł. Marks of other scripts
// stay, because they make other letters there: か and が. Fold returns "" if nothing is left.
func Fold(s string) string {
	s = FoldCase(strings.Map(dropIgnorable, norm.NFKD.String(Clean(s))))
	// Folding may bring out more to decompose and to drop.
	s = limitMarks(strings.Map(dropIgnorable, norm.NFKD.String(latin.Replace(s))))
	keepsMarks := false
	return oneLine(norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsMark(r):
			if !keepsMarks {
				return -1
			}
		case unicode.IsLetter(r):
			keepsMarks = !unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
		default:
			keepsMarks = false
			if !unicode.IsNumber(r) {
				return ' '
			}
		}
		return r
	}, s)))
}

// FoldCase returns s without differences of case, the same for ß and SS, and changes nothing else. It is for what is
// compared but is no prose, such as an e-mail; NFKC and Clean come before it.
func FoldCase(s string) string {
	return strings.ToLower(cases.Fold().String(s)) // Cherokee letters fold to upper case
}

// dropIgnorable removes invisible characters and apostrophes.
func dropIgnorable(r rune) rune {
	switch {
	case unicode.IsSpace(r):
		return ' '
	case isInvisible(r) || r == iotaSubscript || strings.ContainsRune(apostrophes, r):
		return -1
	}
	return r
}

const iotaSubscript = '\u0345' // a mark whose case folding is a letter

// apostrophes are what is typed as one: L'Hospitalet, Hawaiʻi, N’Djamena.
const apostrophes = "'’‘ʼʻʹ`´"

// latin maps folded letters that do not decompose, as
// https://github.com/unicode-org/cldr/blob/main/common/transforms/Latin-ASCII.xml does.
var latin = strings.NewReplacer("ł", "l", "ø", "o", "đ", "d", "ð", "d", "þ", "th", "æ", "ae", "œ", "oe", "ı", "i",
	"ħ", "h", "ŧ", "t", "ŋ", "n", "ĸ", "q", "ƀ", "b", "ɓ", "b", "ƈ", "c", "ɖ", "d", "ɗ", "d", "ƒ", "f", "ɠ", "g",
	"ɨ", "i", "ƙ", "k", "ƴ", "y", "ʒ", "z")
