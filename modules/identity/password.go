package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
)

// The limits of a new password. The upper one keeps hashing cheap.
const (
	minPassword      = 8 // characters
	maxPasswordBytes = 128
	minDistinct      = 3 // different characters
	longestPattern   = 4 // characters that a password may not consist of, over and over
	shortestName     = 4 // letters of a name that may not be the whole password
)

// passwordFault says why the password of a registration is refused; the zero value: it is accepted. A person who
// guesses tries the commonest passwords first, and then what is known of the account.
func (r *Registration) passwordFault() fault.Text {
	password := norm.NFKC.String(r.Password1)
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return fault.Text{ES: "debe tener al menos 8 caracteres", EN: "must have at least 8 characters"}
	case len(r.Password1) > maxPasswordBytes:
		return fault.Text{ES: "es demasiado larga: usa menos letras", EN: "is too long: use fewer letters"}
	case distinct(password) < minDistinct || isPattern(password):
		return fault.Text{
			ES: "repite los mismos caracteres: usa varias palabras",
			EN: "repeats the same characters: use several words",
		}
	case auth.IsCommon(password):
		return fault.Text{
			ES: "es una de las contraseñas más comunes: usa varias palabras",
			EN: "is one of the commonest passwords: use several words",
		}
	case r.isOwnName(password):
		return fault.Text{
			ES: "es tu nombre o tu correo: usa otras palabras",
			EN: "is your name or your e-mail: use other words",
		}
	}
	return fault.Text{}
}

func distinct(s string) int {
	seen := map[rune]bool{}
	for _, r := range s {
		seen[r] = true
	}
	return len(seen)
}

// isPattern reports whether s repeats a short pattern, as abcabcabc does.
func isPattern(s string) bool {
	all := []rune(s)
	for n := 1; n <= longestPattern && n < len(all); n++ {
		pattern := string(all[:n])
		if strings.HasPrefix(strings.Repeat(pattern, len(all)/n+1), s) {
			return true
		}
	}
	return false
}

// isOwnName reports whether the password is the e-mail or its mailbox, or its letters are that, a name, or both names.
func (r *Registration) isOwnName(password string) bool {
	own := letters(password)
	mailbox, _, _ := strings.Cut(r.Email, "@")
	if strings.EqualFold(password, mailbox) || strings.EqualFold(password, r.Email) {
		return true
	}
	first, last := letters(r.FirstName), letters(r.LastName)
	for _, name := range []string{letters(r.Email), letters(mailbox), first, last, first + last, last + first} {
		if utf8.RuneCountInString(own) >= shortestName && own == name {
			return true
		}
	}
	return false
}

// letters returns the letters of s, in a form that ignores case.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return r
		}
		return -1
	}, cases.Fold().String(norm.NFKC.String(s)))
}
