package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"risingstars/infra/contracttest"
)

// A school signs up and a concert hall votes from one address. Neither meets a limit.
func TestASchoolAndAConcertBehindOneAddressPass(t *testing.T) {
	onlyInStage(t, embedded, onehost)
	t.Parallel()
	const audience, ballots = 600, 5
	pupils := 600
	if stage() == embedded {
		pupils = 200 // whose limits are the same: hashing passwords takes all the time
	}
	s := besiege(t)
	var group sync.WaitGroup
	pupil := make(chan int)
	for range 8 {
		group.Go(func() {
			for n := range pupil {
				body, err := json.Marshal(map[string]string{
					"email": fmt.Sprintf("pupil%d@example.com", n), "password1": password, "password2": password,
					"first_name": "Pupil", "last_name": fmt.Sprint("Of ", n), "city": "Cali", "country": "Colombia",
				})
				if err != nil {
					t.Error(err)
				}
				s.ask(t, http.MethodPost, "/api/auth/signup", "", body, http.StatusCreated)
			}
		})
	}
	for n := range pupils {
		pupil <- n
	}
	close(pupil)
	group.Wait()

	voter := make(chan string)
	for range 8 {
		group.Go(func() {
			for token := range voter {
				for n := range ballots { // votes, takes the vote back, and votes again
					method := []string{http.MethodPost, http.MethodDelete}[n%2]
					s.ask(t, method, "/api/public/videos/"+s.entry+"/vote", token, nil, http.StatusOK)
				}
			}
		})
	}
	for _, token := range voterTokens(t, audience) {
		voter <- token
	}
	close(voter)
	group.Wait()
	if got := s.queryInt(t, "SELECT votes AS n FROM voting_tallies"); got != audience {
		t.Errorf("%d votes are counted, want %d", got, audience)
	}
}

// Bodies of a megabyte are refused before they are read, so they occupy no memory.
func TestHugeSignUpsOccupyNoMemory(t *testing.T) {
	attackIn(t, embedded)
	t.Parallel()
	s := besiege(t)
	huge := []byte(`{"email":"` + strings.Repeat("x", 1<<20) + `"` + strings.Repeat(`,"x":1`, 1000) + `}`)
	s.while(t, func(ctx context.Context) {
		var group sync.WaitGroup
		for range 20 {
			group.Go(func() {
				for range 10 {
					request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/api/auth/signup",
						struct{ *bytes.Reader }{bytes.NewReader(huge)}) // without its length
					if err != nil {
						t.Error(err)
						return
					}
					request.Header.Set("Content-Type", "application/json")
					response, err := contracttest.Client(t).Do(request)
					if err != nil {
						continue // the server closed the connection
					}
					if response.StatusCode != http.StatusRequestEntityTooLarge {
						t.Errorf("a body of %d bytes is answered with %d", len(huge), response.StatusCode)
					}
					_ = response.Body.Close()
				}
			})
		}
		group.Wait()
	})
}
