package web

import (
	"bytes"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// coding is how the bytes of an answer are encoded (RFC 9110 §8.4).
type coding int

const (
	identity coding = iota
	gzipped
	zstandard
)

// codings is how many there are.
const codings = 3

// name returns what Content-Encoding calls a coding; "" for none.
func (c coding) name() string { return [codings]string{"", "gzip", "zstd"}[c] }

const (
	// leastToEncode is the size of the smallest body that is worth compressing, in bytes: less fits into one packet.
	leastToEncode = 1 << 10
	// window bounds the memory of a zstd encoder; answers are seldom larger.
	window = 128 << 10
)

// codingOf returns the coding that an Accept-Encoding header prefers, zstd before gzip if it does not care. A star
// means gzip, which everything can read. Without the header an answer is not encoded; nor is it if the header refuses
// everything, because an answer is more use than an error.
func codingOf(header []string) coding {
	if len(header) == 0 {
		return identity
	}
	weights := [codings]float64{-1, -1, -1} // by coding; -1: not named
	star := -1.0
	for _, value := range header {
		for item := range strings.SplitSeq(value, ",") {
			name, weight := weightOf(item)
			switch {
			case strings.EqualFold(name, "gzip"), strings.EqualFold(name, "x-gzip"):
				weights[gzipped] = weight
			case strings.EqualFold(name, "zstd"):
				weights[zstandard] = weight
			case strings.EqualFold(name, "identity"):
				weights[identity] = weight
			case name == "*":
				star = weight
			}
		}
	}
	if weights[gzipped] < 0 {
		weights[gzipped] = star
	}
	best, most := identity, max(weights[identity], 0)
	for _, c := range []coding{gzipped, zstandard} {
		if weight := weights[c]; weight > 0 && weight >= most {
			best, most = c, weight
		}
	}
	return best
}

// weightOf returns one item of a header that states preferences, and its weight from 0 to 1 (RFC 9110 §12.4.2). A
// weight that is no number counts as 0.
func weightOf(item string) (name string, weight float64) {
	name, parameters, _ := strings.Cut(item, ";")
	weight = 1
	for parameters != "" {
		var parameter string
		parameter, parameters, _ = strings.Cut(parameters, ";")
		key, value, _ := strings.Cut(parameter, "=")
		if strings.EqualFold(strings.TrimSpace(key), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !(q > 0) { // NaN, too
				q = 0
			}
			weight = min(q, 1)
		}
	}
	return strings.TrimSpace(name), weight
}

// encoder compresses. It is safe for concurrent use, and its zero value works.
type encoder struct {
	gzips sync.Pool // of *gzip.Writer
	once  sync.Once
	zstd  *zstd.Encoder
}

func (e *encoder) encode(c coding, body []byte) []byte {
	switch c {
	case gzipped:
		var out bytes.Buffer
		out.Grow(len(body) / 3)
		w, ok := e.gzips.Get().(*gzip.Writer)
		if !ok {
			w = gzip.NewWriter(nil)
		}
		defer e.gzips.Put(w)
		w.Reset(&out)
		_, _ = w.Write(body) // a buffer accepts everything
		_ = w.Close()
		return out.Bytes()
	case zstandard:
		e.once.Do(func() {
			// The options are valid, and there is nothing else that could fail.
			e.zstd, _ = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window),
				zstd.WithLowerEncoderMem(true))
		})
		return e.zstd.EncodeAll(body, make([]byte, 0, len(body)/3))
	case identity:
	}
	return body
}

// representation is a body that anybody may read, which is compressed once for all who ask for it in a coding. What
// holds a secret is never one: its size, compressed beside a text that an attacker chooses, would tell of the secret.
type representation struct {
	etag  string // strong, of the body as it is
	body  []byte
	coded [codings]struct {
		once   sync.Once
		body   []byte
		length []string // as a header
	}
}

// in returns the bytes in a coding, and the header with their number, which many answers share.
func (r *representation) in(c coding, e *encoder) (body []byte, length []string) {
	coded := &r.coded[c]
	coded.once.Do(func() {
		coded.body = e.encode(c, r.body)
		coded.length = []string{strconv.Itoa(len(coded.body))}
	})
	return coded.body, coded.length
}

// codingFor returns the coding for a request with these Accept-Encoding headers.
func (r *representation) codingFor(header []string) coding {
	if len(r.body) < leastToEncode {
		return identity
	}
	return codingOf(header)
}

// etagIn returns the ETag of the bytes in a coding: each has its own, because the bytes differ.
func (r *representation) etagIn(c coding) string {
	if c == identity {
		return r.etag
	}
	return strings.TrimSuffix(r.etag, `"`) + "-" + c.name() + `"`
}
