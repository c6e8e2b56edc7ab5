package text_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"risingstars/platform/text"
)

const (
	zeroWidth  = "\u200b" // ZERO WIDTH SPACE
	rightLeft  = "\u202e" // RIGHT-TO-LEFT OVERRIDE
	joiner     = "\u200d"
	variation  = "\ufe0f"
	filler     = "\u3164" // HANGUL FILLER
	halfFiller = "\uffa0" // which becomes another filler
	acute      = "\u0301"
)

func TestCleanShowsOnlyWhatCanBeSeen(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"  Ana\t María \n":                      "Ana María",
		"Mari" + acute + "a":                    "María",
		"Ｂｏｇｏｔá":                                "Bogotá",
		"ｶﾞ":                                    "ガ",
		"ﬁn":                                    "fin",
		zeroWidth:                               "",
		filler + halfFiller:                     "",
		"\u2800":                                "",
		acute:                                   "",
		"Bog" + zeroWidth + "otá":               "Bogotá",
		"a" + zeroWidth + acute:                 "á",
		"Ana" + rightLeft + "zziuR":             "AnazziuR",
		"Ana\u2066Ruiz\u2069\u200e\ufeff\u00ad": "AnaRuiz",
		"a\x00b\x1b[31m\x7f\u0085c":             "ab[31m c",
		"O´Higgins":                             "O'Higgins",
		"a\xffb":                                "ab",
		"a\u00a0b\u2003c\u2028d":                "a b c d",
		"a\U000e0041\U000e0062":                 "a", // tags
		"Z" + strings.Repeat("\u0335", 50):      "Z\u0335\u0335\u0335\u0335",
		"Việt Nam":                              "Việt Nam",
		"می\u200cخواهم":                         "میخواهم",
		"क्षत्रिय":                              "क्षत्रिय",
		"שָׁלוֹם":                               "שָׁלוֹם",
		"🎸👨" + joiner + "👩" + joiner + "👧 live":    "🎸👨" + joiner + "👩" + joiner + "👧 live",
		"❤" + variation + joiner + "🔥":             "❤" + variation + joiner + "🔥",
		"👩🏽" + joiner + "🎤":                        "👩🏽" + joiner + "🎤",
		"1" + variation + "\u20e3 top":             "1" + variation + "\u20e3 top",
		"a" + joiner + "b" + variation + joiner:    "ab",
		"🎸" + joiner + "a" + joiner + "🎸" + joiner: "🎸a🎸",
		joiner + variation + "🎸":                   "🎸",
		"🎸" + variation + variation:                "🎸" + variation,
	} {
		if got := text.Clean(in); got != want {
			t.Errorf("Clean(%+q) is %+q, want %+q", in, got, want)
		}
	}
}

func TestCleanLinesKeepsTheLines(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"uno\ndos":                          "uno\ndos",
		"uno\r\ndos\rtres\u2028cuatro":      "uno\ndos\ntres\ncuatro",
		"\n \n  uno  \n\t\n\n\n\n dos \n\n": "uno\n\n dos",
		"½ m²":                              "½ m²",
		"a" + zeroWidth + "b" + rightLeft + "c\x00": "abc",
		strings.Repeat("\n"+zeroWidth, 500) + "a":   "a",
		"a" + strings.Repeat(acute, 50):             "á" + strings.Repeat(acute, 4),
	} {
		if got := text.CleanLines(in); got != want {
			t.Errorf("CleanLines(%+q) is %+q, want %+q", in, got, want)
		}
	}
}

func TestANameHasALetter(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"Ana": true, "李": true, "か": true, "ß": true, "ª": true,
		"": false, zeroWidth: false, "7": false, ".": false, "🎸": false, filler: false, "ʻ": false, "\u0301": false,
	} {
		if got := text.HasLetter(text.Clean(s)); got != want {
			t.Errorf("%+q has a letter: %v", s, got)
		}
	}
	for s, want := range map[string]bool{"7": true, "½": true, "Ana": true, "🎸": false, "…": false, zeroWidth: false} {
		if got := text.HasLetterOrNumber(text.Clean(s)); got != want {
			t.Errorf("%+q has a letter or a number: %v", s, got)
		}
	}
}

func TestFoldEqualsSpellings(t *testing.T) {
	t.Parallel()
	for want, spellings := range map[string][]string{
		"bogota": {
			"Bogotá", "BOGOTÁ", "bogota", " Bogota" + acute + " ", "Bogotá.", "Bogotá" + zeroWidth, "Bo\u00adgotá",
			"Ｂｏｇｏｔá", "(Bogotá)", rightLeft + "Bogotá", "Bogota\U000e0041", "𝐁𝐨𝐠𝐨𝐭𝐚", "Bogotá🎸", "bogota" + filler,
		},
		"san jose":      {"San José", "san  jose", "SAN-JOSÉ", "San\u00a0José", "San\nJosé", "San, Jo\x00sé\xff"},
		"lodz":          {"Łódź", "LODZ", "łodz", "Lo\u0301dz"},
		"strasse":       {"Straße", "STRASSE", "STRAẞE", "ſtraße"},
		"istanbul":      {"İstanbul", "Istanbul", "ıstanbul", "ISTANBUL"},
		"malmo oresund": {"Malmö/Øresund", "malmo oresund"},
		"thorshofn":     {"Þórshöfn"},
		"aebleo":        {"Æbleø"},
		"dak lak":       {"Đắk Lắk"},
		"lhospitalet":   {"L'Hospitalet", "L’Hospitalet", "l`hospitalet", "L´Hospitalet"},
		"hawaii":        {"Hawaiʻi", "Hawai'i"},
		"αθηνα":         {"Αθήνα", "ΑΘΉΝΑ"},
		"σισυφοσ":       {"Σίσυφος", "ΣΊΣΥΦΟΣ"},
		"еревan":        {"ЕРЕВAN", "Ёревan"},
		"が":             {"が", "か\u3099"},
		"ガ":             {"ｶﾞ", "ガ"},
		"1 2":           {"½?", "1/2", "①②"[:3] + " ②"},
		"":              {"", " ", ".", "🎸", zeroWidth, filler, acute, "\xff", "'"},
	} {
		for _, s := range spellings {
			if got := text.Fold(s); got != want {
				t.Errorf("Fold(%+q) is %+q, want %+q", s, got, want)
			}
		}
	}
}

