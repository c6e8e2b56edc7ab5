package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"risingstars/platform/web"
)

// An answer is whole and ends where it should, whatever its size is, also when requests follow each other at once.
func TestAnswersOfEverySizeAreWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.list(web.Use{}, func(_ context.Context, in *listInput) (string, error) {
		size, err := strconv.Atoi(in.City)
		return strings.Repeat("x", size), err
	})
	b.serve(t)
	k := dial(t, b.Addr())
	var sizes []int
	for size := 1800; size < 4800; size += 97 { // around the sizes of the buffers between a handler and the system
		sizes = append(sizes, size)
	}
	sizes = append(sizes, 0, 1, 8100, 8192, 10_000, 70_000, 1_000_000, 5)
	for range 2 { // the second time from memory
		var requests strings.Builder
		for _, size := range sizes {
			for _, method := range []string{http.MethodHead, http.MethodGet} {
				fmt.Fprintf(&requests, "%s /api/list?city=%d HTTP/1.1\r\nHost: x\r\n\r\n", method, size)
			}
		}
		go func() { _, _ = io.WriteString(k, requests.String()) }() // a failure leaves the answers out
		for _, size := range sizes {
			head, err := http.ReadResponse(k.answers, &http.Request{Method: http.MethodHead})
			if err != nil || head.StatusCode != http.StatusOK {
				t.Fatalf("the headers of %d bytes: %v", size, err)
			}
			answer, err := http.ReadResponse(k.answers, nil)
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			body, err := io.ReadAll(answer.Body)
			var got listBody
			if err == nil {
				err = json.Unmarshal(body, &got)
			}
			if err != nil || answer.StatusCode != http.StatusOK || len(got.Made) != size {
				t.Fatalf("%d bytes: %d, %d bytes, %v", size, answer.StatusCode, len(got.Made), err)
			}
		}
	}
}
