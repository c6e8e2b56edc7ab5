package databasetest

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/platform/database"
)

// Planner tells how SQLite would carry out what the code under test asks.
type Planner struct {
	*database.DB
	statements *statements
}

// OpenPlanner returns an empty SQLite database whose statements can be explained.
func OpenPlanner(t testing.TB, owners ...database.Migrations) *Planner {
	t.Helper()
	s := &statements{}
	// Every query is slow that takes longer than a nanosecond, and slow ones are reported with their text.
	options := database.Options{SlowQuery: time.Nanosecond, Logger: slog.New(s)}
	return &Planner{DB: openSQLite(t, options, owners), statements: s}
}

// Plan runs ask and explains the statements that it sent: the plan's lines, by statement. Only what went through gorm
// outside of migrations is seen; statements with a literal question mark are not understood.
func (p *Planner) Plan(t testing.TB, ask func()) map[string]string {
	t.Helper()
	p.statements.take()
	ask()
	plans := map[string]string{}
	for _, statement := range p.statements.take() {
		var steps []struct{ Detail string }
		// The planner knows no values, so any will do.
		values := make([]any, strings.Count(statement, "?"))
		if err := p.Query(t.Context(), &steps, "EXPLAIN QUERY PLAN "+statement, values...); err != nil {
			t.Fatalf("explain %s: %v", statement, err)
		}
		for _, step := range steps {
			plans[statement] += step.Detail + "\n"
		}
	}
	if len(plans) == 0 {
		t.Fatal("no statement was sent")
	}
	return plans
}

// statements is the log of a database, of which it keeps the texts.
type statements struct {
	mu   sync.Mutex
	sent []string
}

var _ slog.Handler = (*statements)(nil)

func (s *statements) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// Enabled says yes.
func (s *statements) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps the statement of a report.
func (s *statements) Handle(_ context.Context, record slog.Record) error {
	record.Attrs(func(a slog.Attr) bool {
		if a.Key == "sql" {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.sent = append(s.sent, a.Value.String())
		}
		return true
	})
	return nil
}

// WithAttrs changes nothing.
func (s *statements) WithAttrs([]slog.Attr) slog.Handler { return s }

// WithGroup changes nothing.
func (s *statements) WithGroup(string) slog.Handler { return s }
