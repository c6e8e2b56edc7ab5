package identity

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"risingstars/platform/text"
)

func TestCanonicalEmailIsOneForAllSpellingsOfAMailbox(t *testing.T) {
	t.Parallel()
	for want, spellings := range map[string][]string{
		"ana@example.com": {
			"ana@example.com", "ANA@Example.COM", " ana@example.com ", "ａｎａ@example.com", "ana＠example.com",
			"ana@ｅxample.com", "a\u200bna@example.com", "ana@exam\u00adple.com\ufeff",
		},
		"ana.ruiz+videos@example.com": {"Ana.Ruiz+Videos@example.com"}, // no rule is known
		"anaruiz@gmail.com": {
			"ana.ruiz@gmail.com", "a.n.a.ruiz+x@GMail.com", "anaruiz@googlemail.com", "ana.ruiz+a+b@googlemail.com",
		},
		"ana.ruiz@outlook.com":      {"ana.ruiz@outlook.com", "Ana.Ruiz+x@Outlook.com"},
		"ana.ruiz@hotmail.es":       {"ana.ruiz+x@hotmail.es"},
		"ana@live.com":              {"ana+x@live.com"},
		"ana@icloud.com":            {"ana+x@icloud.com"},
		"ana@proton.me":             {"ana+x@proton.me"},
		"ana@fastmail.com":          {"ana+x@fastmail.com"},
		"+x@gmail.com":              {"+x@gmail.com"}, // nothing would be left
		"peña@example.com":          {"PEÑA@example.com", "pen\u0303a@example.com"},
		"ana@xn--pea-8ma.es":        {"ana@peña.es", "ana@PEÑA.es", "ana@pen\u0303a.es", "ana@xn--pea-8ma.es"},
		"ana@a_b.example":           {"ana@A_B.example"},
		"ana@notgmail.com":          {"ana@notgmail.com"},
		"a.na@mail.gmail.com":       {"a.na@mail.gmail.com"},
		"":                          {"", "ana"},
		"ana@xn--strae-oqa.example": {"ana@straße.example"}, // which is not strasse.example
	} {
		for _, email := range spellings {
			if got := canonicalEmail(email); got != want {
				t.Errorf("%+q is %+q, want %+q", email, got, want)
			}
		}
	}
}

func TestCanonicalEmailIsStable(t *testing.T) {
	t.Parallel()
	part := rapid.StringOf(rapid.OneOf(rapid.SampledFrom([]rune("ab.+A@ßñ\u0345\u200b＠ⅷİ-_")), rapid.Rune()))
	other := rapid.StringMatching(`[a-zñßσ\x{200b}]{1,4}\.(es|com)`)
	domain := rapid.OneOf(other, rapid.SampledFrom([]string{"gmail.com", "GoogleMail.com", "outlook.com", "peña.es"}))
	rapid.Check(t, func(rt *rapid.T) {
		email := part.Draw(rt, "local part") + "@" + domain.Draw(rt, "domain")
		if !validEmail(text.Clean(email)) {
			email = "a" + email + ".es"
		}
		if !validEmail(text.Clean(email)) {
			rt.Skip("no account can have it")
		}
		once := canonicalEmail(email)
		if twice := canonicalEmail(once); twice != once {
			rt.Fatalf("%+q is %+q, which is %+q", email, once, twice)
		}
		if upper := canonicalEmail(strings.ToUpper(once)); isASCII(once) && upper != once {
			rt.Fatalf("%+q in upper case is %+q", once, upper)
		}
	})
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > '~' })
}
