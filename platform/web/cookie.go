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

// browserCookie has the token of a browser that is signed in.
const browserCookie = "session"

// BrowserCookie returns the value of Set-Cookie that signs a browser in for ttl.
func BrowserCookie(ctx context.Context, token string, ttl time.Duration) string {
	return Cookie(ctx, browserCookie, token, ttl)
}

// EndBrowserCookie returns the value of Set-Cookie that signs a browser out.
func EndBrowserCookie(ctx context.Context) string {
	return Cookie(ctx, browserCookie, "", -time.Second)
}

// BrowserToken returns the token of a browser that is signed in, or "".
func BrowserToken(r *http.Request) string { return CookieOf(r, browserCookie) }

// CookieOf returns the value of a cookie that Cookie has made, or "".
func CookieOf(r *http.Request, name string) string {
	if strings.HasPrefix(requestOf(r.Context()).base, "https://") {
		name = "__Host-" + name
	}
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}
