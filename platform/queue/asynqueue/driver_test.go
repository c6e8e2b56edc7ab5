package asynqueue_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"risingstars/platform/queue"
	"risingstars/platform/queue/asynqueue"
	"risingstars/platform/queue/queuetest"
)

// promises are the driver's. Asynq alone may need up to two minutes to return a vanished worker's task.
var promises = queuetest.Promises{
	RecoversWithin: time.Minute, Deduplicates: true, TellsAge: true, StopsReceiving: true,
	Vanish: func(b *queuetest.Bench) {
		driver, ok := b.Driver.(namedDriver)
		if !ok {
			b.Fatal("not a driver of this suite")
		}
		vanish(b, driver.url, driver.name, "a")
	},
}

// namedDriver is a driver with the address and the name by which another process finds its queue.
type namedDriver struct {
	*asynqueue.Driver
	url, name string
}

func TestConformance(t *testing.T) {
	t.Parallel()
	redisURL(t)
	queuetest.Run(t, func(t *testing.T) queue.Driver {
		b := setup(t)
		driver, ok := b.Driver.(*asynqueue.Driver)
		if !ok {
			t.Fatal("not a driver of Redis")
		}
		return namedDriver{driver, b.url, b.name}
	}, promises)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	locked := startServer(t, "--requirepass", "the-right-one")
	for name, test := range map[string]struct{ url, want string }{
		"nobody there":   {"redis://:s3cret@127.0.0.1:1", "no answer from Redis at 127.0.0.1:1"},
		"no URL":         {"", "the URL must look like"},
		"another scheme": {"https://:s3cret@127.0.0.1:1", "the URL must look like"},
		"not a URL":      {"redis://user:s3cret@127.0.0.1:port", "the URL must look like"},
		"not a database": {"redis://:s3cret@127.0.0.1:1/first", "the URL must look like"},
		"wrong password": {locked.url(url.UserPassword("", "s3cret"), ""), "WRONGPASS"},
		"unknown issuer": {startTLSServer(t).url(url.UserPassword("", "s3cret"), ""), "certificate"},
	} {
		driver, err := asynqueue.Open(t.Context(), asynqueue.Options{URL: test.url})
		deadline := time.Now().Add(patience)
		for errors.Is(err, context.DeadlineExceeded) && time.Now().Before(deadline) { // a busy machine
			driver, err = asynqueue.Open(t.Context(), asynqueue.Options{URL: test.url})
		}
		if err == nil {
			driver.Close()
			t.Errorf("%s: opened", name)
			continue
		}
		if !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
}

func TestPasswordAndDatabaseOfTheURL(t *testing.T) {
	t.Parallel()
	s := startServer(t, "--requirepass", "s3cret/ñ")
	user := url.UserPassword("", "s3cret/ñ")
	b := setupOn(t, s.url(user, "/3"))
	b.Enqueue("a")
	elsewhere := open(t, asynqueue.Options{URL: s.url(user, "/4"), Queue: b.name})
	if stats, err := elsewhere.Stats(t.Context()); err != nil || stats.Ready != 0 {
		t.Errorf("database 4 has %+v (%v)", stats, err)
	}
	if info, err := b.inspector().GetQueueInfo(b.name); err != nil || info.Pending != 1 {
		t.Errorf("database 3 has %+v (%v)", info, err)
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	b := setupOn(t, startTLSServer(t).url(nil, "/0")+"?skip_verify=true")
	b.Enqueue("a")
	b.Work(func(context.Context, queue.Delivery) error { return nil })
	b.EventuallyStats(queue.Stats{})
}

func TestStartFailsWithoutRedis(t *testing.T) {
	t.Parallel()
	s := startServer(t)
	b := setupOn(t, s.url(nil, ""))
	s.kill()
	worker := queue.NewWorker(b.Driver, queue.Handlers{}, queue.WorkerOptions{})
	err := worker.Start(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no answer from Redis at "+s.address()) {
		t.Errorf("Start returned %v", err)
	}
	if err := b.Queue.Enqueue(t.Context(), queue.Task{Kind: kind, ID: "a"}); err == nil {
		t.Error("Enqueue succeeded")
	}
}

// Operators use asynq's tools, which must agree with the driver about every task.
func TestAsynqInspectorUnderstandsTheQueue(t *testing.T) {
	t.Parallel()
	b := setup(t)
	inspector := b.inspector()
	started := make(chan struct{}, 1)
	worker := b.Work(func(ctx context.Context, d queue.Delivery) error {
		switch {
		case d.ID == "later":
			return queue.Later(time.Hour)
		case d.ID == "busy":
			started <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		case string(d.Payload) == "mortal":
			return errors.New("disk full")
		}
		return nil
	})
	if err := b.Queue.Enqueue(t.Context(), queue.Task{Kind: kind, ID: "dead", Payload: []byte("mortal")}); err != nil {
		t.Fatal(err)
	}
	b.Enqueue("later", "done")
	b.EventuallyStats(queue.Stats{Delayed: 1, Dead: 1})
	b.Enqueue("busy")
	queuetest.Next(b, started)
	b.Enqueue("waiting")

	info, err := inspector.GetQueueInfo(b.name)
	if err != nil {
		t.Fatal(err)
	}
	if info.Pending != 1 || info.Active != 1 || info.Retry != 1 || info.Archived != 1 || info.Size != 4 {
		t.Errorf("the inspector sees %+v", info)
	}
	// Three failures of one task and one success; a postponed delivery is neither.
	if info.Processed != 4 || info.Failed != 3 {
		t.Errorf("%d processed and %d failed, want 4 and 3", info.Processed, info.Failed)
	}
	archived, err := inspector.ListArchivedTasks(b.name)
	if err != nil || len(archived) != 1 {
		t.Fatalf("%d archived (%v)", len(archived), err)
	}
	dead := archived[0]
	if dead.ID != "probe:dead" || dead.Type != kind || string(dead.Payload) != "mortal" || dead.LastErr != "disk full" {
		t.Errorf("archived %+v", dead)
	}
	servers, err := inspector.Servers()
	serves := func(s *asynq.ServerInfo) bool { return s.Queues[b.name] > 0 }
	if err != nil || !slices.ContainsFunc(servers, serves) {
		t.Errorf("no server for the queue (%v)", err)
	}

	b.Stop(worker)
	again := make(chan queue.Delivery, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		again <- d
		return nil
	})
	for range 2 {
		queuetest.Next(b, again) // busy and waiting
	}
	for _, id := range []string{"probe:dead", "probe:later"} {
		if err := inspector.RunTask(b.name, id); err != nil {
			t.Error(err)
		}
		if d := queuetest.Next(b, again); "probe:"+d.ID != id {
			t.Errorf("%s ran, want %s", d.ID, id)
		}
	}
	b.EventuallyStats(queue.Stats{})
}

// A task that an operator enqueues with another tool has an ID of that tool.
func TestForeignTaskIsHandled(t *testing.T) {
	t.Parallel()
	b := setup(t)
	seen := make(chan queue.Delivery, 1)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d
		return nil
	})
	client := asynq.NewClientFromRedisClient(b.redis)
	info, err := client.EnqueueContext(t.Context(), asynq.NewTask(kind, []byte("payload")),
		asynq.Queue(b.name), asynq.Retention(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if d := queuetest.Next(b, seen); d.Kind != kind || d.ID != info.ID || string(d.Payload) != "payload" {
		t.Errorf("delivered %+v", d)
	}
	b.EventuallyStats(queue.Stats{}) // asynq keeps it as completed
}

func TestKindAndIDAreNotConfused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, task := range []queue.Task{{Kind: "a:b", ID: "c"}, {Kind: "a", ID: "b:c"}, {Kind: "a%3Ab", ID: "c"}} {
		if err := b.Queue.Enqueue(t.Context(), task); err != nil {
			t.Fatal(err)
		}
	}
	worker := b.Work(func(context.Context, queue.Delivery) error { return nil }) // knows none of the kinds
	b.EventuallyStats(queue.Stats{Dead: 3})
	b.Stop(worker)
	for _, task := range []queue.Task{{Kind: "a:b", ID: "c"}, {Kind: "a", ID: "b:c"}} {
		if found, err := b.Queue.Redrive(t.Context(), task.Kind, task.ID); err != nil || !found {
			t.Errorf("Redrive(%s, %s) = %v, %v", task.Kind, task.ID, found, err)
		}
	}
	dead, err := b.Queue.Dead(t.Context(), 0)
	if err != nil || len(dead) != 1 || dead[0].Kind != "a%3Ab" || dead[0].ID != "c" {
		t.Errorf("still dead: %+v (%v)", dead, err)
	}
}

