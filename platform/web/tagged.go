package web

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"
)

// serveTagged answers a read of one caller with an ETag, and 304 if the caller has the answer already. The answer is
// made each time and is never compressed: it holds signed links beside texts.
func (s *Server) serveTagged(c echo.Context, r route, next echo.HandlerFunc) error {
	recorded, err := s.record(c, r, next)
	if err != nil {
		return err
	}
	if recorded.status != http.StatusOK {
		return recorded.replay(c.Response())
	}
	tag := s.callersETag(recorded.header, recorded.body.Bytes(), time.Now())
	recorded.header.Set("ETag", tag)
	if matches(c.Request().Header["If-None-Match"], tag) {
		recorded.header.Del("Content-Type")
		recorded.status = http.StatusNotModified
		recorded.body.Reset()
	} else {
		recorded.header.Set("Content-Length", strconv.Itoa(recorded.body.Len()))
	}
	return recorded.replay(c.Response())
}

// signedQuery is the query of a signed link: each time it is given out, it has another end and another signature.
var signedQuery = regexp.MustCompile(`\?[^"\s]*[Ss]ignature=[^"\s]*`)

// callersETag is strong, unless the answer has signed links. Then it is weak: it does not depend on when they were
// signed, but it changes four times in their life, so that whoever gets 304 has links that still hold.
func (s *Server) callersETag(header http.Header, body []byte, now time.Time) string {
	links := signedQuery.FindAllIndex(body, -1)
	if len(links) == 0 || s.o.LinkLife < 4 {
		return etag(header, body)
	}
	var rest bytes.Buffer
	from := 0
	for _, link := range links {
		rest.Write(body[from:link[0]])
		from = link[1]
	}
	rest.Write(body[from:])
	fmt.Fprint(&rest, now.UnixNano()/int64(s.o.LinkLife/4))
	return "W/" + etag(header, rest.Bytes())
}

// errHead ends an answer to HEAD, which has no body.
var errHead = errors.New("HEAD has no body")

type headKey struct{}

// isHead reports whether a request that handlers see as GET came as HEAD.
func isHead(r *http.Request) bool { return r.Context().Value(headKey{}) != nil }

// replay sends what is recorded.
func (r *recorder) replay(w http.ResponseWriter) error {
	for name, values := range r.header {
		if name == "Vary" {
			for _, value := range values {
				vary(w.Header(), value)
			}
			continue
		}
		w.Header()[name] = values
	}
	w.WriteHeader(cmp.Or(r.status, http.StatusOK))
	if r.body.Len() == 0 {
		return nil
	}
	if _, err := w.Write(r.body.Bytes()); err != nil {
		return fmt.Errorf("send an answer: %w", err)
	}
	return nil
}
