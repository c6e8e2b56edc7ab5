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

// The stages in which the tests run the app. TEST_STAGE names one; `make test` runs them all.
const (
	embedded = "embedded" // one process; SQLite, which also holds the queue
	onehost  = "onehost"  // PostgreSQL and Redis; one serve and one work process
	aws      = "aws"      // PostgreSQL, SQS and S3; one serve and one work process
)

func stage() string {
	switch s := os.Getenv("TEST_STAGE"); s {
	case "", embedded:
		return embedded
	case onehost, aws:
		return s
	default:
		panic("TEST_STAGE=" + s + " is not a stage")
	}
}

// onlyInStage skips the test in all other stages. A test runs once on every kind of database, queue and storage that it
// depends on: SQLite, its queue and the disk in embedded; PostgreSQL, Redis and the disk in onehost; PostgreSQL, SQS
// and S3 in aws.
func onlyInStage(t *testing.T, wanted ...string) {
	t.Helper()
	if !slices.Contains(wanted, stage()) {
		t.Skipf("only in the stages %s", strings.Join(wanted, " and "))
	}
}

// attackIn is onlyInStage for an attack, which `make siege` makes in every stage.
func attackIn(t *testing.T, wanted ...string) {
	t.Helper()
	if os.Getenv("TEST_P99") == "" {
		onlyInStage(t, wanted...)
	}
}

// roles returns the commands that a site of the stage runs, one process each.
func roles() []string {
	if stage() == embedded {
		return []string{"serve"}
	}
	return []string{"serve", "work"}
}

// serverURL reads the address of a server that infra/setup/test.sh starts.
func serverURL(t *testing.T, variable string) string {
	t.Helper()
	address := os.Getenv(variable)
	if address == "" {
		t.Fatalf("%s is not set. `make test` sets it; to run single tests: "+
			"TEST_STAGE=%s infra/setup/test.sh --postgres --redis --s3 --sqs go test ./infra/e2e -run NAME",
			variable, stage())
	}
	return address
}

// redisDatabases is the number of the database that was assigned last: the sites share a server, and each has a
// database to itself.
var redisDatabases atomic.Int64

// useSuiteServers assigns the database to the site, and creates a queue and storage for it on the servers of the suite.
func (s *site) useSuiteServers(t *testing.T, postgres string) {
	t.Helper()
	if stage() == aws {
		s.useAWS(t, postgres)
		return
	}
	redis := serverURL(t, "TEST_REDIS_URL")
	number := redisDatabases.Add(1)
	// A server that was configured by hand may still hold the data of an earlier run.
	runRedisCommands(t, redis, fmt.Sprintf("SELECT %d", number), "FLUSHDB")
	s.useServers(postgres, fmt.Sprintf("%s/%d", redis, number))
}

// migratedDatabase returns the URL of a new database with all migrations applied. The database is a copy of a template,
// so that the migrations run once per test binary.
func migratedDatabase(t *testing.T) string {
	t.Helper()
	return newDatabase(t, template(t, serverURL(t, "TEST_POSTGRES_URL")))
}

// newDatabase returns the URL of a copy of the template, which is dropped when the test ends.
func newDatabase(t *testing.T, template string) string {
	t.Helper()
	postgres := serverURL(t, "TEST_POSTGRES_URL")
	name := "site_" + strings.ToLower(rand.Text())
	execAsAdmin(t, postgres, "CREATE DATABASE "+name+" TEMPLATE "+template)
	t.Cleanup(func() { execAsAdmin(t, postgres, "DROP DATABASE "+name+" WITH (FORCE)") })
	return databaseURL(t, postgres, name)
}

var (
	templateName  string // "" until the template exists; it is not dropped
	templateMutex sync.Mutex
)

// template returns the name of the migrated database whose copies the sites use. It creates it once.
func template(t *testing.T, postgres string) string {
	t.Helper()
	templateMutex.Lock()
	defer templateMutex.Unlock()
	if templateName != "" {
		return templateName
	}
	name := "template_" + strings.ToLower(rand.Text())
	execAsAdmin(t, postgres, "CREATE DATABASE "+name)
	s := &site{DataDir: t.TempDir(), settings: []string{
		"DATABASE_URL=" + databaseURL(t, postgres, name), "SECRET_KEY=" + rand.Text() + rand.Text(),
		"QUEUE_BACKEND=embedded", "DATABASE_APP_URL=" + asAppUser(t, databaseURL(t, postgres, name)),
	}}
	s.migrate(t)
	templateName = name
	return templateName
}

var (
	migratedFile      []byte // nil until it exists
	migratedFileMutex sync.Mutex
)

