package database_test

import (
	"context"
	"crypto/rand"
	"net/url"
	"os"
	"strings"
	"testing"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// The app's role reads and changes rows, also of tables that a later migration adds, and can do nothing to the tables.
func TestAppRoleChangesRowsAndNothingElse(t *testing.T) {
	t.Parallel()
	db := databasetest.OpenPostgreSQL(t, owners...)
	role, password := "app_"+strings.ToLower(rand.Text()), rand.Text()
	t.Cleanup(func() { // before the database is dropped, and with it the rights that would keep the role
		for _, statement := range []string{"DROP OWNED BY " + role, "DROP ROLE " + role} {
			if _, err := db.Exec(context.Background(), statement); err != nil {
				t.Error(err)
			}
		}
	})
	allow := func(password string) {
		t.Helper()
		if err := db.AllowApp(t.Context(), role, password, owners...); err != nil {
			t.Fatal(err)
		}
	}
	await := func() {
		t.Helper()
		if err := db.AwaitApp(t.Context(), role); err != nil {
			t.Fatal(err)
		}
	}
	await() // the role does not exist yet
	allow(rand.Text())
	allow(password) // a second time, with a new password
	create := func(table string) {
		t.Helper()
		_, err := db.Exec(t.Context(), "CREATE TABLE "+table+" (n BIGINT GENERATED ALWAYS AS IDENTITY, m BIGINT)")
		if err != nil {
			t.Fatal(err)
		}
	}
	create("probe_later")
	allow(password)
	await()
	create("probe_awaited")

	var name struct{ Name string }
	if err := db.Query(t.Context(), &name, "SELECT current_database() AS name"); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(os.Getenv("TEST_POSTGRES_URL"))
	if err != nil {
		t.Fatal(err)
	}
	address.Path, address.User = "/"+name.Name, url.UserPassword(role, password)
	app, err := database.Open(t.Context(), database.Options{URL: address.String(), MaxOpenConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer app.Close()
	for _, statement := range []string{
		"INSERT INTO probe_items (id, colour, size) VALUES ('a', 'red', 1)", "UPDATE probe_items SET size = 2",
		"INSERT INTO probe_later (m) VALUES (1)", "INSERT INTO probe_awaited (m) VALUES (1)",
		"DELETE FROM probe_items", "SELECT 1 FROM probe_goose_version",
	} {
		if _, err := app.Exec(t.Context(), statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	for _, statement := range []string{
		"CREATE TABLE mine (n BIGINT)", "DROP TABLE probe_items", "ALTER TABLE probe_items ADD COLUMN n BIGINT",
		"TRUNCATE probe_items", "CREATE ROLE another", "DELETE FROM probe_goose_version",
		"INSERT INTO probe_goose_version (version_id, is_applied) VALUES (9, TRUE)",
	} {
		if _, err := app.Exec(t.Context(), statement); err == nil ||
			!strings.Contains(err.Error(), "permission denied") && !strings.Contains(err.Error(), "must be owner") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	status, err := app.MigrationStatus(t.Context(), owners...)
	if err != nil || len(status) != 1 || !status[0].Applied {
		t.Errorf("the role reads the migrations as %+v (%v)", status, err)
	}
}
