package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"

	"risingstars/platform/fault"
	"risingstars/platform/web"
)

func TestForwardedAddressesAreTrustedOnlyFromTrustedProxies(t *testing.T) {
	t.Parallel()
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for name, test := range map[string]struct{ peer, forwarded, want string }{
		"from a stranger":   {"203.0.113.9:1", "198.51.100.1", "203.0.113.9"},
		"none":              {"203.0.113.9:1", "", "203.0.113.9"},
		"from a proxy":      {"10.0.0.1:1", "198.51.100.1", "198.51.100.1"},
		"invented before":   {"10.0.0.1:1", "1.1.1.1, 198.51.100.1", "198.51.100.1"},
		"two proxies":       {"10.0.0.1:1", "198.51.100.1, 10.2.2.2", "198.51.100.1"},
		"invalid":           {"10.0.0.1:1", "not-an-address", "10.0.0.1"},
		"invalid before":    {"10.0.0.1:1", "not-an-address, 198.51.100.1", "198.51.100.1"},
		"none from a proxy": {"10.0.0.1:1", "", "10.0.0.1"},
		"mapped":            {"[::ffff:10.0.0.1]:1", "::ffff:198.51.100.1", "198.51.100.1"},
		"a household":       {"[fd00::1]:1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *web.Options) { o.TrustedProxies = trusted })
			var got string
			b.get("/who", func(ctx context.Context) error { got = web.Client(ctx); return nil })
			request := httptest.NewRequest(http.MethodGet, "/who", http.NoBody)
			request.RemoteAddr = test.peer
			if test.forwarded != "" {
				request.Header.Set("X-Forwarded-For", test.forwarded)
			}
			b.ServeHTTP(httptest.NewRecorder(), request)
			if got != test.want {
				t.Fatalf("the client is %q, want %q", got, test.want)
			}
		})
	}
}

func TestLinksHaveTheAddressThatTheClientUses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ public, peer, host, want string }{
		"as requested":    {"", "203.0.113.9:1", "", "http://example.com/media/a"},
		"from a stranger": {"", "203.0.113.9:1", "evil.example", "http://example.com/media/a"},
		"from a proxy":    {"", "10.0.0.1:1", "stars.example", "https://stars.example/media/a"},
		"invalid host":    {"", "10.0.0.1:1", "evil.example/x", "https://example.com/media/a"},
		"configured":      {"https://stars.example", "10.0.0.1:1", "other.example", "https://stars.example/media/a"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, func(o *web.Options) {
				o.PublicURL, o.TrustedProxies = test.public, []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
			})
			var got string
			b.get("/where", func(ctx context.Context) error { got = web.Absolute(ctx, "/media/a"); return nil })
			request := httptest.NewRequest(http.MethodGet, "/where", http.NoBody)
			request.RemoteAddr = test.peer
			if test.host != "" {
				request.Header.Set("X-Forwarded-Host", test.host)
				request.Header.Set("X-Forwarded-Proto", "https")
			}
			b.ServeHTTP(httptest.NewRecorder(), request)
			if got != test.want {
				t.Fatalf("the link is %q, want %q", got, test.want)
			}
		})
	}
}

func TestSpanishUnlessEnglishIsPreferred(t *testing.T) {
	t.Parallel()
	text := fault.Text{ES: "es", EN: "en"}
	b := setup(t)
	var got string
	b.get("/say", func(ctx context.Context) error { got = web.Say(ctx, text); return nil })
	for accept, want := range map[string]string{
		"": "es", "es": "es", "en": "en", "en-GB,en;q=0.9": "en", "es-CO,en;q=0.5": "es", "en;q=0.1,es;q=0.2": "es",
		"fr": "es", "fr,en;q=0.5": "en", "*": "es", ";;;q=zz": "es",
	} {
		b.ask(http.MethodGet, "/say", "", "Accept-Language", accept)
		if got != want {
			t.Errorf("%q gives %s, want %s", accept, got, want)
		}
	}
}

func TestABadTokenMakesTheCallerAnonymous(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.secured("/mine")
	for header, want := range map[string]int{
		"Bearer good": http.StatusNoContent, "bearer  good ": http.StatusNoContent, "": http.StatusUnauthorized,
		"Bearer bad": http.StatusUnauthorized, "Basic good": http.StatusUnauthorized, "good": http.StatusUnauthorized,
	} {
		answer := b.ask(http.MethodGet, "/mine", "", "Authorization", header)
		if answer.Code != want {
			t.Errorf("%q gives %d, want %d", header, answer.Code, want)
		}
		if want != http.StatusUnauthorized {
			continue
		}
		if problemOf(t, answer).Code != "unauthenticated" || answer.Header().Get("WWW-Authenticate") == "" {
			t.Errorf("%q gives %s with %v", header, answer.Body, answer.Header())
		}
	}
}
