package e2e

import (
	"context"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/infra/contracttest"
)

// One account opens 1,100 event streams. Only the three newest stay, and the service remains usable.
func TestManyEventStreamsOfOneAccountDisturbNobody(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	settings := []string{"LOAD_TEST_ENDPOINTS=true", "RATE_LIMITS=false", "TRUSTED_PROXIES=127.0.0.0/8"}
	s := besiege(t, settings...)
	if stage() == onehost { // nginx before two processes
		s.startRole(t, "serve", append(settings, "SECRET_KEY="+votingSecret)...)
		s.URL = startNginx(t, s.site).URL
	}
	attacker := s.newPerson(t, "")
	var ids []string
	for range 5 {
		ids = append(ids, attacker.uploadMock(t, tinyClip(t), "Watched"))
	}
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: contracttest.Transport(t, transport)}
	s.while(t, func(ctx context.Context) {
		ctx, cancel := context.WithCancel(ctx)
		var (
			group          sync.WaitGroup
			answered, open atomic.Int32
		)
		defer group.Wait()
		defer cancel()
		for n := range 1100 {
			group.Go(func() {
				request, err := http.NewRequestWithContext(ctx, http.MethodGet,
					s.URL+"/api/videos/"+ids[n%len(ids)]+"/events", http.NoBody)
				if err != nil {
					t.Error(err)
					return
				}
				request.Header.Set("Authorization", "Bearer "+attacker.Token)
				response, err := client.Do(request)
				answered.Add(1)
				if err != nil {
					return // a bound on connections may refuse some
				}
				open.Add(1)
				_, _ = io.Copy(io.Discard, response.Body) // until the stream ends
				_ = response.Body.Close()
				open.Add(-1)
			})
			if n%50 == 49 {
				time.Sleep(50 * time.Millisecond) // the pace of the attack
			}
		}
		eventually(t, "all streams have been answered and only three are open", func() bool {
			return answered.Load() == 1100 && open.Load() <= 3
		})
		if open.Load() == 0 {
			t.Error("not even the newest streams are open")
		}
	})
}
