package web

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

const byteOrderMark = "\ufeff"

// decodeText returns text, which names its encoding or not; cut says that its end is missing.
func decodeText(text []byte, charset string, cut bool) (string, error) {
	decoded, err := toUTF8(text, charset, cut)
	if err != nil {
		return "", err
	}
	if cut {
		decoded = decoded[:len(decoded)-brokenTail(decoded)]
	}
	if !isText(string(decoded)) {
		return "", errNoText
	}
	return strings.TrimPrefix(string(decoded), byteOrderMark), nil
}

var errNoText = errors.New("neither UTF-8 nor of the encoding that it names")

// toUTF8 converts a text. Many programs say US-ASCII or ISO 8859-1 by habit and send UTF-8, which text in these is next
// to never by chance.
func toUTF8(text []byte, charset string, cut bool) ([]byte, error) {
	if charset == "" || (utf8.Valid(text) && !bytes.Contains(text, []byte{0}) && oneByte(charset)) {
		return text, nil
	}
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		return nil, fmt.Errorf("the encoding %.40q: %w", charset, err)
	}
	if name, err := htmlindex.Name(encoding); err == nil && name == "utf-8" {
		return text, nil // its decoder would replace what is no UTF-8
	}
	decoded, err := encoding.NewDecoder().Bytes(text)
	if err == nil && !cut && bytes.ContainsRune(decoded, utf8.RuneError) {
		err = errNoText
	}
	return decoded, err
}

// oneByte reports whether an encoding has US-ASCII and one byte for each other character.
func oneByte(charset string) bool {
	charset = strings.ToLower(charset)
	return strings.HasPrefix(charset, "iso-8859-") || strings.HasPrefix(charset, "windows-125") ||
		strings.HasSuffix(charset, "ascii") || strings.HasPrefix(charset, "latin")
}

// brokenTail returns the length of the incomplete rune that a cut left at the end of text.
func brokenTail(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if start := text[len(text)-n:]; utf8.RuneStart(start[0]) {
			if utf8.FullRune(start) {
				return 0
			}
			return n
		}
	}
	return 0
}
