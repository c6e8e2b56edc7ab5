// Package roster knows which processes of a deployment are alive, on all hosts: each writes a row when it starts,
// refreshes it every ten seconds by the database's clock, and deletes it when it ends. The row of a process that was
// killed, or that has lost the database, counts for 30 seconds more.
//
// The rows are for people and their tools: nothing that must hold depends on them, since a process that does not reach
// the database is missing although it runs.
package roster

import (
	"context"
	"embed"
	"fmt"
	"strings"
	"time"

	"risingstars/platform/database"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations returns the migrations of the package's table.
func Migrations() database.Migrations { return database.NewMigrations("roster", files) }

const (
	beatEvery = 10 * time.Second
	// lapse is how long a process counts after it was seen last: two of its beats may be late.
	lapse = 30 * time.Second
	// forgetAfter is when the row of a process that was killed is deleted.
	forgetAfter = 24 * time.Hour
)

// Process is one that runs.
type Process struct {
	Role    string
	Host    string
	PID     int
	Version string
	Jobs    int      // that it runs at once; 0 if it processes nothing
	Doing   []string // what it worked on when it was seen last
	Age     time.Duration
	Silent  time.Duration // since it was seen last
}

// String says which process it is, for people who look for it.
func (p Process) String() string {
	return fmt.Sprintf("%s on %s (process %d, version %s, seen %s ago)",
		p.Role, p.Host, p.PID, p.Version, p.Silent.Round(time.Second))
}

// Alive returns the processes that were seen lately, those that process something last, the oldest of each kind first.
func Alive(ctx context.Context, db *database.DB) ([]Process, error) {
	var rows []struct {
		Role, Host, Version, Doing string
		Pid, Jobs                  int
		Age, Silent                int64
	}
	now := db.Clock()
	// What was seen in the future was seen before the clock was set back.
	err := db.Query(ctx, &rows, `
		SELECT role, host, pid, version, jobs, doing, `+now+` - since AS age, `+now+` - seen_at AS silent
		FROM roster_processes WHERE `+now+` - seen_at BETWEEN ? AND ?
		ORDER BY CASE WHEN jobs > 0 THEN 1 ELSE 0 END, since, id`, -lapse.Microseconds(), lapse.Microseconds())
	if err != nil {
		return nil, fmt.Errorf("list the processes that run: %w", err)
	}
	alive := make([]Process, len(rows))
	for i, r := range rows {
		alive[i] = Process{
			Role: r.Role, Host: r.Host, PID: r.Pid, Version: r.Version, Jobs: r.Jobs, Doing: strings.Fields(r.Doing),
			Age:    max(0, time.Duration(r.Age)*time.Microsecond),
			Silent: max(0, time.Duration(r.Silent)*time.Microsecond),
		}
	}
	return alive, nil
}
