package limit_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

// patient is a timeout that is long enough for a slow machine, for tests that are not about the timeout.
const patient = time.Minute

// eachStore runs the test on every store. open opens the limits of one more process; in memory, all processes are one.
func eachStore(t *testing.T, test func(t *testing.T, open func() *limit.Limits)) {
	t.Helper()
	with := func(t *testing.T, shared func() *limit.Shared) func() *limit.Limits {
		return func() *limit.Limits { return newLimits(t, limit.Options{Shared: shared(), Timeout: patient}) }
	}
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		one := newLimits(t, limit.Options{})
		test(t, func() *limit.Limits { return one })
	})
	t.Run("redis", func(t *testing.T) {
		t.Parallel()
		test(t, with(t, func() *limit.Shared { return openRedis(t, redisURL(t)) }))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		db := databasetest.OpenPostgreSQL(t, limit.Migrations())
		test(t, with(t, func() *limit.Shared { return limit.NewPostgres(db) }))
	})
}

func newLimits(t *testing.T, o limit.Options) *limit.Limits {
	t.Helper()
	l := limit.New(o)
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l
}

func redisURL(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: needs Redis")
	}
	address := os.Getenv("TEST_REDIS_URL")
	if address == "" {
		t.Fatal("no Redis: TEST_REDIS_URL is not set. Run `make test`, which starts a server, or for this package " +
			"only infra/setup/test.sh --redis --postgres go test ./platform/limit")
	}
	return address
}

func openRedis(t *testing.T, url string) *limit.Shared {
	t.Helper()
	shared, err := limit.OpenRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	return shared
}

// syncBuffer is a buffer for a log to which several goroutines write.
type syncBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}

func rate(burst int) limit.Budget {
	return limit.Budget{Name: rand.Text(), By: limit.Client, Rate: limit.Rate{Count: 1, Per: time.Minute, Burst: burst}}
}

func atOnce(most int64) limit.Budget {
	return limit.Budget{Name: rand.Text(), By: limit.Account, AtOnce: most}
}

func TestABurstPassesAndThenTheRate(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func() *limit.Limits) {
		one, two, b := open(), open(), rate(4)
		for _, l := range []*limit.Limits{one, two, one, two} {
			if err := l.Take(t.Context(), b, "a"); err != nil {
				t.Fatal(err)
			}
		}
		for _, l := range []*limit.Limits{one, two} {
			err := l.Take(t.Context(), b, "a")
			if !errors.Is(err, limit.ErrTooMany) {
				t.Fatalf("the fifth use gives %v", err)
			}
			if after := fault.From(err).RetryAfter; after < 1 || after > 60 {
				t.Errorf("retry after %d s, want 1 to 60", after)
			}
			if r, ok := limit.RefusalIn(err); !ok || r.Budget != b.Name {
				t.Errorf("the cause is %+v", r)
			}
		}
		if err := one.Take(t.Context(), b, "b"); err != nil {
			t.Errorf("another key is refused as well: %v", err)
		}
		if err := one.Take(t.Context(), rate(4), "a"); err != nil {
			t.Errorf("another budget is refused as well: %v", err)
		}
	})
}

func TestAUsedRateComesBackAsTimePasses(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func() *limit.Limits) {
		l, b := open(), rate(2)
		b.Rate.Count, b.Rate.Per = 10, 10*time.Second // one each second
		began, passed := time.Now(), 0
		for passed < 4 {
			err := l.Take(t.Context(), b, "a")
			if err == nil {
				passed++
			} else if !errors.Is(err, limit.ErrTooMany) {
				t.Fatal(err)
			}
			time.Sleep(20 * time.Millisecond) // the rate itself is what passes
		}
		if took := time.Since(began); took < 1900*time.Millisecond {
			t.Errorf("two of the burst and two of the rate passed within %s", took)
		}
	})
}

