package site_test

import (
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkPages reports how long pages take, as 99 % of the visitors have them while others ask as well. The goal is
// 20 ms under the load that the API's own goals have.
func BenchmarkPages(b *testing.B) {
	h := startHouse(b)
	users, videos := h.crowd(b, 24)
	for i, user := range users {
		for _, video := range videos[i+1:] {
			if _, err := h.voting.Vote(b.Context(), video, user.ID); err != nil {
				b.Fatal(err)
			}
		}
	}
	for _, path := range []string{
		"/", "/?order=votes", "/?q=cumbia", "/v/" + videos[0], "/watch", "/ranking", "/signup",
	} {
		b.Run(path, func(b *testing.B) {
			var mu sync.Mutex
			var all []time.Duration
			b.RunParallel(func(turns *testing.PB) {
				var own []time.Duration
				client := visitor()
				for n := 1; turns.Next(); n++ {
					if n%1000 == 0 {
						client = visitor() // within what one may ask for
					}
					begun := time.Now()
					answer, err := client.Get(h.url + path)
					if err != nil {
						b.Error(err)
						return
					}
					if _, err := io.Copy(io.Discard, answer.Body); err != nil || answer.StatusCode != http.StatusOK {
						b.Errorf("%s answers %d, %v", path, answer.StatusCode, err)
					}
					answer.Body.Close()
					own = append(own, time.Since(begun))
				}
				mu.Lock()
				defer mu.Unlock()
				all = append(all, own...)
			})
			slices.Sort(all)
			b.ReportMetric(float64(all[len(all)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(all[len(all)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}

// visitors counts those who have an address of their own.
var visitors atomic.Int32

// visitor is a client whose address nobody else has.
func visitor() *http.Client {
	n := visitors.Add(1)
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 1, byte(n>>8), byte(n))}}
	return &http.Client{Transport: &http.Transport{DialContext: dialer.DialContext}}
}
