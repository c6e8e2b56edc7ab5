package config

import (
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
)

// widest is the shortest prefix of a trusted network, in bits, that does not hold half of an organisation.
const (
	widestIPv4 = 22
	widestIPv6 = 56
)

// warnings lists what can be meant, but hardly is.
func (c *Config) warnings(lines map[string]assignment) Problems {
	var warnings Problems
	for _, prefix := range c.HTTP.TrustedProxies {
		if isWide(prefix, inContainer()) {
			warnings.add("TRUSTED_PROXIES", "every program in %s can pose as any client and pass the limits; "+
				"name the proxy's own address", prefix)
		}
	}
	if (c.Voting.RequireVerified || c.Upload.RequireVerified) && c.Mail.SMTPURL == "" {
		warnings.add("SMTP_URL", "nobody gets the letter that proves an e-mail, which votes or uploads require")
	}
	if len(c.HTTP.Domains) == 0 && c.HTTP.ACMEEmail != "" {
		warnings.add("ACME_EMAIL", "has no effect without DOMAIN, which makes the site get certificates")
	}
	for _, name := range strangers(lines) {
		if ours := nearest(name); ours != "" {
			warnings.add(name, "is no setting and is ignored; is %s meant?", ours)
		}
	}
	return warnings
}

// isWide reports whether a network has more than proxies in it. Inside a container, the private networks are those of
// the containers.
func isWide(network netip.Prefix, inside bool) bool {
	widest := widestIPv4
	if network.Addr().Is6() {
		widest = widestIPv6
	}
	if network.Addr().IsLoopback() || network.Bits() >= widest {
		return false
	}
	return network.Bits() == 0 || !network.Addr().IsPrivate() || !inside
}

// inContainer reports whether Docker, Podman or ECS run this process.
func inContainer() bool {
	for _, file := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
	return os.Getenv("ECS_AGENT_URI") != ""
}

// strangers are the names in the file and in the environment that are not ours, sorted.
func strangers(lines map[string]assignment) []string {
	var names []string
	for name := range lines {
		names = append(names, name)
	}
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), isOurs)
}

// nearest returns the setting that somebody may have meant, if there is one: at most two letters differ, and one of
// short names.
func nearest(name string) string {
	best, least := "", 3
	for _, v := range Variables() {
		allowed := 2
		if len(v.Name) < 9 {
			allowed = 1
		}
		distance := levenshtein.ComputeDistance(strings.ToUpper(name), v.Name)
		if distance <= allowed && distance < least {
			best, least = v.Name, distance
		}
	}
	return best
}