// copyMigratedFile gives a site of the embedded stage a new database with all migrations applied, which run once per
// test binary.
func (s *site) copyMigratedFile(t *testing.T) {
	t.Helper()
	migratedFileMutex.Lock()
	defer migratedFileMutex.Unlock()
	const name = "showcase.db"
	if migratedFile == nil {
		first := &site{DataDir: t.TempDir()}
		first.migrate(t)
		migratedFile = []byte(readFile(t, filepath.Join(first.DataDir, name)))
	}
	if err := os.WriteFile(filepath.Join(s.DataDir, name), migratedFile, 0o600); err != nil {
		t.Fatal(err)
	}
}

// appUser is the user of the database whom the sites use, as serve and work do in every stage: who may change rows, and
// nothing else. The migration of the template creates it.
var appUser = url.UserPassword("app_"+strings.ToLower(rand.Text()), rand.Text())

// asAppUser returns the database's URL with that user.
func asAppUser(t *testing.T, database string) string {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal(err)
	}
	u.User = appUser
	return u.String()
}

// useAppUser makes the site's processes use that user; the tests themselves use the database's owner.
func (s *site) useAppUser(t *testing.T) {
	t.Helper()
	for i, setting := range s.settings {
		if strings.HasPrefix(setting, "DATABASE_URL=") {
			s.settings[i] = "DATABASE_URL=" + asAppUser(t, s.database)
		}
	}
}

// useServers sets the site's servers and a random secret in its settings.
func (s *site) useServers(postgres, redis string) {
	s.database, s.redis = postgres, redis
	s.settings = []string{
		"DATABASE_URL=" + postgres, "REDIS_URL=" + redis, "SECRET_KEY=" + rand.Text() + rand.Text(),
		"SHUTDOWN_DRAIN_SECONDS=0", // no proxy to wait for
	}
}

// secret returns the key that signs the site's tokens: the one in its settings, or the one that the embedded stage
// created.
func (s *site) secret(t *testing.T) string {
	t.Helper()
	for _, setting := range s.settings {
		if key, ok := strings.CutPrefix(setting, "SECRET_KEY="); ok {
			return key
		}
	}
	return strings.TrimSpace(readFile(t, filepath.Join(s.DataDir, "secret_key")))
}

func (s *site) migrate(t *testing.T) {
	t.Helper()
	if out, errs, code := s.runApp(t, "migrate", "up"); code != 0 {
		t.Fatalf("migrate up: exit code %d\n%s%s", code, out, errs)
	}
}

// databaseURL returns the server's URL with another database's name.
func databaseURL(t *testing.T, server, name string) string {
	t.Helper()
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/" + name
	query := u.Query()
	query.Set("connect_timeout", strconv.Itoa(int(waitTimeout.Seconds())))
	u.RawQuery = query.Encode()
	return u.String()
}

// execAsAdmin runs a statement on a connection of its own, outside of a transaction, such as CREATE DATABASE.
func execAsAdmin(t *testing.T, url, statement string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), waitTimeout) // t.Context is over in a cleanup
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

// runRedisCommands sends commands whose arguments need no quoting, and fails the test unless each is answered +OK.
func runRedisCommands(t *testing.T, address string, commands ...string) {
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
	_ = conn.SetDeadline(time.Now().Add(waitTimeout))
	replies := bufio.NewReader(conn)
	for _, command := range commands {
		fmt.Fprintf(conn, "%s\r\n", command)
		if reply, err := replies.ReadString('\n'); err != nil || reply != "+OK\r\n" {
			t.Fatalf("%s: Redis answers %q (%v)", command, reply, err)
		}
	}
}

// openDatabase opens the site's database beside the app.
func (s *site) openDatabase(t *testing.T) *database.DB {
	t.Helper()
	db, err := database.Open(t.Context(), database.Options{
		URL: s.database, Path: filepath.Join(s.DataDir, "showcase.db"), MaxOpenConns: 2,
	})
	if err != nil {
		t.Fatal(err)
	}
	return db
}

// queryInt runs a query on the site's database and returns the column n of its only row.
func (s *site) queryInt(t *testing.T, query string, args ...any) int {
	t.Helper()
	db := s.openDatabase(t)
	defer db.Close()
	var row struct{ N int }
	if err := db.Query(t.Context(), &row, query, args...); err != nil {
		t.Fatal(err)
	}
	return row.N
}

// execSQL runs a statement on the site's database, behind the app's back.
func (s *site) execSQL(t *testing.T, statement string, args ...any) {
	t.Helper()
	db := s.openDatabase(t)
	defer db.Close()
	if _, err := db.Exec(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// countTasks returns how many tasks the queue holds in the given states, or in all states if none is given. It reads
// the metrics of the site's first process.
func (s *site) countTasks(t *testing.T, states ...string) int {
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
		t.Fatal("the metrics do not contain the queue's depth")
	}
	return sum
}
