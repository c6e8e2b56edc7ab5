package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxMarks is how many marks a letter may have beyond those that are one character with it. No language needs more,
// and a flood of them covers the lines above and below.
const maxMarks = 4

// maxBlankLines is how many empty lines in a row a text may have.
const maxBlankLines = 1

// Clean returns the form in which a name or a title is stored: NFKC, which makes one of full-width and ordinary
// letters, on one line, with single spaces, and without what [CleanLines] removes.
func Clean(s string) string {
	// Many type an acute accent for an apostrophe, and NFKC would make a space of it.
	return oneLine(visible(norm.NFKC, strings.ReplaceAll(s, "´", "'")))
}

// CleanLines returns the form in which prose is stored: NFC, lines that end in \n, at most one empty line in a row, and
// no spaces at the ends of lines. It removes control, format and bidi characters, all default-ignorable ones, marks
// without a letter, and more than four marks on one. Of the invisible characters, those stay that make one emoji of
// several or give it its colours.
func CleanLines(s string) string {
	s = lineEnds.Replace(s)
	lines := []string{}
	blank := 0
	for line := range strings.SplitSeq(s, "\n") {
		line = strings.TrimRightFunc(visible(norm.NFC, line), unicode.IsSpace)
		if blank++; line != "" {
			blank = 0
		}
		if blank <= maxBlankLines {
			lines = append(lines, line)
		}
	}
	return strings.TrimFunc(strings.Join(lines, "\n"), unicode.IsSpace)
}

var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\u0085", "\n",
	"\u2028", "\n", "\u2029", "\n")

// HasLetter reports whether s has a letter, as every name does.
func HasLetter(s string) bool { return strings.ContainsFunc(s, isLetter) }

// HasLetterOrNumber reports whether s has a letter or a number, as every title does.
func HasLetterOrNumber(s string) bool {
	return strings.ContainsFunc(s, func(r rune) bool { return isLetter(r) || unicode.IsNumber(r) })
}

// isLetter leaves out modifier letters, which look like accents and signs.
func isLetter(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Lm, r) }

// visible normalizes s and removes what CleanLines documents. White space stays, every one as an ordinary space.
func visible(form norm.Form, s string) string {
	s = strings.ToValidUTF8(s, "")
	// The first pass lets marks reach their letters. Normalizing may bring out more to remove.
	s = limitMarks(form.String(removeInvisible(form.String(removeInvisible(s)))))
	// Package norm puts joiners into long runs of marks, and of what it takes for some.
	return strings.ReplaceAll(form.String(s), graphemeJoiner, "")
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// removeInvisible removes invisible characters except those within an emoji.
func removeInvisible(s string) string {
	if isPlain(s) {
		return s
	}
	runes := []rune(s)
	kept := runes[:0:0]
	for i, r := range runes {
		switch {
		case unicode.IsSpace(r) || r == brailleBlank:
			kept = append(kept, ' ')
		case !isInvisible(r) || isEmojiPart(kept, r, runes[i+1:]):
			kept = append(kept, r)
		}
	}
	return string(kept)
}

// isPlain reports whether s has nothing but printable ASCII, as most texts do.
func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7F })
}

// The characters with a meaning of their own here.
const (
	brailleBlank   = '\u2800' // a symbol by its category, but nothing is seen
	joiner         = '\u200d' // ZERO WIDTH JOINER
	emojiVariation = '\ufe0f' // VARIATION SELECTOR-16
	keycap         = '\u20e3' // COMBINING ENCLOSING KEYCAP
	graphemeJoiner = "\u034f" // COMBINING GRAPHEME JOINER
)

// isInvisible reports whether r is a control or format character, or one of the Default_Ignorable_Code_Point's, which
// are derived from these properties (https://www.unicode.org/Public/UCD/latest/ucd/DerivedCoreProperties.txt).
func isInvisible(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point,
		unicode.Variation_Selector)
}

// isEmojiPart reports whether the invisible r is part of an emoji: a joiner between two symbols, or a selector after a
// symbol or before a keycap.
func isEmojiPart(before []rune, r rune, after []rune) bool {
	if len(before) == 0 {
		return false
	}
	last := before[len(before)-1]
	switch r {
	case emojiVariation:
		return isSymbol(last) || last < utf8.RuneSelf && len(after) > 0 && after[0] == keycap
	case joiner:
		if last == emojiVariation && len(before) > 1 {
			last = before[len(before)-2]
		}
		return isSymbol(last) && len(after) > 0 && isSymbol(after[0])
	}
	return false
}

// isSymbol reports whether r may be an emoji: Go has no table of those. The modifiers are skin colours.
func isSymbol(r rune) bool { return unicode.Is(unicode.So, r) || r >= 0x1F3FB && r <= 0x1F3FF }

// limitMarks removes marks that have nothing to stand on, and those beyond maxMarks.
func limitMarks(s string) string {
	marks := maxMarks // at the start there is nothing to stand on
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			marks = maxMarks
		case r == emojiVariation: // a mark by its category
		case !unicode.IsMark(r):
			marks = 0
		case marks == maxMarks:
			return -1
		default:
			marks++
		}
		return r
	}, s)
}
