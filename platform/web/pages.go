package web

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
)

// PageOptions say what all pages have in common.
type PageOptions struct {
	// Origins are other hosts from which clips and pictures come, such as https://clips.example.com.
	Origins []string
	// Problem returns the page that answers a browser whose request went wrong, or where the browser shall go instead.
	Problem func(r *http.Request, p *Problem) View
}

// View is the answer to a browser: a document, or another address.
type View struct {
	Status   int // 0: 200, or 303 if there is a Location
	HTML     []byte
	Type     string   // "": an HTML document in UTF-8
	Location string   // where the browser shall go instead, with GET
	Cookies  []string // values of Set-Cookie
	Plain    bool     // it is not compressed, because it has secrets beside a text that its address can choose
	Framed   bool     // other sites may show it in a frame
	Open     bool     // scripts of other sites may read it; it is the same for everybody
}

// Pages sets what all pages have in common. Without it, browsers get the same problem documents as other clients.
func (s *Server) Pages(o PageOptions) {
	sources := strings.Join(append([]string{"'self'"}, o.Origins...), " ")
	s.pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src " + sources + " data:; " +
		"media-src " + sources + " blob:; connect-src " + sources + "; manifest-src 'self'; form-action 'self'; " +
		"base-uri 'none'; frame-ancestors 'none'"
	s.pageProblem = o.Problem
}

// Page routes a page, and bounds each request by use. Its texts are English under /en and Spanish elsewhere, whatever
// the browser prefers. A page that is secured needs a caller; others are asked for with or without one.
//
// What browsers send to a page comes from our own pages alone: other sites' forms are refused.
func (s *Server) Page(method, path string, use Use, secured bool, serve func(*http.Request) (View, error)) {
	s.declare(method, echoPath(path), route{use: use, secured: secured, page: true})
	s.echo.Add(method, echoPath(path), func(c echo.Context) error {
		r := c.Request()
		for i, name := range c.ParamNames() {
			r.SetPathValue(name, c.ParamValues()[i])
		}
		page, err := serve(r)
		if err != nil {
			return err
		}
		return s.sendPage(c, page)
	})
}

// sendPage answers with a page. A browser that has the same document already gets 304. Documents may not be used again
// without asking, but are kept, so that going back is quick.
func (s *Server) sendPage(c echo.Context, p View) error {
	w, h := c.Response(), c.Response().Header()
	for _, cookie := range p.Cookies {
		h.Add("Set-Cookie", cookie)
	}
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "private, no-cache")
	}
	h.Set("Content-Security-Policy", s.pagePolicy)
	if p.Framed {
		policy := strings.Replace(s.pagePolicy, "frame-ancestors 'none'", "frame-ancestors *", 1)
		h.Set("Content-Security-Policy", policy)
		h.Del("X-Frame-Options")
	}
	if p.Open {
		h.Set("Access-Control-Allow-Origin", "*")
	}
	h.Set("Referrer-Policy", "same-origin")
	h.Add("Vary", "Cookie, Accept-Encoding, Accept-Language")
	if p.Location != "" {
		h.Set("Location", p.Location)
		w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	status := p.Status
	if status == 0 {
		status = http.StatusOK
	}
	r := c.Request()
	if status == http.StatusOK && r.Method == http.MethodGet {
		sum := sha256.Sum256(p.HTML)
		tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
		h.Set("ETag", tag)
		if len(p.Cookies) == 0 && matches(r.Header.Values("If-None-Match"), strings.TrimPrefix(tag, "W/")) {
			w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h.Set("Content-Type", "text/html; charset=utf-8")
	if p.Type != "" {
		h.Set("Content-Type", p.Type)
	}
	// No other page has a secret beside a text that its address can choose, so its size tells nothing.
	body := p.HTML
	if c := codingOf(r.Header[echo.HeaderAcceptEncoding]); c != identity && !p.Plain && len(body) >= leastToEncode {
		body = s.prepared.encoder.encode(c, body)
		h.Set(echo.HeaderContentEncoding, c.name())
	}
	h.Set(echo.HeaderContentLength, strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err := w.Write(body)
	return err
}

// pageLanguage makes the texts of pages, also of those that do not exist, follow the address.
func (s *Server) pageLanguage(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		// Scripts and programs, which accept anything, get the same texts of a page.
		if !s.isPage(r) && !s.routes[r.Method+" "+c.Path()].page {
			return next(c)
		}
		known := requestOf(r.Context())
		known.page = "es"
		if r.URL.Path == "/en" || strings.HasPrefix(r.URL.Path, "/en/") {
			known.page = "en"
		}
		c.SetRequest(r.WithContext(context.WithValue(r.Context(), requestKey{}, known)))
		return next(c)
	}
}

// isPage reports whether a person waits for the answer.
func (s *Server) isPage(r *http.Request) bool {
	return s.pageProblem != nil && !strings.HasPrefix(r.URL.Path, "/api/") &&
		strings.Contains(r.Header.Get(echo.HeaderAccept), "text/html")
}

// EnglishPage reports whether the texts of a page are English.
func EnglishPage(ctx context.Context) bool { return requestOf(ctx).page == "en" }

// PrefersEnglish reports whether a browser prefers English, whatever the language of the page.
func PrefersEnglish(ctx context.Context) bool { return parseLanguage(requestOf(ctx).accept) == en }

// errCrossOrigin is the answer to what another site's page made a browser send.
var errCrossOrigin = fault.New(fault.Forbidden, "cross_origin",
	"Por seguridad, esto solo se puede enviar desde nuestras propias páginas. Abre el sitio y vuelve a intentarlo.",
	"For your safety, this can only be sent from our own pages. Open the site and try again.")

// newCrossOrigin trusts the site's own address and the origins that may call the API with a browser's session.
func newCrossOrigin(o Options) *http.CrossOriginProtection {
	protection := http.NewCrossOriginProtection()
	for _, origin := range append([]string{o.PublicURL}, o.CORSOrigins...) {
		if origin != "" && origin != "*" {
			// One that is no origin trusts nobody.
			_ = protection.AddTrustedOrigin(strings.TrimSuffix(origin, "/"))
		}
	}
	return protection
}
