package web

import (
	"context"
	"time"

	"github.com/labstack/echo/v4"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

// browserTime is how long a request waits to learn who is signed in to its browser.
const browserTime = 2 * time.Second

// browserReads bounds how often a client's cookies are looked up, before anything else counts its requests.
var browserReads = limit.Budget{
	Name: "browser_reads", By: limit.Client, Local: true,
	Rate: limit.Rate{Count: 12000, Per: time.Minute, Burst: 12000},
}

// authenticateBrowser reads the caller from a browser's cookie. A browser sends it along with what another site's page
// makes it send, so requests that change something are accepted from our own pages alone.
func (s *Server) authenticateBrowser(c echo.Context) error {
	r := c.Request()
	if s.o.Browser == nil || r.Header.Get(echo.HeaderCookie) == "" {
		return nil
	}
	// What is the same for everybody needs no database: files, probes and prepared answers outlast it.
	route := s.routes[r.Method+" "+c.Path()]
	if route.prepared || route.static || !route.page && !route.secured && !route.use.Known && !s.isPage(r) {
		return nil
	}
	token := BrowserToken(r)
	if token == "" {
		return nil
	}
	if err := s.limits.Take(r.Context(), browserReads, Client(r.Context())); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(r.Context(), browserTime, errTookTooLong)
	defer cancel()
	caller, err := s.o.Browser(ctx, token)
	err = tooLong(ctx, err)
	switch {
	case err != nil && fault.From(err).Kind == fault.Unauthenticated:
		return nil
	case err != nil:
		return err
	case s.crossOrigin.Check(r) != nil:
		return errCrossOrigin
	}
	c.SetRequest(r.WithContext(auth.WithPrincipal(r.Context(), caller)))
	return nil
}
