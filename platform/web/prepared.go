package web

import (
	"bytes"
	"container/list"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	// preparedFor is how old a prepared answer may become.
	preparedFor = time.Second
	// preparedShare bounds what is spent on one answer that everybody asks for: it is kept for this many times as long
	// as it took to make, but not longer than preparedFor.
	preparedShare = 20
	// preparedLeast is how long an answer is kept even if it took no time to make.
	preparedLeast = 50 * time.Millisecond
	// preparedBytes bounds what all prepared answers of a process occupy, about.
	preparedBytes = 16 << 20
	// preparedOverhead is what an answer occupies beside its bytes, about.
	preparedOverhead = 1 << 10
)

// RegisterPrepared is Register for a GET that answers everyone alike, whoever asks in whatever language. An answer is
// made once for all who ask for it at the same time, and again after at most a second; it carries a strong ETag. Only
// whoever has an answer made uses up the operation's budgets.
//
// The answer may depend on the path, on the parameters that the operation declares, and on the site's address. A JSON
// field as_of, the time at which the rest was true, is not part of the ETag.
func RegisterPrepared[I, O any](
	s *Server, op huma.Operation, use Use, handler func(context.Context, *I) (*O, error),
) {
	Register(s, op, use, handler)
	documented := s.API.OpenAPI().Paths[op.Path].Get
	name := op.Method + " " + echoPath(op.Path)
	route := s.routes[name]
	route.prepared = true
	for _, p := range documented.Parameters {
		if p.In == "query" {
			route.query = append(route.query, p.Name)
		}
	}
	s.routes[name] = route
	documented.Metadata[routeKey] = route
}

// answer is a prepared one. Its fields do not change, but for the compressed bytes, which are made when somebody asks
// for them.
type answer struct {
	representation

	key   string
	route string
	fixed fixedHeaders      // those of every prepared answer, and its own
	etags [codings][]string // by coding, as headers
	made  time.Time         // when its making began: the data is not older
	until time.Time

	whole, notModified prometheus.Observer // of the seconds that serveReady takes

	addresses []string // under which serveReady knows it; prepared's mutex guards them
}

// flight is the making of an answer for all who ask for it meanwhile.
type flight struct {
	done   chan struct{}
	answer *answer // nil if it failed
	busy   bool    // because the server could not answer in time, or at all
}

// prepared keeps the answers of a process, the least recently asked for leaving first.
type prepared struct {
	mu        sync.Mutex
	answers   map[string]*list.Element // of *answer
	addresses map[string]*list.Element // the same, by the addresses of requests
	order     *list.List               // the last asked for in front
	size      int                      // bytes
	flights   map[string]*flight
	encoder   encoder
}

func newPrepared() *prepared {
	return &prepared{
		answers: map[string]*list.Element{}, addresses: map[string]*list.Element{}, order: list.New(),
		flights: map[string]*flight{},
	}
}

// get returns a fresh answer, or the flight that makes it. The flight is the caller's own if first is true; then it
// must land it.
func (p *prepared) get(key string, now time.Time) (a *answer, f *flight, first bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if element, ok := p.answers[key]; ok {
		if a := answerOf(element); now.Before(a.until) {
			p.order.MoveToFront(element)
			return a, nil, false
		}
	}
	if f, ok := p.flights[key]; ok {
		return nil, f, false
	}
	f = &flight{done: make(chan struct{})}
	p.flights[key] = f
	return nil, f, true
}

// land ends a flight with its answer, or with nil.
func (p *prepared) land(key string, f *flight, a *answer) {
	f.answer = a
	p.mu.Lock()
	delete(p.flights, key)
	if a != nil {
		p.put(a)
	}
	p.mu.Unlock()
	close(f.done)
}

func (p *prepared) put(a *answer) {
	var addresses []string
	if old, ok := p.answers[a.key]; ok {
		addresses = answerOf(old).addresses
		p.remove(old)
	}
	if a.bytes() > preparedBytes/4 {
		return
	}
	element := p.order.PushFront(a)
	p.answers[a.key], a.addresses = element, addresses
	for _, address := range addresses {
		p.addresses[address] = element
	}
	p.size += a.bytes()
	for p.size > preparedBytes {
		p.remove(p.order.Back())
	}
}

func (p *prepared) remove(element *list.Element) {
	a := answerOf(element)
	p.order.Remove(element)
	delete(p.answers, a.key)
	for _, address := range a.addresses {
		delete(p.addresses, address)
	}
	p.size -= a.bytes()
}

func answerOf(element *list.Element) *answer {
	a, _ := element.Value.(*answer) // nothing else is in the list
	return a
}

func (a *answer) duration(status int) prometheus.Observer {
	if status == http.StatusNotModified {
		return a.notModified
	}
	return a.whole
}

// bytes counts the body twice: compressed in both ways it is about half as large, and seldom as large.
func (a *answer) bytes() int {
	n := 2*len(a.body) + 2*len(a.key) + preparedOverhead
	for _, address := range a.addresses {
		n += 2 * len(address)
	}
	return n
}

// servePrepared answers from memory, or has the answer made by next.
func (s *Server) servePrepared(c echo.Context, r route, next echo.HandlerFunc) error {
	ctx, key := c.Request().Context(), preparedKey(c, r)
	ready, flight, first := s.prepared.get(key, time.Now())
	switch {
	case ready != nil:
		s.prepared.know(key, s.address(c.Request()))
		return s.sendPrepared(c.Response(), c.Request(), ready)
	case first:
		return s.prepare(c, r, key, flight, next)
	}
	select {
	case <-flight.done:
	case <-ctx.Done():
		return fmt.Errorf("wait for an answer that is being made: %w", ctx.Err())
	}
	switch {
	case flight.answer != nil:
		return s.sendPrepared(c.Response(), c.Request(), flight.answer)
	case flight.busy: // asking for it all at once would only make it worse
		return errTookTooLong
	}
	return s.spend(c, r.use, next) // everyone fails alone, because a problem names its request
}

