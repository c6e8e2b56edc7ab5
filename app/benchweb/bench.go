package main

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	_ "github.com/jackc/pgx/v5/stdlib" // the plain statements' driver
	_ "modernc.org/sqlite"

	"risingstars/platform/auth"
	"risingstars/platform/database"
)

// connections is how many the service has to PostgreSQL, and the plain statements as well.
const connections = 16

// bench is all that is measured.
type bench struct {
	s                settings
	dir              string
	serve, bare      *child
	postgres, sqlite *place
	readPages        []page
	tokens           *auth.Tokens
	uploaders        []string // tokens of people with an account
	closers          []func()
}

// page is one that is read.
type page struct {
	name, path, etag string
}

// prepare fills the databases and starts what is measured.
func prepare(ctx context.Context, s settings) (_ *bench, err error) {
	b := &bench{s: s}
	defer func() {
		if err != nil {
			b.close()
		}
	}()
	if b.dir, err = os.MkdirTemp("", "benchweb-*"); err != nil {
		return nil, err
	}
	b.closers = append(b.closers, func() { _ = os.RemoveAll(b.dir) })
	address, err := b.createDatabase(ctx)
	if err != nil {
		return nil, err
	}
	secret := rand.Text() + rand.Text()
	b.tokens = tokensOf(secret)
	env := []string{
		"DATABASE_URL=" + address, "REDIS_URL=" + os.Getenv("TEST_REDIS_URL"), "SECRET_KEY=" + secret,
		"DATA_DIR=" + filepath.Join(b.dir, "data"), "RATE_LIMITS=false", "LOAD_TEST_ENDPOINTS=true", "ENV_FILE=",
	}
	for _, args := range [][]string{
		{"migrate", "up"},
		{
			"seed", "--contestants", strconv.Itoa(s.contestants), "--votes", strconv.Itoa(s.votes),
			"--voters", "1000", "--password", rand.Text(),
		},
	} {
		if err := b.runApp(ctx, env, args); err != nil {
			return nil, err
		}
	}
	if err := b.openPlaces(ctx, address); err != nil {
		return nil, err
	}
	if b.serve, err = b.startServe(ctx, env); err != nil {
		return nil, err
	}
	for range s.atOnce {
		b.uploaders = append(b.uploaders, b.token())
	}
	return b, b.startBare(ctx)
}

// createDatabase returns the address of an empty database. It refuses a server whose commits are not durable.
func (b *bench) createDatabase(ctx context.Context) (string, error) {
	server := os.Getenv("TEST_POSTGRES_URL")
	if server == "" || os.Getenv("TEST_REDIS_URL") == "" {
		return "", errors.New("TEST_POSTGRES_URL or TEST_REDIS_URL is not set; run: make bench-web")
	}
	address, err := url.Parse(server)
	if err != nil {
		return "", errors.New("TEST_POSTGRES_URL is not an address")
	}
	db, err := sql.Open("pgx", server)
	if err != nil {
		return "", err
	}
	b.closers = append(b.closers, func() { _ = db.Close() })
	for _, setting := range []string{"fsync", "synchronous_commit"} {
		var value string
		if err := db.QueryRowContext(ctx, "SHOW "+setting).Scan(&value); err != nil {
			return "", fmt.Errorf("look at the PostgreSQL server: %w", err)
		}
		if value != "on" {
			return "", fmt.Errorf("PostgreSQL has %s=%s: commits are not durable; run make bench-web", setting, value)
		}
	}
	name := "benchweb_" + strings.ToLower(rand.Text()[:8])
	if _, err := db.ExecContext(ctx, `CREATE DATABASE `+name); err != nil {
		return "", err
	}
	b.closers = append(b.closers, func() {
		_, _ = db.ExecContext(context.WithoutCancel(ctx), `DROP DATABASE `+name+` WITH (FORCE)`)
	})
	address.Path = "/" + name
	return address.String(), nil
}

func (b *bench) openPlaces(ctx context.Context, address string) error {
	plain, err := sql.Open("pgx", address)
	if err != nil {
		return err
	}
	plain.SetMaxOpenConns(connections)
	plain.SetMaxIdleConns(connections)
	if b.postgres, err = openPlace(ctx, database.Options{URL: address, MaxOpenConns: connections}, plain); err != nil {
		return err
	}
	b.closers = append(b.closers, b.postgres.close)
	// The same settings as the service has, one writer, as SQLite has.
	plain, err = sql.Open("sqlite", "file:"+filepath.Join(b.dir, "plain.db")+
		"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		return err
	}
	plain.SetMaxOpenConns(1)
	if b.sqlite, err = openPlace(ctx, database.Options{Path: filepath.Join(b.dir, "ours.db")}, plain); err != nil {
		return err
	}
	b.closers = append(b.closers, b.sqlite.close)
	return nil
}

// startBare reads the pages and has the bare handlers answer the same bytes.
func (b *bench) startBare(ctx context.Context) (err error) {
	b.readPages = []page{
		{name: "ranking", path: "/api/public/rankings"},
		{name: "gallery", path: "/api/public/videos"},
		{name: "entry", path: "/api/public/videos/" + b.postgres.videos[0]},
	}
	var args []string
	for i := range b.readPages {
		p := &b.readPages[i]
		var body []byte
		if body, p.etag, err = httpGet(ctx, b.serve.addr, p.path); err != nil {
			return err
		}
		file := filepath.Join(b.dir, p.name+".json")
		if err := os.WriteFile(file, body, 0o600); err != nil {
			return err
		}
		args = append(args, p.path+"="+file)
	}
	b.bare, err = b.startChild(ctx, childBare, nil, append([]string{b.dir}, args...))
	return err
}

// close undoes what prepare did, in reverse.
func (b *bench) close() {
	for _, undo := range slices.Backward(b.closers) {
		undo()
	}
}
