package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// Searches of a hundred words are refused, many searches at once leave the others alone, and foreign parameters of a
// request do not come back in its answer.
func TestSearchesTakeNothingFromOthers(t *testing.T) {
	attackIn(t, embedded, onehost)
	t.Parallel()
	s := besiege(t)
	var many []string
	for n := range 100 {
		many = append(many, fmt.Sprintf("word%d", n))
	}
	words := func(n int) string { return "?q=" + url.QueryEscape(strings.Join(many[:n], " ")) }
	foreign := words(2) + "&x=" + strings.Repeat("y", 900)
	served := []int{http.StatusOK, http.StatusServiceUnavailable, http.StatusTooManyRequests}
	s.while(t, func(ctx context.Context) {
		var group sync.WaitGroup
		for range 30 {
			group.Go(func() {
				for range 10 {
					for query, want := range map[string][]int{
						words(100):                    {http.StatusUnprocessableEntity},
						words(5):                      served,
						foreign:                       served,
						"?page=1000000&page_size=100": {http.StatusOK},
					} {
						s.ask(t, http.MethodGet, "/api/public/videos"+query, "", nil, want...)
					}
				}
			})
		}
		group.Wait()
	})
	answer := s.get(t, "/api/public/videos"+foreign, "").want(t, http.StatusOK, "")
	if link := answer.Header.Get("Link"); link == "" || strings.Contains(link, "yyy") {
		t.Errorf("Link: %s", link)
	}
}
