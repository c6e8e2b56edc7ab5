package web

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"

	"risingstars/platform/fault"
	"risingstars/platform/telemetry"
)

// request has the circumstances of a request that everything else may need.
type request struct {
	page     string // the language of a page, es or en, whatever the browser prefers; "": it is none
	accept   string // Accept-Language, which is read only if a text is chosen by it
	client   netip.Addr
	agent    string // User-Agent
	base     string // scheme://host, without a slash at the end
	site     string // PublicURL
	url      *url.URL
	draining <-chan struct{}
}

type requestKey struct{}

func requestOf(ctx context.Context) request {
	r, _ := ctx.Value(requestKey{}).(request)
	return r
}

// describe puts the request's circumstances into its context.
func (s *Server) describe(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		id := newRequestID()
		c.Response().Header()["X-Request-Id"] = []string{id}
		ctx := telemetry.WithRequestID(r.Context(), id)
		ctx = context.WithValue(ctx, requestKey{}, request{
			accept:   strings.Join(r.Header["Accept-Language"], ","),
			client:   s.client(r),
			agent:    r.UserAgent(),
			base:     s.base(r),
			site:     s.o.PublicURL,
			url:      r.URL,
			draining: s.draining,
		})
		c.SetRequest(r.WithContext(ctx))
		return next(c)
	}
}

// newRequestID returns a UUID of version 7 (RFC 9562 §5.7). Nothing relies on it being hard to guess, so its random
// part needs no system call.
func newRequestID() string {
	a, b := rand.Uint64(), rand.Uint64() //nolint:gosec // as above
	var id uuid.UUID
	binary.BigEndian.PutUint64(id[:], uint64(time.Now().UnixMilli())<<16|0x7000|a&0x0fff)
	binary.BigEndian.PutUint64(id[8:], 1<<63|b>>2)
	return id.String()
}

// lang is a language of the public texts.
type lang int

const (
	es lang = iota
	en
)

var languages = language.NewMatcher([]language.Tag{language.Spanish, language.English})

// parseLanguage returns Spanish unless the header prefers English.
func parseLanguage(accept string) lang {
	if accept == "" {
		return es
	}
	tags, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(tags) == 0 {
		return es
	}
	_, index, _ := languages.Match(tags...)
	return lang(index)
}

func languageOf(ctx context.Context) lang {
	switch r := requestOf(ctx); r.page {
	case "es":
		return es
	case "en":
		return en
	default:
		return parseLanguage(r.accept)
	}
}

// tag is what headers and pages call the language (RFC 5646).
func (l lang) tag() string {
	if l == en {
		return "en"
	}
	return "es"
}

func (l lang) pick(t fault.Text) string {
	if l == en {
		return t.EN
	}
	return t.ES
}

// Say returns the text in the language of the request that ctx belongs to.
func Say(ctx context.Context, t fault.Text) string { return languageOf(ctx).pick(t) }

// Client returns the key by which limits count the sender of a request: its address, or for IPv6 its /64 network, which
// is what a single household has.
func Client(ctx context.Context) string {
	addr := requestOf(ctx).client
	if addr.Is6() && !addr.Is4In6() {
		if prefix, err := addr.Prefix(64); err == nil {
			return prefix.String()
		}
	}
	return addr.Unmap().String()
}

// Network returns the network of the sender of a request, such as 203.0.113.0/24: enough for somebody to recognize
// their own, and too little to tell them from their neighbours.
func Network(ctx context.Context) string { return loggedNetwork(requestOf(ctx).client) }

// Agent returns what the program that sent a request calls itself; it may be anything.
func Agent(ctx context.Context) string { return requestOf(ctx).agent }

// Absolute turns a site-relative reference into an absolute URL, with the site's address as the client sees it. It
// returns an absolute URL unchanged.
func Absolute(ctx context.Context, reference string) string {
	if !strings.HasPrefix(reference, "/") {
		return reference
	}
	return requestOf(ctx).base + reference
}

// client returns the nearest address that is not a trusted proxy. Only trusted proxies may forward addresses.
func (s *Server) client(r *http.Request) netip.Addr {
	addr := peer(r)
	if !s.trusts(addr) {
		return addr
	}
	forwarded := strings.Split(strings.Join(r.Header.Values(echo.HeaderXForwardedFor), ","), ",")
	for i := len(forwarded) - 1; i >= 0 && s.trusts(addr); i-- {
		next, err := netip.ParseAddr(strings.TrimSpace(forwarded[i]))
		if err != nil {
			break
		}
		addr = next
	}
	return addr
}

// base returns the site's address as the client sees it: PUBLIC_URL, what a trusted proxy forwards, or the request's
// own.
func (s *Server) base(r *http.Request) string {
	if s.o.PublicURL != "" {
		return s.o.PublicURL
	}
	scheme, host := "http", r.Host
	if r.TLS != nil {
		scheme = "https"
	}
	if s.trusts(peer(r)) {
		if proto := r.Header.Get(echo.HeaderXForwardedProto); proto == "http" || proto == "https" {
			scheme = proto
		}
		if forwarded := r.Header.Get("X-Forwarded-Host"); forwarded != "" && !strings.ContainsAny(forwarded, " ,/\\") {
			host = forwarded
		}
	}
	return scheme + "://" + host
}

func (s *Server) trusts(addr netip.Addr) bool {
	for _, prefix := range s.o.TrustedProxies {
		if prefix.Contains(addr.Unmap()) {
			return true
		}
	}
	return false
}

func peer(r *http.Request) netip.Addr {
	if k := connectionOf(r); k != nil {
		return k.addr
	}
	addr, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return addr.Addr().Unmap()
}
