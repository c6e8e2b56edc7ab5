package config

import (
	"net/mail"
	"net/url"
	"strings"
	"time"
	_ "time/tzdata" // for hosts and images that have no zones of their own

	"golang.org/x/text/language"
)

// checkSite checks what pages say of the site.
func (c *Config) checkSite(report report) {
	s := &c.Site
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "" || s.Zone == "Local" {
		report("SITE_ZONE", "%q must be a name of the tz database, such as America/Mexico_City", s.Zone)
	}
	s.Region = strings.ToUpper(s.Region)
	if region, err := language.ParseRegion(s.Region); err != nil || !region.IsCountry() || len(s.Region) != 2 {
		report("SITE_REGION", "%q must be a country's code, such as CO or MX", s.Region)
	}
	if s.Contact == "" {
		return
	}
	page, err := url.Parse(s.Contact)
	if err == nil && (page.Scheme == "https" || page.Scheme == "http") && page.Host != "" {
		return
	}
	if parsed, err := mail.ParseAddress(s.Contact); err != nil || parsed.Address != s.Contact {
		report("SITE_CONTACT", "%q must be an e-mail such as contest@example.org, or a page such as "+
			"https://example.org/contact", s.Contact)
	}
}
