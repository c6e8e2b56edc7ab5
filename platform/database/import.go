package database

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// ErrNotEmpty means that the database holds rows already.
var ErrNotEmpty = errors.New("the database is not empty")

// ErrNewer means that an export was made by a newer program, whose tables this one does not know.
var ErrNewer = errors.New("it was made by a newer version of the program")

// errCutOff means that the end of an export is missing.
var errCutOff = errors.New("the export is cut off")

// importValues bounds how many values one statement inserts.
const importValues = 2000

// Import reads an export into the tables of its owners, which must have no rows, and returns how many it has read. It
// makes the tables as they were at the time of the export, and then migrates them. If it fails, the tables are empty.
// Owners that the export does not name keep what they have.
func (db *DB) Import(ctx context.Context, in io.Reader, owners ...Migrations) (rows int64, err error) {
	i := &importer{db: db, lines: bufio.NewReaderSize(in, 1<<16), owners: owners}
	head, err := i.head()
	if err != nil {
		return 0, err
	}
	if err := wantKnown(owners, head.Versions); err != nil {
		return 0, err
	}
	if err := db.migrateTo(ctx, owners, head.Versions); err != nil {
		return 0, err
	}
	// Not InTx, which may run its function twice; the text can be read only once.
	if i.tx, err = db.sql.BeginTx(ctx, nil); err != nil {
		return 0, fmt.Errorf("begin to write: %w", err)
	}
	defer func() { _ = i.tx.Rollback() }() // does nothing after the commit
	if err := i.all(ctx); err != nil {
		return 0, err
	}
	if err := i.tx.Commit(); err != nil {
		return 0, fmt.Errorf("write the rows: %w", err)
	}
	return i.rows, db.Migrate(ctx, owners...)
}

// Vacant returns ErrNotEmpty if a table of the owners has a row.
func (db *DB) Vacant(ctx context.Context, owners ...Migrations) error {
	tx, err := db.sql.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin to read: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	_, err = (&importer{db: db, tx: tx, owners: owners}).vacant(ctx)
	return err
}

type importer struct {
	db     *DB
	tx     *sql.Tx
	owners []Migrations
	lines  *bufio.Reader
	rows   int64
}

func (i *importer) line() ([]byte, error) {
	line, err := i.lines.ReadBytes('\n')
	if errors.Is(err, io.EOF) || len(line) < 3 && err == nil {
		return nil, errCutOff
	}
	return line, err
}

func (i *importer) head() (head exportHead, err error) {
	line, err := i.line()
	if err != nil {
		return head, err
	}
	if err := json.Unmarshal(line, &head); err != nil {
		return head, fmt.Errorf("read the export: %w", err)
	}
	switch {
	case head.Format == 0:
		return head, errors.New("this is no export")
	case head.Format != exportFormat:
		return head, fmt.Errorf("%w: its format is %d", ErrNewer, head.Format)
	}
	return head, nil
}

// next reads a line that is no row: the next table, or the end.
func (i *importer) next(line []byte, table *exportTable) (end bool, err error) {
	var found struct {
		exportTable
		exportEnd
	}
	if err := json.Unmarshal(line, &found); err != nil {
		return false, fmt.Errorf("read the export: %w", err)
	}
	if found.End && found.Rows != i.rows {
		return false, fmt.Errorf("the export has %d rows instead of %d", i.rows, found.Rows)
	}
	*table = found.exportTable
	return found.End, nil
}

// pending are rows of one table that have been read and not been inserted.
type pending struct {
	exportTable
	skipped bool            // there is no such table here
	truths  map[string]bool // columns that take nothing but true and false
	values  []any
}

func (i *importer) all(ctx context.Context) error {
	known, err := i.vacant(ctx)
	if err != nil {
		return err
	}
	var derived []string
	for _, owner := range i.owners {
		derived = append(derived, owner.Derived...)
	}
	kept := map[string]*pending{} // rows of derived tables, which are few
	var p *pending
	for {
		line, err := i.line()
		if err != nil {
			return err
		}
		if line[0] != '[' {
			if err := i.flush(ctx, p); err != nil {
				return err
			}
			p = &pending{}
			end, err := i.next(line, &p.exportTable)
			if err != nil {
				return err
			}
			if end {
				return i.derive(ctx, kept)
			}
			if p.skipped = !known[p.Table]; !p.skipped {
				if p.truths, err = i.truths(ctx, p.Table); err != nil {
					return err
				}
			}
			if slices.Contains(derived, p.Table) && !p.skipped {
				kept[p.Table] = p
			}
			continue
		}
		if p == nil {
			return errors.New("the export begins with a row")
		}
		i.rows++
		if p.skipped {
			continue
		}
		if err := p.add(line); err != nil {
			return fmt.Errorf("read a row of %s: %w", p.Table, err)
		}
		if kept[p.Table] == nil && len(p.values) >= importValues {
			if err := i.flush(ctx, p); err != nil {
				return err
			}
		}
	}
}

