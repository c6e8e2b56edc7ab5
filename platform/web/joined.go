package web

import (
	"bytes"
	"net"
	"net/http"
	"sync"
)

// joinedLeast is from which size on a body is sent in one with its headers, in bytes. A smaller one mostly is already.
const joinedLeast = 2 << 10

// joined is an answer that is sent to the system in one call. net/http makes two of an answer that exceeds its buffer:
// one of the headers and as much of the body as there is room for, one of the rest. The client would be woken twice.
type joined struct {
	body int     // bytes that follow the headers; 0: nothing is to be joined
	head *[]byte // the first call's bytes, while they wait for the second; nil: none
}

// heads keeps the memory of what waits.
var heads = sync.Pool{New: func() any { return new(make([]byte, 0, 4<<10)) }}

// join has the answer to a request, whose body is of so many bytes and is written next, sent in one call.
func join(r *http.Request, body int) {
	if r.Method == http.MethodHead || isHead(r) { // whose body net/http does not send
		return
	}
	if k := connectionOf(r); k != nil && r.TLS == nil && r.ProtoMajor == 1 && body >= joinedLeast {
		k.joined.body = body
	}
}

// wait reports whether p waits for what surely follows it.
func (j *joined) wait(p []byte) bool {
	body := j.body
	j.body = 0
	headers := bytes.Index(p, []byte("\r\n\r\n"))
	if headers < 0 || headers+len("\r\n\r\n")+body <= len(p) {
		return false
	}
	j.head, _ = heads.Get().(*[]byte)
	*j.head = append((*j.head)[:0], p...)
	return true
}

// with returns what has waited, and p.
func (j *joined) with(p []byte) (both net.Buffers, done func()) {
	head := j.head
	j.head, j.body = nil, 0
	return net.Buffers{*head, p}, func() { heads.Put(head) }
}

// writeJoined is Write for bytes for which others have waited.
func (k *connection) writeJoined(p []byte) (int, error) {
	both, done := k.joined.with(p)
	defer done()
	left := func() (n int) {
		for _, part := range both {
			n += len(part)
		}
		return n
	}
	for d := k.beginWrite(); ; {
		n, err := both.WriteTo(k.TCPConn)
		if !d.moved(n > 0, err) {
			return max(0, len(p)-left()), err
		}
	}
}
