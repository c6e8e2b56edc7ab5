package web

import (
	"context"
	"net/http"
	"strings"
	"time"
)

// Cookie returns the value of Set-Cookie for a cookie that scripts cannot read and other sites do not send along with
// their forms. If the client reaches the site by https, the name gets the prefix __Host-, so that neither a subdomain
// nor plain http can set it (RFC 6265bis §4.1.3.2).
func Cookie(ctx context.Context, name, value string, ttl time.Duration) string {
	c := http.Cookie{ //nolint:gosec // Secure where the client reaches the site by https
		Name: name, Value: value, Path: "/", MaxAge: int(ttl.Seconds()), HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
	if strings.HasPrefix(requestOf(ctx).base, "https://") {
		c.Name, c.Secure = "__Host-"+name, true
	}
	return c.String()
}