func TestResetGivesTheWholeBurstBack(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func() *limit.Limits) {
		one, two, b := open(), open(), rate(1)
		for i := range 3 {
			if err := one.Take(t.Context(), b, "a"); err != nil {
				t.Fatalf("use %d: %v", i, err)
			}
			if err := two.Reset(t.Context(), b, "a"); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// When many uses are tried at once, exactly the burst is allowed: none above it, none refused too early.
func TestManyAtOnceGetExactlyTheBurst(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func() *limit.Limits) {
		const burst = 60
		limits, b := []*limit.Limits{open(), open()}, rate(burst)
		var (
			group   sync.WaitGroup
			allowed atomic.Int32
			began   = time.Now()
		)
		for i := range 200 {
			group.Go(func() {
				switch err := limits[i%2].Take(t.Context(), b, "a"); {
				case err == nil:
					allowed.Add(1)
				case !errors.Is(err, limit.ErrTooMany):
					t.Error(err)
				}
			})
		}
		group.Wait()
		refilled := int(time.Since(began).Minutes()) + 1 // a slow machine may need minutes, which refill the rate
		if n := int(allowed.Load()); n < burst || n > burst+refilled {
			t.Errorf("%d allowed, want %d", n, burst)
		}
	})
}

func TestNoMoreAreHeldAtOnceThanTheBudgetAllows(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func() *limit.Limits) {
		limits, b := []*limit.Limits{open(), open()}, atOnce(3)
		var (
			group sync.WaitGroup
			mu    sync.Mutex
			holds []*limit.Hold
		)
		for i := range 40 {
			group.Go(func() {
				switch h, err := limits[i%2].Hold(t.Context(), b, "a"); {
				case err == nil:
					mu.Lock()
					defer mu.Unlock()
					holds = append(holds, h)
				case !errors.Is(err, limit.ErrTooManyAtOnce) || fault.From(err).RetryAfter == 0:
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(holds) != 3 {
			t.Fatalf("%d are held, want 3", len(holds))
		}
		holds[0].Release()
		holds[0].Release() // counts once
		if _, err := limits[0].Hold(t.Context(), b, "a"); err != nil {
			t.Errorf("after a release: %v", err)
		}
		if _, err := limits[1].Hold(t.Context(), b, "a"); !errors.Is(err, limit.ErrTooManyAtOnce) {
			t.Errorf("after one release and one hold: %v", err)
		}
	})
}

func TestTheNewestHoldEndsTheOldest(t *testing.T) {
	t.Parallel()
	eachStore(t, func(t *testing.T, open func() *limit.Limits) {
		one, two, b := open(), open(), atOnce(2)
		b.Newest = true
		var holds []*limit.Hold
		for _, l := range []*limit.Limits{one, two, two} {
			h, err := l.Hold(t.Context(), b, "a")
			if err != nil {
				t.Fatal(err)
			}
			holds = append(holds, h)
		}
		select {
		case <-holds[0].Lost():
		case <-t.Context().Done():
		}
		for i, h := range holds[1:] {
			select {
			case <-h.Lost():
				t.Errorf("hold %d is lost as well", i+1)
			default:
			}
		}
		holds[0].Release() // releases nothing that another holds
		if _, err := one.Hold(t.Context(), limit.Budget{Name: b.Name, By: b.By, AtOnce: 2}, "a"); err == nil {
			t.Error("three are held")
		}
	})
}

func TestAmountsAreBoundedTogether(t *testing.T) {
	t.Parallel()
	l, b := newLimits(t, limit.Options{}), limit.Budget{Name: "bytes", By: limit.Process, AtOnce: 100}
	first, err := l.HoldAmount(t.Context(), b, "", 60)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.HoldAmount(t.Context(), b, "", 41); !errors.Is(err, limit.ErrBusy) {
		t.Errorf("101 of 100 give %v", err)
	}
	if _, err := l.HoldAmount(t.Context(), b, "", 40); err != nil {
		t.Errorf("100 of 100: %v", err)
	}
	first.Release()
	if _, err := l.HoldAmount(t.Context(), b, "", 60); err != nil {
		t.Errorf("after a release: %v", err)
	}
	if _, err := l.HoldAmount(t.Context(), atOnce(5), "", 2); err == nil {
		t.Error("a shared budget has amounts")
	}
}

func TestRatesOffLeavesWhatIsHeldBounded(t *testing.T) {
	t.Parallel()
	l := newLimits(t, limit.Options{RatesOff: true})
	for range 3 {
		if err := l.Take(t.Context(), rate(1), "a"); err != nil {
			t.Fatal(err)
		}
	}
	b := atOnce(1)
	if _, err := l.Hold(t.Context(), b, "a"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Hold(t.Context(), b, "a"); !errors.Is(err, limit.ErrTooManyAtOnce) {
		t.Errorf("the second of one gives %v", err)
	}
}

// Without its shared store, a process counts alone: it refuses no one too early, and does not stop refusing.
func TestAnOutageLeavesTheLimitsOfEachProcess(t *testing.T) {
	t.Parallel()
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // connects, but never answers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	withoutTables := func() *limit.Shared {
		return limit.NewPostgres(databasetest.Open(t)) // SQLite has not even the tables
	}
	for name, shared := range map[string]*limit.Shared{
		"unreachable Redis": openRedis(t, "redis://:s3cret@127.0.0.1:1"),
		"silent Redis":      openRedis(t, "redis://:s3cret@"+silent.Addr().String()),
		"no tables":         withoutTables(),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var log syncBuffer
			registry := prometheus.NewRegistry()
			l := newLimits(t, limit.Options{
				Shared: shared, Logger: slog.New(slog.NewTextHandler(&log, nil)), Registerer: registry,
			})
			b, held := rate(2), atOnce(2)
			for i := range 3 {
				if err := l.Take(t.Context(), b, "a"); errors.Is(err, limit.ErrTooMany) != (i == 2) {
					t.Errorf("use %d gives %v", i+1, err)
				}
				if _, err := l.Hold(t.Context(), held, "a"); errors.Is(err, limit.ErrTooManyAtOnce) != (i == 2) {
					t.Errorf("hold %d gives %v", i+1, err)
				}
			}
			if lines := strings.Count(log.String(), "\n"); lines != 1 || strings.Contains(log.String(), "s3cret") {
				t.Errorf("%d log lines, want 1 without the password: %s", lines, log.String())
			}
			if n := sharedErrors(t, registry); n != 6 {
				t.Errorf("of 6 uses that were counted alone the metrics tell %v", n)
			}
		})
	}
}

