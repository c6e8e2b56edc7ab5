package database

import (
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	gosqlite "modernc.org/sqlite"
)

// SQLite's extended result codes, https://www.sqlite.org/rescode.html.
const (
	sqliteConstraintPrimaryKey = 1555
	sqliteConstraintUnique     = 2067
)

// UniqueViolation returns the name of the unique constraint or primary key that err reports as violated, or "" for any
// other error. On both databases the names are PostgreSQL's defaults: <table>_<column>[_<column>…]_key, and
// <table>_pkey.
func UniqueViolation(err error) string {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == "23505" {
		return pg.ConstraintName
	}
	var lite *gosqlite.Error
	if !errors.As(err, &lite) {
		return ""
	}
	// SQLite reports no name, only the columns and only in the text: "UNIQUE constraint failed: t.a, t.b (2067)".
	_, columns, ok := strings.Cut(lite.Error(), "constraint failed: ")
	if i := strings.LastIndex(columns, ": "); i >= 0 {
		columns = columns[i+2:]
	}
	columns, _, _ = strings.Cut(columns, " (")
	table, _, dotted := strings.Cut(columns, ".")
	if !ok || !dotted {
		return ""
	}
	switch lite.Code() {
	case sqliteConstraintPrimaryKey:
		return table + "_pkey"
	case sqliteConstraintUnique:
		name := table
		for column := range strings.SplitSeq(columns, ", ") {
			name += "_" + strings.TrimPrefix(column, table+".")
		}
		return name + "_key"
	}
	return ""
}
