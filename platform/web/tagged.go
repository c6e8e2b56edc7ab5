package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"
)

// serveTagged answers a read of one caller with a strong ETag, and 304 if the caller has the answer already. The answer
// is made each time and is never compressed: it holds signed links beside texts of other people.
func (s *Server) serveTagged(c echo.Context, r route, next echo.HandlerFunc) error {
	recorded, err := s.record(c, r, next)
	if err != nil {
		return err
	}
	if recorded.status != http.StatusOK {
		return recorded.replay(c.Response())
	}
	tag := etag(recorded.header, recorded.body.Bytes())
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
	w.WriteHeader(r.status)
	if r.body.Len() == 0 {
		return nil
	}
	if _, err := w.Write(r.body.Bytes()); err != nil {
		return fmt.Errorf("send an answer: %w", err)
	}
	return nil
}
