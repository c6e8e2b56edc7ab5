package identity

import (
	"net/mail"
	"strings"

	"golang.org/x/net/idna"

	"risingstars/platform/text"
)

const maxEmail = 254 // bytes: RFC 5321 §4.5.3.1.3

// validEmail reports whether email is a bare address whose domain has a dot, so that mail can be sent to it.
func validEmail(email string) bool {
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email || len(email) > maxEmail {
		return false
	}
	_, domain, _ := strings.Cut(email, "@")
	return strings.Contains(domain, ".") && !strings.HasPrefix(domain, "[")
}

// fold returns the form of an e-mail that an account is found by before any other.
func fold(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// canonicalEmail returns one spelling for all spellings of a mailbox: NFKC without invisible characters, case-folded,
// with the domain in ASCII (https://www.rfc-editor.org/rfc/rfc5891), and without what the mailbox's provider is known
// to ignore. It returns "" for "".
func canonicalEmail(email string) string {
	email = text.Clean(email)
	at := strings.LastIndex(email, "@")
	if at < 0 {
		return ""
	}
	local, domain := text.Clean(text.FoldCase(email[:at])), asciiDomain(email[at+1:])
	rule := providers[domain]
	if rule.domain != "" {
		domain = rule.domain
	}
	if name, _, tagged := strings.Cut(local, "+"); tagged && rule.ignoresTags && name != "" {
		local = name
	}
	if rule.ignoresDots {
		local = strings.ReplaceAll(local, ".", "")
	}
	return local + "@" + domain
}

// mailbox returns the canonical form of an e-mail without a +tag, which most providers ignore. Letters are counted by
// it; two accounts may share it.
func mailbox(email string) string {
	email = canonicalEmail(email)
	at := strings.LastIndex(email, "@")
	if name, _, tagged := strings.Cut(email[:max(at, 0)], "+"); tagged && name != "" {
		return name + email[at:]
	}
	return email
}

// asciiDomain returns the domain as it is looked up, or in lower case if it cannot be.
func asciiDomain(domain string) string {
	ascii, err := idna.New(idna.MapForLookup(), idna.StrictDomainName(false)).ToASCII(domain)
	if err != nil {
		return strings.ToLower(domain)
	}
	return ascii
}

// provider says which parts of an address its provider ignores.
type provider struct {
	ignoresDots bool
	ignoresTags bool   // +tag at the end of the local part
	domain      string // another name of the same domain
}

// providers has those that document what they ignore:
//   - https://support.google.com/mail/answer/7436150 and https://support.google.com/mail/answer/10313
//   - https://learn.microsoft.com/exchange/recipients-in-exchange-online/plus-addressing-in-exchange-online
//   - https://proton.me/support/addresses-and-aliases
//   - https://www.fastmail.help/hc/en-us/articles/360060591053
//   - https://support.apple.com/guide/icloud/mm6b1a490a/icloud
var providers = map[string]provider{
	"gmail.com":      {ignoresDots: true, ignoresTags: true},
	"googlemail.com": {ignoresDots: true, ignoresTags: true, domain: "gmail.com"},

	"outlook.com": {ignoresTags: true}, "outlook.es": {ignoresTags: true}, "outlook.com.ar": {ignoresTags: true},
	"outlook.cl": {ignoresTags: true}, "hotmail.com": {ignoresTags: true}, "hotmail.es": {ignoresTags: true},
	"hotmail.com.ar": {ignoresTags: true}, "live.com": {ignoresTags: true}, "live.com.mx": {ignoresTags: true},
	"live.com.ar": {ignoresTags: true}, "live.cl": {ignoresTags: true}, "msn.com": {ignoresTags: true},

	"icloud.com": {ignoresTags: true}, "me.com": {ignoresTags: true}, "mac.com": {ignoresTags: true},
	"fastmail.com": {ignoresTags: true}, "fastmail.fm": {ignoresTags: true},
	"proton.me": {ignoresTags: true}, "protonmail.com": {ignoresTags: true}, "pm.me": {ignoresTags: true},
}
