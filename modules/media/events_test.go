package media

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"risingstars/infra/contracttest"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/idempotency"
	"risingstars/platform/telemetry"
	"risingstars/platform/web"
)

// streamEvent is one event of a stream.
type streamEvent struct {
	name string
	data struct {
		Status        string
		QueuePosition int    `json:"queue_position"`
		QueueText     string `json:"queue_position_text"`
		Notices       []noticeBody
	}
}

// serve puts the module behind HTTP. A caller's token is the caller's id.
func (s *studio) serve(t *testing.T) string {
	t.Helper()
	server := web.New(web.Options{
		Version: "test", Health: &telemetry.Health{}, Logger: slog.New(slog.DiscardHandler),
		Keys:   idempotency.New(s.db),
		Verify: func(token string) (auth.Principal, error) { return auth.Principal{UserID: token}, nil },
	})
	s.Routes(server)
	listening := httptest.NewServer(contracttest.Handler(t, server))
	t.Cleanup(listening.Close)
	return listening.URL
}

// stream opens the event stream of a video and returns its events, and a function that closes the stream and waits for
// its end.
func stream(t *testing.T, url, caller, videoID string) (events <-chan streamEvent, leave func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/api/videos/"+videoID+"/events", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+caller)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	received := make(chan streamEvent, 100)
	go func() {
		defer close(received)
		defer response.Body.Close()
		var e streamEvent
		for lines := bufio.NewScanner(response.Body); lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "event":
				e.name = value
			case "data":
				if err := json.Unmarshal([]byte(value), &e.data); err != nil {
					t.Error(err)
				}
				received <- e
			}
		}
	}()
	leave = func() {
		cancel()
		for range received {
			continue
		}
	}
	t.Cleanup(leave)
	return received, leave
}

// wantEvent fails the test unless the next event has the name; "" is the end of the stream.
func wantEvent(t *testing.T, events <-chan streamEvent, name string) streamEvent {
	t.Helper()
	select {
	case e := <-events:
		if e.name != name {
			t.Fatalf("the event is %+v, want %q", e, name)
		}
		return e
	case <-time.After(time.Minute):
		t.Fatalf("no event within a minute, want %q", name)
		return streamEvent{}
	}
}

func TestANewerStreamEndsTheOldest(t *testing.T) {
	t.Parallel()
	s := setup(t)
	url := s.serve(t)
	open := func(owner string, v Video) <-chan streamEvent {
		events, _ := stream(t, url, owner, v.ID)
		wantEvent(t, events, eventProgress)
		return events
	}
	var videos []Video
	for range 4 {
		videos = append(videos, s.waits(t, "ana"))
	}
	another := open("beto", s.waits(t, "beto"))
	first, second, third := open("ana", videos[0]), open("ana", videos[1]), open("ana", videos[2])
	fourth := open("ana", videos[3])
	wantEvent(t, first, eventReplaced)
	wantEvent(t, first, "")
	again := open("ana", videos[3]) // the second stream of the same video
	wantEvent(t, fourth, eventReplaced)
	wantEvent(t, fourth, "")
	for _, v := range videos {
		s.set(t, v.ID, "status = 'processed', progress = 100")
	}
	for _, open := range []<-chan streamEvent{second, third, again} {
		for e := range open {
			if e.name != eventProgress && e.name != eventFinal {
				t.Errorf("a stream within the limits gets %+v", e)
			}
		}
	}
	select {
	case e, open := <-another:
		if !open || e.name != eventProgress {
			t.Errorf("the stream of another account gets %+v", e)
		}
	default:
	}
}

func TestAStreamEndsWithItsLife(t *testing.T) {
	t.Parallel()
	s := setup(t)
	s.streamLife = 50 * time.Millisecond
	events, _ := stream(t, s.serve(t), "ana", s.waits(t, "ana").ID)
	wantEvent(t, events, eventProgress)
	wantEvent(t, events, "")
}

func TestTheShownPlaceOnlyFalls(t *testing.T) {
	t.Parallel()
	s := setup(t)
	for range 3 {
		s.waits(t, "ana")
	}
	last := s.waits(t, "ana")
	events, _ := stream(t, s.serve(t), "ana", last.ID)
	if e := wantEvent(t, events, eventProgress); e.data.QueuePosition != 4 || e.data.QueueText != "4" {
		t.Fatalf("%+v", e)
	}
	for range 3 { // who come before the fourth video of the same account
		s.waits(t, "owner "+newID())
	}
	s.eventually(t, "the place is 7", func() bool {
		place, err := s.places.of(t.Context(), last.ID)
		return err == nil && place == 7
	})
	s.set(t, last.ID, "status = 'processed'")
	wantEvent(t, events, eventFinal)
}

// The queue is read once a second, whoever asks, and the places are those of the fair order.
func TestPlacesFollowTheFairOrder(t *testing.T) {
	t.Parallel()
	each(t, placesFollowTheFairOrder)
}

