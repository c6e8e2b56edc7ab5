package config

import (
	"net/mail"
	"net/url"
	"strings"
	"unicode"
)

// checkMail checks where letters go and whom they come from. The address of the server holds a password, so no message
// repeats it.
func (c *Config) checkMail(report report) {
	if from := c.Mail.From; from != "" {
		parsed, err := mail.ParseAddress(from)
		if err != nil || strings.ContainsFunc(parsed.Address, func(r rune) bool { return r > unicode.MaxASCII }) {
			report("MAIL_FROM", "%q must be an address such as Rising Stars <no-reply@contest.example.org>", from)
		}
	}
	if c.Mail.SMTPURL == "" {
		return
	}
	parsed, err := url.Parse(c.Mail.SMTPURL)
	switch {
	case needsEncoding(c.Mail.SMTPURL):
		report("SMTP_URL", "%s", encodePassword)
	case err != nil || parsed.Hostname() == "" || parsed.Scheme != "smtp" && parsed.Scheme != "smtps" ||
		strings.Trim(parsed.Path, "/") != "" || parsed.RawQuery != "":
		report("SMTP_URL", "must look like smtp://user:password@host:587 or smtps://user:password@host:465, or be "+
			"empty to write letters into files")
	}
	if c.Mail.From == "" {
		report("MAIL_FROM", "must be set when SMTP_URL is: servers refuse letters of unknown senders")
	}
	if c.HTTP.PublicURL == "" {
		report("PUBLIC_URL", "must be set when SMTP_URL is: letters have links to the site")
	}
}
