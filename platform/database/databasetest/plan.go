package databasetest

import (
	"strings"
	"sync"
	"testing"

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
	options := watched(s.add)
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

// statements keeps the texts of statements.
type statements struct {
	mu   sync.Mutex
	sent []string
}

func (s *statements) add(statement string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = append(s.sent, statement)
}

// drain returns the statements since the last call.
func (s *statements) drain() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	sent := s.sent
	s.sent = nil
	return sent
}
