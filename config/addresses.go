package config

import (
	"net"
	"net/url"
	"strconv"
	"strings"
)

// encodePassword is the advice for a URL whose password has characters that end it.
const encodePassword = "write @, #, / and ? in its password as %40, %23, %2F and %3F" //nolint:gosec // is none

// needsEncoding reports whether the user's part of a URL seems to hold a character that ends it there, so that the rest
// of a password would pass for a host or a path. No host or database has an @ in its name.
func needsEncoding(address string) bool {
	_, rest, _ := strings.Cut(address, "://")
	at := strings.LastIndexByte(rest, '@')
	return at >= 0 && strings.ContainsAny(rest[:at], "@#/?")
}

// maskPassword replaces the password of a URL, and all of a text that is no URL.
func maskPassword(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || needsEncoding(address) {
		return "(set, and not a URL)"
	}
	return parsed.Redacted()
}

// checkAddresses checks where we listen, and how others reach us.
func (c *Config) checkAddresses(report report) {
	for _, item := range []struct{ name, address string }{
		{"HTTP_ADDR", c.HTTP.Addr}, {"HTTPS_ADDR", c.HTTP.SecureAddr}, {"METRICS_ADDR", c.HTTP.MetricsAddr},
		{"WORKER_HTTP_ADDR", c.Worker.HTTPAddr},
	} {
		if item.address != "" && !isListenAddress(item.address) {
			report(item.name, "%q must be an address and a port such as 127.0.0.1:9090, or :9090 for all addresses",
				item.address)
		}
	}
	for _, item := range []struct {
		name    string
		address *string
	}{
		{"PUBLIC_URL", &c.HTTP.PublicURL},
		{"S3_PUBLIC_URL", &c.Storage.PublicURL},
		{"AWS_ENDPOINT_URL", &c.AWS.EndpointURL},
		{"OTEL_EXPORTER_OTLP_ENDPOINT", &c.Traces.Endpoint},
		{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", &c.Traces.TracesEndpoint},
	} {
		*item.address = strings.TrimSuffix(*item.address, "/")
		if !isEmptyOrWebAddress(*item.address) {
			report(item.name, "%q must be an http:// or https:// address", maskIfSecret(*item.address))
		}
	}
	for _, origin := range c.HTTP.CORSOrigins {
		if !isOrigin(origin) {
			report("CORS_ORIGINS",
				"%q must be * or what browsers send: https:// or http://, a host and nothing after it",
				maskIfSecret(origin))
		}
	}
}

// maskIfSecret hides an address that holds a user.
func maskIfSecret(address string) string {
	if strings.Contains(address, "@") {
		return "the value"
	}
	return address
}

// isListenAddress reports whether the address has a port, by number.
func isListenAddress(address string) bool {
	_, port, err := net.SplitHostPort(address)
	number, notANumber := strconv.ParseUint(port, 10, 16)
	return err == nil && notANumber == nil && strconv.FormatUint(number, 10) == port
}

func isEmptyOrWebAddress(address string) bool {
	parsed, err := url.Parse(address)
	return address == "" || err == nil && parsed.Host != "" && (parsed.Scheme == "http" || parsed.Scheme == "https")
}

// isOrigin reports whether a browser may send the text as Origin (https://www.rfc-editor.org/rfc/rfc6454#section-7); *
// stands for any part of a host.
func isOrigin(text string) bool {
	parsed, err := url.Parse(strings.ReplaceAll(text, "*", "any"))
	return text == "*" || err == nil && isEmptyOrWebAddress(text) && text != "" &&
		parsed.Scheme+"://"+parsed.Host == strings.ReplaceAll(text, "*", "any")
}

// checkFolders refuses what only a shell would replace.
func (c *Config) checkFolders(report report) {
	for _, item := range []struct{ name, path string }{
		{"DATA_DIR", c.Data.Dir},
		{"FILES_DIR", c.Data.FilesDir},
		{"WORK_DIR", c.Data.WorkDir},
		{"AWS_CA_BUNDLE", c.AWS.CABundle},
		{"BRANDING_DIR", c.Media.BrandingDir},
	} {
		if strings.HasPrefix(item.path, "~") || strings.Contains(item.path, "$") {
			report(item.name, "%q must be the path itself: nothing replaces ~ or $NAME in it", item.path)
		}
	}
}

// checkDatabase checks the addresses of the database. They hold passwords, so no message repeats them.
func (c *Config) checkDatabase(report report) {
	c.Data.DatabaseURL = strings.Replace(c.Data.DatabaseURL, "postgresql+psycopg2://", "postgresql://", 1)
	if u := c.Data.DatabaseURL; u != "" {
		parsed, err := url.Parse(u)
		switch {
		case needsEncoding(u):
			report("DATABASE_URL", "%s", encodePassword)
		case err != nil || parsed.Host == "" || (parsed.Scheme != "postgresql" && parsed.Scheme != "postgres"):
			report("DATABASE_URL",
				"must look like postgresql://user:password@host:port/name, or be empty to use SQLite")
		}
	}
	c.checkAppURL(report)
}
