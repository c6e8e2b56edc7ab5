package web

import (
	"log/slog"
	"net/http"
	"time"
)

const (
	// addressesEach bounds under how many addresses one prepared answer is known: parameters may come in any order.
	addressesEach = 4
	// longestAddress is the length of the longest address, in bytes, under which an answer is known.
	longestAddress = 512
)

// serveReady answers a plain read from a prepared answer that is fresh, with neither router nor middleware, and reports
// whether it has. To clients, log and metrics it is the same: an answer is known here under the exact address of an
// earlier request, which passed through all of them and was given this answer.
func (s *Server) serveReady(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodGet || r.Body != http.NoBody || len(s.o.CORSOrigins) > 0 ||
		r.Header["Authorization"] != nil || acceptable(r, jsonType) != nil {
		return false
	}
	began := time.Now()
	a := s.prepared.ready(s.address(r), began)
	if a == nil || s.isDraining() || !s.inFlight.TryRLock() {
		return false
	}
	defer s.inFlight.RUnlock()
	id := newRequestID()
	w.Header()["X-Request-Id"] = []string{id}
	ctx, span := s.trace(r, a.route)
	span.SetText("request_id", id)
	sent := sent{ResponseWriter: w}
	// If it fails, the client is gone, and net/http closes the connection.
	_ = s.sendPrepared(&sent, r, a)
	took := time.Since(began)
	endTrace(span, sent.status, nil)
	a.duration(sent.status).Observe(took.Seconds())
	attrs := requestAttrs(r, s.client(r), sent.status, took, sent.size)
	s.logLine(ctx, slog.LevelInfo, append(attrs, slog.String("request_id", id)))
	return true
}

func (s *Server) isDraining() bool {
	select {
	case <-s.draining:
		return true
	default:
		return false
	}
}

// address is what a request asks for: the site and the path with its query, as the client has written them.
func (s *Server) address(r *http.Request) []byte {
	var room [256]byte
	return append(append(append(room[:0], s.base(r)...), ' '), r.RequestURI...)
}

// ready returns the fresh answer that is known under an address, or nil.
func (p *prepared) ready(address []byte, now time.Time) *answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	element, ok := p.addresses[string(address)]
	if !ok {
		return nil
	}
	a := answerOf(element)
	if !now.Before(a.until) {
		return nil
	}
	p.order.MoveToFront(element)
	return a
}

// know makes the answer with a key known under an address. The answers that replace it inherit its addresses.
func (p *prepared) know(key string, address []byte) {
	if len(address) > longestAddress {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	element, ok := p.answers[key]
	if !ok || p.addresses[string(address)] != nil {
		return
	}
	a := answerOf(element)
	if len(a.addresses) < addressesEach {
		a.addresses = append(a.addresses, string(address))
		p.addresses[string(address)] = element
		p.size += 2 * len(address)
	}
	for p.size > preparedBytes {
		p.remove(p.order.Back())
	}
}

// sent is a response that knows what was sent.
type sent struct {
	http.ResponseWriter

	status int
	size   int64
}

func (w *sent) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *sent) Write(data []byte) (int, error) {
	n, err := w.ResponseWriter.Write(data)
	w.size += int64(n)
	return n, err
}
