package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"risingstars/platform/fault"
)

const (
	jsonType    = "application/json"
	problemType = "application/problem+json"
	eventType   = "text/event-stream"
)

var errNotAcceptable = fault.New(fault.Malformed, "not_acceptable",
	"Esta dirección no responde en ninguno de los formatos que pides en Accept. Pide application/json, o quita Accept.",
	"This address answers in none of the formats that your Accept asks for. "+
		"Ask for application/json, or leave it out.")

// produced returns the media type of an operation's answers; "" if it depends.
func produced(contents []string) string {
	switch {
	case len(contents) == 0:
		return jsonType
	case len(contents) == 1:
		return contents[0]
	}
	return ""
}

// accepts reports whether an Accept header has room for answers of a media type. Problems follow every answer, so who
// accepts only them is answered. An empty header accepts everything, and so does a broken one (RFC 9110 §12.5.1).
func accepts(header []string, mediaType string) bool {
	named := false
	family, _, _ := strings.Cut(mediaType, "/")
	for _, value := range header {
		for item := range strings.SplitSeq(value, ",") {
			name, weight := weightOf(item)
			kind, sub, ok := strings.Cut(name, "/")
			if !ok && name != "*" { // some programs send a star alone
				continue
			}
			named = true
			fits := name == "*" || kind == "*" && sub == "*" || strings.EqualFold(name, mediaType) ||
				strings.EqualFold(kind, family) && (sub == "*" || sub == "*+json") ||
				mediaType == jsonType && (strings.EqualFold(name, problemType) || strings.EqualFold(name, "text/json"))
			if fits && weight > 0 {
				return true
			}
		}
	}
	return !named
}

// acceptable refuses a request whose Accept has no room for the operation's answers.
func acceptable(r *http.Request, mediaType string) error {
	header := r.Header["Accept"]
	if mediaType == "" || len(header) == 0 || len(header) == 1 && header[0] == "*/*" || accepts(header, mediaType) {
		return nil
	}
	return errNotAcceptable
}

// allow adds HEAD to the methods that 405 and OPTIONS name, because whatever answers GET answers HEAD.
func allow(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().Method != http.MethodGet {
			allowed, _ := c.Get(echo.ContextKeyHeaderAllow).(string)
			if strings.Contains(allowed, http.MethodGet) && !strings.Contains(allowed, http.MethodHead) {
				c.Set(echo.ContextKeyHeaderAllow, strings.Replace(allowed, http.MethodGet, "GET, HEAD", 1))
			}
		}
		return next(c)
	}
}

// answerOptions answers OPTIONS where no other site may ask: which methods a path has. For others, CORS answers.
func answerOptions(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if c.Request().Method == http.MethodOptions {
			if allowed, _ := c.Get(echo.ContextKeyHeaderAllow).(string); allowed != "" {
				c.Response().Header().Set(echo.HeaderAllow, allowed)
				return c.NoContent(http.StatusNoContent)
			}
		}
		return next(c)
	}
}

// inLanguage says in which language the texts of an answer are.
func inLanguage(h http.Header, l lang) {
	h.Set("Content-Language", l.tag())
	vary(h, "Accept-Language")
}

// vary adds a request header to those on which an answer depends.
func vary(h http.Header, name string) {
	for _, value := range h["Vary"] {
		for item := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.TrimSpace(item), name) {
				return
			}
		}
	}
	h.Add("Vary", name)
}
