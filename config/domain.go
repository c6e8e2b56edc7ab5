package config

import (
	"cmp"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

// domainsMost bounds how many names a site has: each gets a certificate of its own, and authorities count.
const domainsMost = 10

// domainPattern matches the names for which authorities give certificates without a question of the DNS.
var domainPattern = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkDomains checks what the site's own https needs, and fills in what follows from its name.
func (c *Config) checkDomains(report report) {
	h := &c.HTTP
	if len(h.Domains) == 0 {
		h.Addr = cmp.Or(h.Addr, ":8080")
		return
	}
	h.Addr = cmp.Or(h.Addr, ":80")
	names := make([]string, 0, len(h.Domains))
	for _, name := range h.Domains {
		ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, "."))
		if _, notAnAddress := netip.ParseAddr(name); err != nil || notAnAddress == nil ||
			len(ascii) > 253 || !domainPattern.MatchString(ascii) {
			report("DOMAIN", "%q must be a name such as contest.example.org, without https://, port or path", name)
			return
		}
		if !slices.Contains(names, ascii) {
			names = append(names, ascii)
		}
	}
	if len(names) > domainsMost {
		report("DOMAIN", "must be at most %d names, and has %d", domainsMost, len(names))
		return
	}
	h.Domains = names
	if h.Addr == h.SecureAddr && !strings.HasSuffix(h.Addr, ":0") {
		report("HTTPS_ADDR", "must differ from HTTP_ADDR, which is %s, too", h.Addr)
	}
	if h.PublicURL == "" {
		h.PublicURL = "https://" + names[0]
	} else if public, err := url.Parse(h.PublicURL); err != nil || public.Scheme != "https" ||
		public.Hostname() != names[0] || strings.Trim(public.Path, "/") != "" {
		report("PUBLIC_URL", "must be empty, or https:// and the first name of DOMAIN, which is %s", names[0])
	}
	if directory, err := url.Parse(h.ACMEURL); err != nil || directory.Scheme != "https" || directory.Host == "" {
		report("ACME_URL", "must be the https:// address of an ACME server's directory")
	}
	if h.ACMEEmail != "" {
		if address, err := mail.ParseAddress(h.ACMEEmail); err != nil || address.Address != h.ACMEEmail {
			report("ACME_EMAIL", "%q must be an e-mail address, without a name", h.ACMEEmail)
		}
	}
}