func TestDeadTaskIsRevivedOnce(t *testing.T) {
	t.Parallel()
	for name, revive := range map[string]func(b *bench) (bool, error){
		"by Redrive": func(b *bench) (bool, error) { return b.Queue.Redrive(b.Context(), kind, "a") },
		"by Enqueue": func(b *bench) (bool, error) {
			return false, b.Queue.Enqueue(b.Context(), queue.Task{Kind: kind, ID: "a"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.bury("a")
			started := make(chan int, 100)
			release, open := b.Gate()
			b.Work(func(_ context.Context, d queue.Delivery) error {
				started <- d.Attempt
				<-release
				return nil
			})
			var (
				group   sync.WaitGroup
				revived atomic.Int32
			)
			for range 50 {
				group.Go(func() {
					found, err := revive(b)
					if err != nil {
						t.Error(err)
					}
					if found {
						revived.Add(1)
					}
				})
			}
			group.Wait()
			if attempt := queuetest.Next(b, started); attempt != 1 {
				t.Errorf("attempt %d, want 1", attempt)
			}
			if n := revived.Load(); name == "by Redrive" && n != 1 {
				t.Errorf("%d of 50 calls redrove it", n)
			}
			b.EventuallyStats(queue.Stats{InFlight: 1})
			open()
			b.EventuallyStats(queue.Stats{})
			if len(started) > 0 {
				t.Error("ran more than once")
			}
		})
	}
}

func TestDeadListsTheLatestFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	begun := time.Now()
	for _, id := range []string{"b", "c", "a"} {
		b.bury(id)
		died := time.Now().Unix() // asynq counts in seconds
		b.Eventually("another second", func() bool { return time.Now().Unix() > died })
	}
	dead, err := b.Queue.Dead(t.Context(), 2)
	if err != nil || len(dead) != 2 || dead[0].ID != "a" || dead[1].ID != "c" {
		t.Fatalf("Dead(2) = %+v (%v), want a and c", dead, err)
	}
	if died := dead[0].DiedAt; died.Before(begun) || died.After(time.Now()) {
		t.Errorf("died at %s, the test began at %s", died, begun)
	}
}

// A crash between the two halves of Redrive leaves a dead letter whose copy runs already.
func TestRedriveThatWasCutOffIsNotRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.bury("a")
	letters, err := b.inspector().ListArchivedTasks(b.name)
	if err != nil || len(letters) != 1 {
		t.Fatalf("%d archived (%v)", len(letters), err)
	}
	b.enqueueRaw(letters[0].Headers["Send"]+"#"+letters[0].ID, map[string]string{"Redriven": "true"})
	if found, err := b.Queue.Redrive(t.Context(), kind, "a"); err != nil || found {
		t.Errorf("Redrive: %v (%v)", found, err)
	}
	b.EventuallyStats(queue.Stats{Ready: 1})
	seen := make(chan queue.Delivery, 10)
	b.Work(func(_ context.Context, d queue.Delivery) error {
		seen <- d
		return nil
	})
	if d := queuetest.Next(b, seen); d.ID != "a" || d.Attempt != 1 || !d.Redriven {
		t.Errorf("redriven as %+v", d)
	}
	b.EventuallyStats(queue.Stats{})
}
