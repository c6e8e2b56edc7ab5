package e2e

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"risingstars/platform/database"
)

// The stages in which the tests run the app. TEST_STAGE names one; `make test` runs all.
const (
	embedded = "embedded" // one process, SQLite, the queue in it
	onehost  = "onehost"  // PostgreSQL, Redis, one serve and one work
	aws      = "aws"      // PostgreSQL, SQS, S3, one serve and one work
)

func stage() string {
	switch s := os.Getenv("TEST_STAGE"); s {
	case "", embedded:
		return embedded
	case onehost, aws:
		return s
	default:
		panic("TEST_STAGE=" + s + " is none")
	}
}

// only says that a test belongs to some stages: it is about what they alone have, or about what is the same in all and
// would only be run again.
func only(t *testing.T, wanted ...string) {
	t.Helper()
	if !slices.Contains(wanted, stage()) {
		t.Skipf("a test of the stage %s", strings.Join(wanted, " and "))
	}
}

// roles are the processes of a site.
func roles() []string {
	if stage() == embedded {
		return []string{"serve"}
	}
	return []string{"serve", "work"}
}

// server reads the address of a server that infra/setup/test.sh starts.
func server(t *testing.T, variable string) string {
	t.Helper()
	address := os.Getenv(variable)
	if address == "" {
		t.Fatalf("%s is not set. `make test` sets it, and for some tests only: "+
			"TEST_STAGE=%s infra/setup/test.sh --postgres --redis --s3 --sqs go test -run NAME .", variable, stage())
	}
	return address
}

// redisDatabases counts those that were given away: the sites share a server, and each has one to itself.
var redisDatabases atomic.Int64

// ownServers gives the site the database, and a queue and storage of its own, on the servers of the suite.
func (s *site) ownServers(t *testing.T, postgres string) {
	t.Helper()
	if stage() == aws {
		s.useAWS(t, postgres)
		return
	}
	redis := server(t, "TEST_REDIS_URL")
	number := redisDatabases.Add(1)
	askRedis(t, redis, fmt.Sprintf("SELECT %d", number), "FLUSHDB") // a server that was named by hand may hold an earlier run
	s.useServers(postgres, fmt.Sprintf("%s/%d", redis, number))
}

// migratedDatabase returns the URL of a new database with all migrations applied. It is a copy of a template, so that the
// migrations run once per test binary.
func migratedDatabase(t *testing.T) string {
	t.Helper()
	return newDatabase(t, template(t, server(t, "TEST_POSTGRES_URL")))
}

// newDatabase returns the URL of a copy of the template, which is dropped when the test ends.
func newDatabase(t *testing.T, template string) string {
	t.Helper()
	postgres := server(t, "TEST_POSTGRES_URL")
	name := "site_" + strings.ToLower(rand.Text())
	administer(t, postgres, "CREATE DATABASE "+name+" TEMPLATE "+template)
	t.Cleanup(func() { administer(t, postgres, "DROP DATABASE "+name+" WITH (FORCE)") })
	return onDatabase(t, postgres, name)
}

var (
	templateName string // "" until the template is there; it stays on the server
	templateOnce sync.Mutex
)

// template returns the name of the migrated database that sites get copies of.
func template(t *testing.T, postgres string) string {
	t.Helper()
	templateOnce.Lock()
	defer templateOnce.Unlock()
	if templateName != "" {
		return templateName
	}
	name := "template_" + strings.ToLower(rand.Text())
	administer(t, postgres, "CREATE DATABASE "+name)
	s := &site{DataDir: t.TempDir(), settings: []string{
		"DATABASE_URL=" + onDatabase(t, postgres, name), "SECRET_KEY=" + rand.Text() + rand.Text(), "QUEUE_BACKEND=embedded",
	}}
	s.migrate(t)
	templateName = name
	return templateName
}

// useServers names the servers of the site in its settings, with a secret made up for it.
func (s *site) useServers(postgres, redis string) {
	s.database, s.redis = postgres, redis
	s.settings = []string{
		"DATABASE_URL=" + postgres, "REDIS_URL=" + redis, "SECRET_KEY=" + rand.Text() + rand.Text(),
		"SHUTDOWN_DRAIN_SECONDS=0", // no proxy to wait for
	}
}

// secret is the key of the site's tokens: set, or made by the embedded stage.
func (s *site) secret(t *testing.T) string {
	t.Helper()
	for _, setting := range s.settings {
		if key, ok := strings.CutPrefix(setting, "SECRET_KEY="); ok {
			return key
		}
	}
	return strings.TrimSpace(fileText(t, filepath.Join(s.DataDir, "secret_key")))
}

func (s *site) migrate(t *testing.T) {
	t.Helper()
	if out, errs, code := s.app(t, "migrate", "up"); code != 0 {
		t.Fatalf("migrate up: exit code %d\n%s%s", code, out, errs)
	}
}

func onDatabase(t *testing.T, server, name string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	query := u.Query()
	query.Set("connect_timeout", strconv.Itoa(int(patience.Seconds())))
	u.RawQuery = query.Encode()
	return u.String()
}

// administer runs a statement that no pool can, such as CREATE DATABASE.
func administer(t *testing.T, url, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience) // also when the test is over
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(ctx)
	if _, err := conn.Exec(ctx, statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// askRedis sends commands without arguments that need quoting, and wants +OK for each.
func askRedis(t *testing.T, address string, commands ...string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(patience))
	replies := bufio.NewReader(conn)
	for _, command := range commands {
		fmt.Fprintf(conn, "%s\r\n", command)
		if reply, err := replies.ReadString('\n'); err != nil || reply != "+OK\r\n" {
			t.Fatalf("%s: Redis says %q (%v)", command, reply, err)
		}
	}
}

// open opens the site's database beside the app.
func (s *site) open(t *testing.T) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Options{URL: s.database, Path: filepath.Join(s.DataDir, "showcase.db"), MaxOpenConns: 2})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// rows asks the site's database for one number, called n.
func (s *site) rows(t *testing.T, query string, args ...any) int {
	t.Helper()
	db := s.open(t)
	defer db.Close()
	var row struct{ N int }
	if err := db.Query(t.Context(), &row, query, args...); err != nil {
		t.Fatal(err)
	}
	return row.N
}

// change runs a statement on the site's database, behind the app's back.
func (s *site) change(t *testing.T, statement string, args ...any) {
	t.Helper()
	db := s.open(t)
	defer db.Close()
	if _, err := db.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// tasks is how many tasks the queue holds in the given states, in any when none is given.
func (s *site) tasks(t *testing.T, states ...string) int {
	t.Helper()
	metrics := s.do(t, http.MethodGet, s.processes[0].URL+"/metrics", "", "", nil).want(t, http.StatusOK, "")
	sum, seen := 0, 0
	for line := range strings.Lines(string(metrics.Body)) {
		rest, ok := strings.CutPrefix(line, `queue_depth{state="`)
		if !ok {
			continue
		}
		seen++
		state, value, _ := strings.Cut(strings.TrimSpace(rest), `"} `)
		n, err := strconv.Atoi(value)
		if err != nil {
			t.Fatalf("metric %q: %v", line, err)
		}
		if len(states) == 0 || strings.Contains(strings.Join(states, " "), state) {
			sum += n
		}
	}
	if seen == 0 {
		t.Fatal("the metrics do not tell the queue's depth")
	}
	return sum
}