// prepare makes an answer and sends it.
func (s *Server) prepare(c echo.Context, r route, key string, f *flight, next echo.HandlerFunc) error {
	made, recorded, err := s.makeAnswer(c, r, key, f, next)
	switch {
	case err != nil:
		return err
	case made == nil:
		return recorded.replay(c.Response())
	}
	return s.sendPrepared(c.Response(), c.Request(), made)
}

// makeAnswer makes an answer, for others too: so it goes on if its own client goes away, and the flight ends before
// anything is sent, lest a slow client keep the others waiting. The answer is nil if what is recorded is a problem.
func (s *Server) makeAnswer(
	c echo.Context, r route, key string, f *flight, next echo.HandlerFunc,
) (made *answer, recorded *recorder, err error) {
	defer func() {
		failed := recorded == nil || recorded.status >= http.StatusInternalServerError || errors.Is(err, errTookTooLong)
		f.busy = made == nil && failed
		s.prepared.land(key, f, made)
	}()
	began := time.Now()
	recorded, err = s.record(c, r, next)
	if err != nil || recorded.status != http.StatusOK {
		return nil, recorded, err
	}
	made = &answer{
		key: key, route: c.Path(), made: began, whole: s.duration(http.MethodGet, c.Path(), http.StatusOK),
		notModified: s.duration(http.MethodGet, c.Path(), http.StatusNotModified),
	}
	made.body = recorded.body.Bytes()
	made.etag = etag(recorded.header, made.body)
	header := http.Header{}
	s.everywhere.copyTo(header)
	s.apiHeaders.copyTo(header)
	maps.Copy(header, recorded.header)
	header.Set("Cache-Control", "public, max-age=1, stale-while-revalidate=5")
	vary(header, "Accept-Encoding")
	for name, values := range header {
		made.fixed = append(made.fixed, fixedHeader{name, values})
	}
	for c := range coding(codings) {
		made.etags[c] = []string{made.etagIn(c)}
	}
	made.until = began.Add(min(preparedFor, max(preparedLeast, preparedShare*time.Since(began))))
	return made, recorded, nil
}

// record runs next with a response in memory.
func (s *Server) record(c echo.Context, r route, next echo.HandlerFunc) (*recorder, error) {
	request, response := c.Request(), c.Response()
	defer func() {
		c.SetRequest(request)
		c.SetResponse(response)
	}()
	recorded := &recorder{header: http.Header{}}
	if r.prepared {
		c.SetRequest(request.WithContext(context.WithoutCancel(request.Context())))
	}
	c.SetResponse(echo.NewResponse(recorded, s.echo))
	return recorded, s.spend(c, r.use, next)
}

// preparedKey names what an answer depends on. Parameters that the operation does not know change nothing.
func preparedKey(c echo.Context, r route) string {
	var sb strings.Builder
	sb.WriteString(requestOf(c.Request().Context()).base)
	sb.WriteString(c.Request().URL.Path)
	if c.Request().URL.RawQuery == "" {
		return sb.String()
	}
	asked := c.QueryParams()
	for _, name := range r.query {
		for _, value := range asked[name] {
			sb.WriteByte('&')
			sb.WriteString(name)
			sb.WriteByte('=')
			sb.WriteString(url.QueryEscape(value))
		}
	}
	return sb.String()
}

// asOf is the field of a body that says when the rest was true.
var asOf = regexp.MustCompile(`"as_of":"[^"]*"`)

// etag is strong: it names the headers and the bytes, but for the field as_of.
func etag(header http.Header, body []byte) string {
	h := sha256.New()
	for _, name := range []string{"Content-Type", "Link", "X-Total-Count"} {
		fmt.Fprintln(h, header.Get(name))
	}
	if at := asOf.FindIndex(body); at != nil {
		h.Write(body[:at[0]])
		body = body[at[1]:]
	}
	h.Write(body)
	return `"` + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:12]) + `"`
}

// sendPrepared writes an answer in the coding that the client prefers, or 304 to whoever has that already.
func (s *Server) sendPrepared(w http.ResponseWriter, r *http.Request, a *answer) error {
	h := w.Header()
	a.fixed.copyTo(h)
	coding := a.codingFor(r.Header["Accept-Encoding"])
	h["Etag"] = slices.Clip(a.etags[coding])
	if matches(r.Header["If-None-Match"], a.etags[coding][0]) {
		delete(h, "Content-Type")
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body, length := a.in(coding, &s.prepared.encoder)
	if coding != identity {
		h.Set("Content-Encoding", coding.name())
	}
	h["Content-Length"] = slices.Clip(length)
	w.WriteHeader(http.StatusOK)
	join(r, len(body))
	if _, err := w.Write(body); err != nil {
		return fmt.Errorf("send a prepared answer: %w", err)
	}
	return nil
}

// matches reports whether an If-None-Match header names the ETag, by weak comparison (RFC 9110 §13.1.2).
func matches(header []string, etag string) bool {
	etag = strings.TrimPrefix(etag, "W/")
	for _, value := range header {
		for candidate := range strings.SplitSeq(value, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == etag || candidate == "*" {
				return true
			}
		}
	}
	return false
}

// recorder is a ResponseWriter in memory.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
}

func (r *recorder) Write(data []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	return r.body.Write(data)
}
