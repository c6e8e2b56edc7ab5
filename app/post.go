package app

import (
	"cmp"
	"net/url"

	"risingstars/assets"
	"risingstars/platform/auth"
	"risingstars/platform/mail"
)

// openPost chooses how letters are sent: by the server of SMTP_URL, or into files. Links lead to PUBLIC_URL and never
// to what a request calls the site, which whoever sends the request can choose.
func (a *app) openPost() (err error) {
	o := mail.Options{
		DB: a.db, Queue: a.queue, Templates: assets.Mail(), PublicURL: a.siteAddress(a.c.HTTP.Addr),
		Seals: a.letterSeals(), Logger: a.log, From: a.c.Mail.From,
		Folder: mail.NewFolder(absolute(a.c.LettersPath()), a.log),
	}
	if a.c.Mail.SMTPURL == "" {
		o.Carrier = o.Folder
	} else if o.Carrier, err = mail.OpenSMTP(mail.SMTPOptions{URL: a.c.Mail.SMTPURL}); err != nil {
		return withVariable("SMTP_URL", err)
	}
	if o.From == "" {
		host := "localhost"
		if site, err := url.Parse(o.PublicURL); err == nil {
			host = cmp.Or(site.Hostname(), host)
		}
		o.From = "no-reply@" + host
	}
	a.post, err = mail.New(o)
	return err
}

// letterSeals mark what links of letters carry.
func (a *app) letterSeals() *auth.Seals { return auth.NewSeals(a.keys, "letters") }
