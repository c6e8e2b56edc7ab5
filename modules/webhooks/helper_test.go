package webhooks_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"risingstars/modules/webhooks"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
)

var owners = []database.Migrations{dbqueue.Migrations(), webhooks.Migrations()}

// admin may do everything.
var admin = webhooks.Actor{ID: "admin", Reason: "A test."}

// auditor may only read.
const auditor = "auditor"

// acts keeps the log of acts. Nobody but the admin may act.
type acts struct {
	mu  sync.Mutex
	all []string
}

func (a *acts) MayRead(ctx context.Context, userID string) error {
	if userID == auditor {
		return nil
	}
	return a.MayManage(ctx, userID)
}

func (a *acts) MayManage(_ context.Context, userID string) error {
	if userID != admin.ID {
		return errForbidden
	}
	return nil
}

func (a *acts) Add(_ context.Context, _, act, _, before, after, reason string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.all = append(a.all, strings.Join([]string{act, before, after, reason}, "|"))
	return nil
}

// bench is the module with a queue, and a receiver elsewhere.
type bench struct {
	*webhooks.Module
	t        *testing.T
	db       *database.DB
	driver   *dbqueue.Driver
	receiver *receiver
	acts     *acts
	log      *bytes.Buffer
	logLock  sync.Mutex
}

func (b *bench) Write(p []byte) (int, error) {
	b.logLock.Lock()
	defer b.logLock.Unlock()
	return b.log.Write(p)
}

func setup(t *testing.T, db *database.DB, change func(*webhooks.Deps)) *bench {
	t.Helper()
	b := &bench{t: t, db: db, receiver: newReceiver(t), acts: &acts{}, log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(b, nil))
	b.driver = dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond})
	d := webhooks.Deps{
		DB: db, Queue: queue.New(b.driver, queue.Options{Logger: log}), Acts: b.acts, Logger: log,
		Vault:   auth.NewVault(auth.NewKeys(make([]byte, 32), nil), "webhooks"),
		Options: webhooks.Options{AllowPrivate: true, Pause: 20 * time.Millisecond},
	}
	if change != nil {
		change(&d)
	}
	b.Module = webhooks.New(d)
	return b
}

// run sweeps and, if works is set, has a worker, until the test ends.
func (b *bench) run(works bool) {
	b.t.Helper()
	if works {
		w := queue.NewWorker(b.driver, b.Handlers(), queue.WorkerOptions{Logger: slog.New(slog.DiscardHandler)})
		if err := w.Start(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
		b.t.Cleanup(func() {
			if err := w.Stop(context.Background()); err != nil {
				b.t.Error(err)
			}
		})
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.Sweep(ctx)
	}()
	b.t.Cleanup(func() {
		cancel()
		<-done
	})
}

// register adds an endpoint for all events, and returns its id and its secret.
func (b *bench) register() (id, secret string) {
	b.t.Helper()
	e, secret, err := b.Register(b.t.Context(), admin, b.spec())
	if err != nil {
		b.t.Fatal(err)
	}
	return e.ID, secret
}

func (b *bench) spec() webhooks.Spec {
	return webhooks.Spec{URL: b.receiver.server.URL + "/hooks?key=hidden", Kinds: webhooks.Kinds(), On: true}
}

// tell tells of an entry that was hidden.
func (b *bench) tell(id string) {
	b.t.Helper()
	err := b.Tell(b.t.Context(), webhooks.Event{
		ID: id, Kind: webhooks.EntryHidden, Data: map[string]string{"video_id": "v1"},
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) endpoint(id string) webhooks.Endpoint {
	b.t.Helper()
	e, err := b.EndpointOf(b.t.Context(), admin.ID, id)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

// deliveries returns all deliveries of an endpoint, the latest first.
func (b *bench) deliveries(id string) []webhooks.Delivery {
	b.t.Helper()
	var all []webhooks.Delivery
	b.eventually("all deliveries are counted and listed", func() bool { // the log may forget one between the two
		found, total, err := b.Deliveries(b.t.Context(), admin.ID, id, webhooks.DeliveryFilter{}, 0, 100)
		if err != nil {
			b.t.Fatal(err)
		}
		all = found
		return total == len(all)
	})
	return all
}

// exec changes rows behind the module's back.
func (b *bench) exec(statement string, values ...any) {
	b.t.Helper()
	if _, err := b.db.Exec(b.t.Context(), statement, values...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bench) eventually(what string, condition func() bool) {
	b.t.Helper()
	for end := time.Now().Add(time.Minute); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("not within a minute: %s\n%s", what, b.log)
		}
	}
}

// got is a request that the receiver got.
type got struct {
	header http.Header
	body   []byte
}

func (g got) id() string { return g.header.Get("webhook-id") }

// verify checks the signature as any receiver does.
func (g got) verify(secret string) error {
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		return err
	}
	return verifier.Verify(g.body, g.header)
}

// payload is what every event has.
type payload struct {
	Type      string
	Timestamp time.Time
	Data      map[string]any
}

func (g got) decode(t *testing.T) (event payload) {
	t.Helper()
	if err := json.Unmarshal(g.body, &event); err != nil {
		t.Fatal(err)
	}
	return event
}

// receiver is a program elsewhere.
type receiver struct {
	server *httptest.Server

	mu     sync.Mutex
	all    []got
	answer func(w http.ResponseWriter, r *http.Request, nth int)
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{}
	r.server = httptest.NewServer(r)
	t.Cleanup(r.server.Close)
	return r
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	r.mu.Lock()
	r.all = append(r.all, got{request.Header.Clone(), body})
	nth, answer := len(r.all), r.answer
	r.mu.Unlock()
	if answer != nil {
		answer(w, request, nth)
	}
}

// answers lets the receiver answer in another way. nth counts from 1.
func (r *receiver) answers(answer func(w http.ResponseWriter, request *http.Request, nth int)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) seen() []got {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

func statusOf(status int) func(http.ResponseWriter, *http.Request, int) {
	return func(w http.ResponseWriter, _ *http.Request, _ int) { w.WriteHeader(status) }
}