func placesFollowTheFairOrder(t *testing.T, s *studio) {
	var reads atomic.Int32
	s.places.read = func(ctx context.Context, limit int) ([]queuedVideo, error) {
		reads.Add(1)
		return s.store.queued(ctx, limit)
	}
	ana := []Video{s.waits(t, "ana"), s.waits(t, "ana"), s.waits(t, "ana")}
	beto, eva := s.waits(t, "beto"), s.waits(t, "eva")
	s.set(t, s.waits(t, "eva").ID, "status = 'processing', lease_until = ?",
		database.Micros(time.Now().Add(leaseTime-time.Second)))
	began := time.Now()
	var askers sync.WaitGroup
	for range 50 {
		for want, v := range []Video{ana[0], beto, ana[1], eva, ana[2]} {
			askers.Go(func() {
				if got, err := s.places.of(t.Context(), v.ID); err != nil || got != want+1 {
					t.Errorf("%s's place is %d (%v), want %d", v.OwnerID, got, err, want+1)
				}
			})
		}
	}
	askers.Wait()
	if most := 1 + int32(time.Since(began)/placesAge); reads.Load() > most {
		t.Errorf("the queue was read %d times, want at most %d", reads.Load(), most)
	}
}

// However long the queue is, only its first thousand places are told apart.
func TestFarPlacesAreTheThousandth(t *testing.T) {
	t.Parallel()
	each(t, farPlacesAreTheThousandth)
}

func farPlacesAreTheThousandth(t *testing.T, s *studio) {
	fillQueue(t, s.db, 5000)
	single := s.waits(t, "beto")
	var ids []struct{ ID string }
	err := s.db.Query(t.Context(), &ids, `SELECT id FROM media_videos WHERE owner_id = 'ana' ORDER BY uploaded_at`)
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]int{
		ids[0].ID: 1, single.ID: 2, ids[1].ID: 3, ids[997].ID: 999, ids[998].ID: maxPlace, ids[4999].ID: maxPlace,
	} {
		if got, err := s.places.of(t.Context(), id); err != nil || got != want {
			t.Errorf("place %d (%v), want %d", got, err, want)
		}
	}
	for place, want := range map[int]string{0: "", 1: "1", 999: "999", maxPlace: "1000+"} {
		if got := (api{s.Module}).eventOf(t.Context(), snapshot{QueuePlace: place}).QueueText; got != want {
			t.Errorf("place %d is shown as %q", place, got)
		}
	}
}

// fillQueue adds n waiting videos of ana.
func fillQueue(t testing.TB, db *database.DB, n int) {
	t.Helper()
	_, err := db.Exec(t.Context(), `
		INSERT INTO media_videos (id, owner_id, title, description, status, mock, sent_at, original_key, uploaded_at)
		WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < `+fmt.Sprint(n)+`)
		SELECT '00000000-0000-7000-8000-' || CAST(100000000000 + i * 7919 % 1000003 AS TEXT), 'ana', 'Song', '',
			'uploaded', FALSE, i, 'key', i
		FROM numbers`)
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkClaimFromALongQueue claims while one account has 100,000 videos in the queue.
func BenchmarkClaimFromALongQueue(b *testing.B) {
	for name, open := range map[string]func(testing.TB, ...database.Migrations) *database.DB{
		"sqlite": databasetest.Open, "postgres": databasetest.OpenPostgreSQL,
	} {
		b.Run(name, func(b *testing.B) {
			s := &store{open(b, owners...)}
			fillQueue(b, s.db, 100_000)
			for b.Loop() {
				_, claimed, err := s.claimNext(b.Context(), "")
				if err != nil || !claimed {
					b.Fatal(claimed, err)
				}
			}
		})
	}
}

// All watchers share one reading, which ends with the last of them; one that fails disturbs nobody.
func TestAllWatchersShareOneReading(t *testing.T) {
	t.Parallel()
	s := setup(t)
	var looks atomic.Int32
	var failing atomic.Bool
	failing.Store(true)
	s.watchers.look = func(ctx context.Context, ids []string) (map[string]snapshot, error) {
		looks.Add(1)
		if failing.Load() {
			return nil, errors.New("the database is away")
		}
		return s.look(ctx, ids)
	}
	url, v := s.serve(t), s.waits(t, "ana")
	first, err := s.observe(t.Context(), "ana", v.ID)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	var all []*watcher
	for range 200 {
		all = append(all, s.watchers.join(first))
	}
	events, leave := stream(t, url, "ana", v.ID)
	wantEvent(t, events, eventProgress)
	s.eventually(t, "three readings have failed", func() bool { return looks.Load() >= 3 })
	failing.Store(false)
	s.set(t, v.ID, "status = 'processing', progress = 7")
	for _, w := range all {
		if got := <-w.latest; got.Progress != 7 {
			t.Fatalf("%+v", got)
		}
		s.watchers.leave(v.ID, w)
	}
	if e := wantEvent(t, events, eventProgress); e.data.Status != string(Processing) {
		t.Fatalf("%+v", e)
	}
	if most := 1 + int32(time.Since(began)/watchEvery); looks.Load() > most {
		t.Errorf("%d readings in %s", looks.Load(), time.Since(began))
	}
	leave()
	s.eventually(t, "the reading has ended", func() bool {
		s.watchers.mu.Lock()
		defer s.watchers.mu.Unlock()
		return s.watchers.stop == nil && len(s.watchers.byVideo) == 0
	})
}

func TestTheWatchersOfADeletedVideoAreTold(t *testing.T) {
	t.Parallel()
	s := setup(t)
	v := s.upload(t, notReallyAVideo())
	events, _ := stream(t, s.serve(t), "ana", v.ID)
	wantEvent(t, events, eventProgress)
	if err := s.Delete(t.Context(), "ana", v.ID); err != nil {
		t.Fatal(err)
	}
	wantEvent(t, events, eventDeleted)
	wantEvent(t, events, "")
}
