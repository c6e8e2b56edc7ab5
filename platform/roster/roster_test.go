package roster_test

import (
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/roster"
)

func alive(t *testing.T, db *database.DB) []roster.Process {
	t.Helper()
	processes, err := roster.Alive(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	return processes
}

func join(t *testing.T, db *database.DB, o roster.Options) *roster.Member {
	t.Helper()
	o.Logger = slog.New(slog.DiscardHandler)
	member := roster.Join(t.Context(), db, o)
	t.Cleanup(member.Close)
	return member
}

// A process is on the list from its start to its end; one that was killed is on it until it has been silent for long.
func TestProcessesAreListedWhileTheyLive(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{roster.Migrations()}, func(t *testing.T, db *database.DB) {
		worker := join(t, db, roster.Options{
			Role: "work", Version: "1", Jobs: 2, Doing: func() []string { return []string{"a", "b"} },
		})
		join(t, db, roster.Options{Role: "serve", Version: "2"})
		host, err := os.Hostname()
		if err != nil {
			t.Fatal(err)
		}
		want := []roster.Process{
			{Role: "serve", Host: host, PID: os.Getpid(), Version: "2"},
			{Role: "work", Host: host, PID: os.Getpid(), Version: "1", Jobs: 2, Doing: []string{"a", "b"}},
		}
		timeless := cmp.Options{cmpopts.IgnoreFields(roster.Process{}, "Age", "Silent"), cmpopts.EquateEmpty()}
		if diff := cmp.Diff(want, alive(t, db), timeless); diff != "" {
			t.Errorf("alive (- want, + got):\n%s", diff)
		}
		worker.Close()
		worker.Close()
		if diff := cmp.Diff(want[:1], alive(t, db), timeless); diff != "" {
			t.Errorf("after one has ended (- want, + got):\n%s", diff)
		}
		// It was killed, or the clock was set back.
		for _, seen := range []time.Duration{-40 * time.Second, 40 * time.Second} {
			setSeen(t, db, seen)
			if got := alive(t, db); len(got) > 0 {
				t.Errorf("seen %s from now, still listed: %v", seen, got)
			}
		}
		setSeen(t, db, -20*time.Second)
		if got := alive(t, db); len(got) != 1 || got[0].Silent < 20*time.Second {
			t.Errorf("seen 20 s ago: %v", got)
		}
	})
}

func setSeen(t *testing.T, db *database.DB, ago time.Duration) {
	t.Helper()
	_, err := db.Exec(t.Context(), `UPDATE roster_processes SET seen_at = `+db.Clock()+` + ?`, ago.Microseconds())
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheNextStartForgetsWhoWasKilledADayAgo(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, []database.Migrations{roster.Migrations()}, func(t *testing.T, db *database.DB) {
		join(t, db, roster.Options{Role: "serve"})
		setSeen(t, db, -25*time.Hour)
		join(t, db, roster.Options{Role: "work"})
		var row struct{ N int }
		if err := db.Query(t.Context(), &row, `SELECT COUNT(*) AS n FROM roster_processes`); err != nil || row.N != 1 {
			t.Errorf("%d rows (%v)", row.N, err)
		}
	})
}