func sharedErrors(t *testing.T, metrics prometheus.Gatherer) (n float64) {
	t.Helper()
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "limit_shared_errors_total" {
			n += family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return n
}

func TestACancelledUseIsNoOutage(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	l := newLimits(t, limit.Options{
		Shared: openRedis(t, redisURL(t)), Timeout: patient, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Take(ctx, rate(1), "a"); !errors.Is(err, context.Canceled) || log.String() != "" {
		t.Errorf("%v: %s", err, log.String())
	}
}

func TestAWrongURLIsRefused(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "https://:s3cret@127.0.0.1", "redis://user:s3cret@127.0.0.1:port"} {
		if _, err := limit.OpenRedis(url); err == nil {
			t.Errorf("%q is accepted", url)
		} else if strings.Contains(err.Error(), "s3cret") {
			t.Errorf("the error shows the password: %v", err)
		}
	}
}

// A process that is killed releases nothing: its leases lapse.
func TestTheHoldsOfAVanishedProcessLapse(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, limit.Migrations())
	b := atOnce(1)
	vanished := limit.New(limit.Options{Shared: limit.NewPostgres(db), Timeout: patient})
	if _, err := vanished.Hold(t.Context(), b, "a"); err != nil {
		t.Fatal(err)
	}
	if err := vanished.Close(); err != nil { // renews no more
		t.Fatal(err)
	}
	lapse(t, db)
	if _, err := newLimits(t, limit.Options{Shared: limit.NewPostgres(db)}).Hold(t.Context(), b, "a"); err != nil {
		t.Errorf("after the lease has lapsed: %v", err)
	}
}

// What counts nothing any more does not stay in the database.
func TestWhatCountsNothingIsSwept(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, limit.Migrations())
	for _, statement := range []string{
		`INSERT INTO limit_rates (id, full_at) SELECT 'old ' || n, 1 FROM generate_series(1, 1000) n`,
		`INSERT INTO limit_holds (id, holder, until) VALUES ('old', 'a', 1)`,
		`INSERT INTO limit_rates (id, full_at) VALUES ('present', 9000000000000000)`,
	} {
		if _, err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	newLimits(t, limit.Options{Shared: limit.NewPostgres(db)})
	for { // ends with the test's own deadline if nothing is swept
		var row struct{ Rows int }
		err := db.Query(t.Context(), &row,
			`SELECT (SELECT COUNT(*) FROM limit_rates) + (SELECT COUNT(*) FROM limit_holds) AS rows`)
		if err != nil {
			t.Fatal(err)
		}
		if row.Rows == 1 {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// lapse moves the ends of all leases into the past.
func lapse(t *testing.T, db *database.DB) {
	t.Helper()
	if _, err := db.Exec(t.Context(), "UPDATE limit_holds SET until = until - 60000000"); err != nil {
		t.Fatal(err)
	}
}
