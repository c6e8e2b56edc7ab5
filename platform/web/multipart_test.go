package web_test

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"
)

func TestAPartsHeaderMayHave16KiB(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.streams(t)
	// The boundary and the name of the header field belong to the 16 KiB; 5 KiB that were read ahead may not count.
	header := func(bytes int) string {
		const start, end = "--b\r\nA: ", "\r\n\r\n"
		return start + strings.Repeat("x", bytes-len(start+end)) + end
	}
	var many strings.Builder
	for n := range 65 {
		fmt.Fprintf(&many, "A%d: x\r\n", n)
	}
	long := strings.Repeat("x", 100<<10)
	for name, test := range map[string]struct {
		form   string
		status int
	}{
		"first":             {header(16<<10) + long, http.StatusNoContent},
		"second":            {header(16<<10) + long + "\r\n" + header(16<<10) + long, http.StatusNoContent},
		"first too large":   {header(16<<10+1) + long, http.StatusRequestEntityTooLarge},
		"second too large":  {header(100) + long + "\r\n" + header(21<<10+1), http.StatusRequestEntityTooLarge},
		"too much before":   {strings.Repeat("x\r\n", 16<<10) + header(100), http.StatusRequestEntityTooLarge},
		"too many fields":   {"--b\r\n" + many.String() + "\r\n", http.StatusRequestEntityTooLarge},
		"one field endless": {"--b\r\nA: " + strings.Repeat(long, 20), http.StatusRequestEntityTooLarge},
	} {
		answer := b.ask(http.MethodPost, "/upload", test.form+"\r\n--b--\r\n",
			"Content-Type", "multipart/form-data; boundary=b")
		if answer.Code != test.status {
			t.Errorf("%s: the answer is %d %s, want %d", name, answer.Code, answer.Body, test.status)
		}
	}
}

// 60 headers that were sent by half used to hold 511 MiB.
func TestHalfSentHeadersOfPartsHoldLittleMemory(t *testing.T) { //nolint:paralleltest // it measures memory
	const clients, most = 60, 32 << 20
	b := setup(t)
	ends := b.streams(t)
	b.serve(t)
	var lines bytes.Buffer
	fmt.Fprintf(&lines, "%sContent-Length: 100000000\r\n\r\n--b\r\n", partStart)
	for n := 0; lines.Len() < 4<<20; n++ {
		fmt.Fprintf(&lines, "A%d:\r\n", n)
	}
	before := heap()
	for range clients {
		k := dial(t, b.Addr())
		go func() { _, _ = k.Write(lines.Bytes()) }() // an error means that the server has closed the connection
	}
	for range clients {
		select {
		case err := <-ends:
			if err == nil {
				t.Error("a form without an end is complete")
			}
		case <-time.After(patience):
			t.Fatal("a header without an end is still being read")
		}
		if grown := heap() - before; grown > most {
			t.Fatalf("the heap has grown by %d MiB", grown>>20)
		}
	}
}

func heap() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapInuse)
}