// truths returns the columns of a table that take nothing but true and false.
func (i *importer) truths(ctx context.Context, table string) (map[string]bool, error) {
	if i.db.dialect == SQLite {
		return nil, nil
	}
	rows, err := i.tx.QueryContext(ctx, `SELECT attname FROM pg_attribute
		WHERE attrelid = $1::regclass AND atttypid = 'bool'::regtype AND attnum > 0`, table)
	if err != nil {
		return nil, fmt.Errorf("look at %s: %w", table, err)
	}
	defer rows.Close()
	truths := map[string]bool{}
	for rows.Next() {
		var column string
		if err := rows.Scan(&column); err != nil {
			return nil, err
		}
		truths[column] = true
	}
	return truths, rows.Err()
}

// derive gives derived tables the rows that they had, in place of those that have come by themselves.
func (i *importer) derive(ctx context.Context, kept map[string]*pending) error {
	for table, p := range kept {
		if _, err := i.tx.ExecContext(ctx, `DELETE FROM `+table); err != nil { //nolint:gosec // a table of ours
			return fmt.Errorf("replace %s: %w", table, err)
		}
		all := p.values
		for step := len(p.Columns) * max(1, importValues/len(p.Columns)); len(all) > 0; {
			n := min(step, len(all))
			p.values, all = all[:n], all[n:]
			if err := i.insert(ctx, p); err != nil {
				return err
			}
		}
	}
	return nil
}

// vacant returns the owners' tables, which must have no rows, except for those that are derived.
func (i *importer) vacant(ctx context.Context) (known map[string]bool, err error) {
	known = map[string]bool{}
	for _, owner := range i.owners {
		tables, err := i.db.tables(ctx, i.tx, owner)
		if err != nil {
			return nil, err
		}
		for _, table := range tables {
			if known[table] = true; slices.Contains(owner.Derived, table) {
				continue
			}
			if err := i.wantEmpty(ctx, table); err != nil {
				return nil, err
			}
		}
	}
	return known, nil
}

func (i *importer) wantEmpty(ctx context.Context, table string) error {
	var some int
	err := i.tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM `+table+` LIMIT 1) AS found`).Scan(&some)
	if err != nil {
		return fmt.Errorf("look into %s: %w", table, err)
	}
	if some > 0 {
		return fmt.Errorf("%w: %s has rows", ErrNotEmpty, table)
	}
	return nil
}

// add decodes a row.
func (p *pending) add(line []byte) error {
	var row []json.RawMessage
	if err := json.Unmarshal(line, &row); err != nil {
		return err
	}
	if len(row) != len(p.Columns) {
		return fmt.Errorf("it has %d values for %d columns", len(row), len(p.Columns))
	}
	for n, raw := range row {
		value, err := decodeValue(raw)
		if err != nil {
			return err
		}
		if number, ok := value.(int64); ok && p.truths[p.Columns[n]] { // SQLite has numbers in their place
			value = number != 0
		}
		p.values = append(p.values, value)
	}
	return nil
}

func decodeValue(raw json.RawMessage) (any, error) {
	switch raw[0] {
	case '{':
		var b exportBytes
		err := json.Unmarshal(raw, &b)
		if b.Base64 == nil {
			b.Base64 = []byte{}
		}
		return b.Base64, err
	case '"', 't', 'f', 'n':
		var value any
		err := json.Unmarshal(raw, &value)
		return value, err
	}
	if !bytes.ContainsAny(raw, ".eE") {
		return strconv.ParseInt(string(raw), 10, 64)
	}
	return strconv.ParseFloat(string(raw), 64)
}

// flush inserts the rows that wait, unless they are kept for the end.
func (i *importer) flush(ctx context.Context, p *pending) error {
	if p == nil || p.skipped || len(p.values) == 0 || slices.ContainsFunc(i.owners, func(owner Migrations) bool {
		return slices.Contains(owner.Derived, p.Table)
	}) {
		return nil
	}
	return i.insert(ctx, p)
}

func (i *importer) insert(ctx context.Context, p *pending) error {
	var statement strings.Builder
	fmt.Fprintf(&statement, `INSERT INTO %s (%s) VALUES `, p.Table, strings.Join(p.Columns, ", "))
	for n := range p.values {
		switch {
		case n == 0:
			statement.WriteByte('(')
		case n%len(p.Columns) == 0:
			statement.WriteString("), (")
		default:
			statement.WriteByte(',')
		}
		statement.WriteByte('$')
		statement.WriteString(strconv.Itoa(n + 1))
	}
	statement.WriteByte(')')
	if _, err := i.tx.ExecContext(ctx, statement.String(), p.values...); err != nil {
		return fmt.Errorf("write rows of %s: %w", p.Table, err)
	}
	p.values = p.values[:0]
	return nil
}
