package e2e

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

// The user of serve and work, with whom every test of this suite runs, reads and changes rows. Whoever takes over a
// process can neither change nor drop a table, nor pretend that a migration has been applied.
func TestUserOfTheServicesOwnsNothing(t *testing.T) {
	onlyInStage(t, onehost)
	t.Parallel()
	s := newSite(t)
	conn, err := pgx.Connect(t.Context(), asAppUser(t, s.database))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	if _, err := conn.Exec(t.Context(), "UPDATE identity_users SET city = city"); err != nil {
		t.Error(err)
	}
	for _, statement := range []string{
		"DROP TABLE identity_users", "TRUNCATE voting_votes", "ALTER TABLE media_videos ADD COLUMN mine INT",
		"CREATE TABLE mine (n INT)", "CREATE INDEX mine ON media_videos (title)", "CREATE EXTENSION hstore",
		"DELETE FROM media_goose_version", "CREATE ROLE another", "COPY voting_votes TO PROGRAM 'cat'",
		"SELECT pg_read_file('/etc/passwd')",
	} {
		_, err := conn.Exec(t.Context(), statement)
		if err == nil || !strings.Contains(err.Error(), "SQLSTATE 42501") { // insufficient privilege
			t.Errorf("%s: %v", statement, err)
		}
	}
	// A migration by the wrong user says what is missing, and changes nothing.
	if _, errs, code := s.runApp(t, "migrate", "down", "--yes"); code != exitFailure ||
		!strings.Contains(errs, "must be owner") && !strings.Contains(errs, "permission denied") {
		t.Errorf("migrate down: exit code %d, %s", code, errs)
	}
}