func TestFoldKeepsOthersApart(t *testing.T) {
	t.Parallel()
	for _, pair := range [][2]string{
		{"か", "が"},
		{"は", "ぱ"},
		{"כ", "כּ"},
		{"के", "का"},
		{"Bogotá", "Bogotа" /* Cyrillic а */},
		{"Cali", "Calí 2"},
		{"San José", "Sanjosé"},
	} {
		if a, b := text.Fold(pair[0]), text.Fold(pair[1]); a == b {
			t.Errorf("%q and %q both fold to %q", pair[0], pair[1], a)
		}
	}
}

// hostile draws texts from characters that normalizing and folding treat in a special way.
func hostile() *rapid.Generator[string] {
	special := []rune("aÅßİıłŉǅΐςа가각ㄱかｶﾞ゙क्षشۀ🎸👩🏽❤1½①ﷺﬁ´¨'’.-/%_\\ \t\n\r\v\x00\x1b\u007f\u0085\u00a0\u00ad" +
		"\u0300\u0301\u0327\u0335\u0345\u034f\u0489\u0f71\u0f73\u115f\u1160\u180e\u200b\u200c\u200d\u200e\u202e\u2028" +
		"\u2060\u20e3\u2800\u3099\u3164\ufe0e\ufe0f\ufeff\uffa0\ufffd" +
		"\U0001d15f\U0001d165\U0001f1e6\U000e0041\U000e0100")
	one := rapid.OneOf(rapid.SampledFrom(special), rapid.Rune())
	return rapid.Custom(func(rt *rapid.T) string {
		s := string(rapid.SliceOfN(one, 0, 12).Draw(rt, "runes"))
		if rapid.IntRange(0, 9).Draw(rt, "flood") == 0 {
			s += strings.Repeat(string(one.Draw(rt, "flooding")), 40) + string(one.Draw(rt, "last"))
		}
		if rapid.IntRange(0, 9).Draw(rt, "broken") == 0 {
			s = strings.Replace(s, "a", "\xff", 1)
		}
		return s
	})
}

// properties returns an error for what must hold for every text.
func properties(s string) error {
	clean, lines, fold := text.Clean(s), text.CleanLines(s), text.Fold(s)
	for what, check := range map[string]bool{
		"Clean changes its result":      text.Clean(clean) == clean,
		"CleanLines changes its result": text.CleanLines(lines) == lines,
		"Fold changes its result":       text.Fold(fold) == fold,
		"Fold sees what Clean removes":  text.Fold(clean) == fold,
		"invalid UTF-8":                 utf8.ValidString(clean) && utf8.ValidString(lines) && utf8.ValidString(fold),
		"a name that folds to nothing":  !text.HasLetter(clean) || fold != "",
		"a title that folds to nothing": !text.HasLetterOrNumber(clean) || fold != "",
		"a line break in a name":        !strings.Contains(clean, "\n"),
		"many empty lines":              !strings.Contains(lines, "\n\n\n"),
		"a case":                        strings.ToLower(fold) == fold,
	} {
		if !check {
			return fmt.Errorf("%s: %+q: Clean %+q, CleanLines %+q, Fold %+q", what, s, clean, lines, fold)
		}
	}
	for _, r := range clean + lines {
		allowed := r == '\n' || r == '\u200d' || r == '\ufe0f'
		if !allowed && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Other_Default_Ignorable_Code_Point,
			unicode.Variation_Selector) {
			return fmt.Errorf("%+q keeps the invisible %U", s, r)
		}
	}
	return nil
}

func TestEveryTextIsStable(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		if err := properties(hostile().Draw(rt, "text")); err != nil {
			rt.Fatal(err)
		}
	})
}

// foldDigest is a digest of what Fold returns for every character.
const foldDigest = "3434bcdfee7b216d824937052dd1fe160c5bbd8fc192e4becaf56596b1fb2298"

func TestFoldVersionNamesWhatFoldReturns(t *testing.T) {
	t.Parallel()
	digest := sha256.New()
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf) {
			continue
		}
		s := string(r)
		if !unicode.In(r, unicode.Han, unicode.Hangul) { // most characters, and all alike
			if err := properties(s); err != nil {
				t.Error(err)
			}
		}
		fmt.Fprintf(digest, "%d %s\n%s\n", r, text.Fold(s), text.Fold("か"+s))
	}
	if got := hex.EncodeToString(digest.Sum(nil)); got != foldDigest {
		t.Errorf("Fold returns something else (%s) for Unicode %s. Raise FoldVersion, and write the new number into "+
			"the condition of the index on fold_version, by a migration", got, unicode.Version)
	}
}
