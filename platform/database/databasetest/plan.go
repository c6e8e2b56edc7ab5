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

// Planner explains how SQLite executes the statements of the code under test.
type Planner struct {
	*database.DB
	statements *statements
}

// OpenPlanner returns an empty SQLite database whose statements can be explained.
func OpenPlanner(t testing.TB, owners ...database.Migrations) *Planner {
	t.Helper()
	s := &statements{}
	// With this limit every query counts as slow, and slow ones are logged with their text.
	options := database.Options{SlowQuery: time.Nanosecond, Logger: slog.New(s)}
	return &Planner{DB: openSQLite(t, options, owners), statements: s}
}

// Plan runs the function and returns the query plan of each statement that it sent, by statement. It sees every
// statement but those of migrations. A statement must not have a question mark in a literal.
func (p *Planner) Plan(t testing.TB, run func()) map[string]string {
	t.Helper()
	p.statements.drain()
	run()
	plans := map[string]string{}
	for _, statement := range p.statements.drain() {
		var steps []struct{ Detail string }
		// A plan does not depend on the values, so NULLs will do.
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

// statements is a log handler that keeps the texts of the logged statements.
type statements struct {
	mu   sync.Mutex
	sent []string
}

var _ slog.Handler = (*statements)(nil)

// drain returns the statements since the last call.
func (s *statements) drain() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}

// Enabled returns true.
func (s *statements) Enabled(context.Context, slog.Level) bool { return true }

// Handle keeps the statement of a record.
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
