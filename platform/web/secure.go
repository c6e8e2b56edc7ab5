package web

import (
	"crypto/tls"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

// HTTPS makes a server speak https, with HTTP/2, at an address of its own. Its site is then Options.PublicURL alone:
// reads of plain HTTP and of other names are led there, and whatever else arrives in such a way is refused. Programs on
// this host may still ask for health and metrics by plain HTTP.
type HTTPS struct {
	Addr string // where it listens
	// Certificate returns the certificate for the name that a client asks for; nil, without an error: it gets none, and
	// learns nothing.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	// Challenge answers the question by which an authority checks a name, which comes by plain HTTP, and reports
	// whether the request was one.
	Challenge func(w http.ResponseWriter, r *http.Request) bool
}

// acmeProtocol is the ALPN protocol of the other kind of such questions (RFC 8737), which Certificate answers.
const acmeProtocol = "acme-tls/1"

// What one HTTP/2 connection may have.
const (
	streamsEach = 100 // requests at once; RFC 9113 §6.5.2 recommends no fewer
	// streamBuffer is what it may send of bodies, in bytes, before a handler reads them: so many per round trip.
	streamBuffer = 256 << 10
	frameMost    = 16 << 10 // bytes of a frame; the connection keeps a buffer of this size
	silence      = 30 * time.Second
)

// handshakes bounds the work of the handshakes of one network: each costs half a millisecond at most. A school behind
// one address does not come near it: browsers open one connection each, and keep it.
var handshakes = limit.Budget{
	Name: "handshakes", By: limit.Client, Local: true,
	Rate: limit.Rate{Count: 3000, Per: time.Minute, Burst: 3000},
}

var errElsewhere = fault.New(fault.Malformed, "https_required",
	"Envía la petición a la dirección del sitio, con https. No se ha hecho nada.",
	"Send the request to the site's own address, with https. Nothing has been done.")

// secure prepares the server for https. A handshake ends with ReadHeaderTimeout.
func (s *Server) secure() {
	if s.o.HTTPS == nil {
		return
	}
	s.http.TLSConfig = &tls.Config{
		MinVersion: tls.VersionTLS12, GetCertificate: s.o.HTTPS.Certificate, GetConfigForClient: s.greet,
		// net/http prepares for HTTP/2 only once, for whichever listener comes first, so it must find the name here.
		NextProtos: []string{"h2", "http/1.1", acmeProtocol},
	}
	s.http.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams: streamsEach, MaxReceiveBufferPerConnection: streamBuffer,
		MaxReceiveBufferPerStream: streamBuffer, MaxReadFrameSize: frameMost, SendPingTimeout: silence,
	}
}

// greet counts a handshake before its work begins. It never changes the configuration.
func (s *Server) greet(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if k := connectionUnder(hello.Conn); k != nil && k.network.IsValid() {
		if err := s.limits.Take(hello.Context(), handshakes, k.network.String()); err != nil {
			return nil, err
		}
	}
	return nil, nil //nolint:nilnil // so crypto/tls wants it
}

// isHome reports whether a request came to the site's own address.
func (s *Server) isHome(r *http.Request) bool {
	return s.o.HTTPS == nil || r.TLS != nil && strings.EqualFold(hostname(r.Host), hostname(siteHost(s.o.PublicURL)))
}

func siteHost(address string) string {
	_, host, _ := strings.Cut(address, "://")
	return host
}

// hostname returns a host without its port and without the dot that ends a full name.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(host, ".")
}

// leadHome redirects reads that did not come to the site's own address, and refuses everything else: a password that
// was sent in plain text must not seem to work. Requests for other names on one of our certificates are led there, too.
func (s *Server) leadHome(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		switch {
		case s.isHome(r), r.TLS == nil && isProbe(r):
			return next(c)
		case r.TLS == nil && s.o.HTTPS.Challenge(c.Response(), r):
			return nil
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			return errElsewhere
		}
		c.Response().Header().Set("Cache-Control", "max-age=3600") // so that a mistake does not stay for ever
		return c.Redirect(http.StatusPermanentRedirect, s.o.PublicURL+r.URL.RequestURI())
	}
}

// isProbe reports whether a program on this host looks after the service.
func isProbe(r *http.Request) bool {
	if !probed[r.URL.Path] || isForwarded(r) {
		return false
	}
	here, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return peer(r).IsLoopback() || ok && peer(r) == here.AddrPort().Addr().Unmap()
}
