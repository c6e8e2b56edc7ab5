package databasetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"risingstars/platform/database"
)

// serverVariable is the environment variable with the URL of a PostgreSQL superuser. Tests create and drop databases
// there.
const serverVariable = "TEST_POSTGRES_URL"

// templateLock is the advisory lock under which templates are created: any number that nothing else uses.
const templateLock = 7266710

// OpenPostgreSQL returns an empty PostgreSQL database with the owners' migrations applied. It is dropped when the test
// ends. The database is a copy of a template, which the first test with these migrations creates and which stays on the
// server.
func OpenPostgreSQL(t testing.TB, owners ...database.Migrations) *database.DB {
	t.Helper()
	return openPostgreSQL(t, database.Options{}, owners)
}

func openPostgreSQL(t testing.TB, options database.Options, owners []database.Migrations) *database.DB {
	t.Helper()
	if testing.Short() {
		t.Skip("-short: needs PostgreSQL")
	}
	server := os.Getenv(serverVariable)
	if server == "" {
		t.Fatalf("no PostgreSQL: %s is not set. Run `make test`, which starts a server, or for some packages only "+
			"infra/setup/test.sh --postgres go test ./modules/voting/...", serverVariable)
	}
	name := "test_" + strings.ToLower(rand.Text())
	template, err := templateFor(t.Context(), server, owners)
	if err == nil {
		err = administer(t.Context(), server, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s", name, template))
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// FORCE, because a failed test may have left a connection open.
		err := administer(context.Background(), server, fmt.Sprintf("DROP DATABASE %s WITH (FORCE)", name))
		if err != nil {
			t.Error(err)
		}
	})
	options.URL = onDatabase(server, name)
	return open(t, options)
}

// templateFor returns the name of the template with the owners' migrations, and creates the template if it is missing.
// The name is a digest of the migrations, and the template gets it only when it is complete, so that all test binaries,
// also of later runs, can share it.
func templateFor(ctx context.Context, server string, owners []database.Migrations) (string, error) {
	name, err := templateName(owners)
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return "", fmt.Errorf("connect to %s: %w", serverVariable, err)
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock($1)", templateLock); err != nil {
		return "", fmt.Errorf("wait for the template: %w", err)
	}
	var exists bool
	err = conn.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name).Scan(&exists)
	if err != nil || exists {
		return name, err
	}

	unfinished := name + "_unfinished"
	for _, statement := range []string{
		"DROP DATABASE IF EXISTS " + unfinished + " WITH (FORCE)",
		"CREATE DATABASE " + unfinished,
	} {
		if err := execWithRetry(ctx, conn, statement); err != nil {
			return "", fmt.Errorf("create the template: %w", err)
		}
	}
	db, err := database.Open(ctx, database.Options{URL: onDatabase(server, unfinished)})
	if err != nil {
		return "", err
	}
	if err := db.Migrate(ctx, owners...); err != nil {
		return "", err
	}
	if err := db.Close(); err != nil {
		return "", err
	}
	if err := execWithRetry(ctx, conn, fmt.Sprintf("ALTER DATABASE %s RENAME TO %s", unfinished, name)); err != nil {
		return "", fmt.Errorf("finish the template: %w", err)
	}
	return name, nil
}

func templateName(owners []database.Migrations) (string, error) {
	digest := sha256.New()
	for _, owner := range owners {
		fmt.Fprintf(digest, "owner %s\n", owner.Name)
		files, err := fs.Glob(owner.FS, "*.sql")
		if err != nil {
			return "", err
		}
		for _, file := range files {
			content, err := fs.ReadFile(owner.FS, file)
			if err != nil {
				return "", err
			}
			fmt.Fprintf(digest, "file %s, %d bytes\n%s", file, len(content), content)
		}
	}
	return "template_" + hex.EncodeToString(digest.Sum(nil)[:12]), nil
}

func administer(ctx context.Context, server, statement string) error {
	conn, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", serverVariable, err)
	}
	defer conn.Close(ctx)
	if err := execWithRetry(ctx, conn, statement); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// execWithRetry repeats a statement that PostgreSQL refuses because the database has other connections. PostgreSQL
// itself waits up to 5 s for closed connections to disappear, which can take longer on a busy machine.
func execWithRetry(ctx context.Context, conn *pgx.Conn, statement string) error {
	const attempts = 12
	for attempt := 1; ; attempt++ {
		_, err := conn.Exec(ctx, statement)
		var refused *pgconn.PgError
		inUse := errors.As(err, &refused) && refused.Code == "55006" // object_in_use
		if !inUse || attempt == attempts {
			return err
		}
	}
}

func onDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		return server // pgx accepted it, or will say what is wrong with it
	}
	u.Path = "/" + name
	return u.String()
}
