package database

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pressly/goose/v3"
)

// An export is a text that both databases can import: JSON documents, one in a line.
//
//	{"format":1,"versions":{"voting":15}}               the last migration of each owner
//	{"table":"voting_votes","columns":["video_id",…]}   followed by a line for each row:
//	["0190…",1732710000000000,true,null,{"base64":"…"}]  bytes are in base64
//	{"end":true,"rows":1234567}                          without it, the rest is missing
type exportHead struct {
	Format   int              `json:"format"`
	Versions map[string]int64 `json:"versions"`
}

type exportTable struct {
	Table   string   `json:"table"`
	Columns []string `json:"columns"`
}

type exportEnd struct {
	End  bool  `json:"end"`
	Rows int64 `json:"rows"`
}

type exportBytes struct {
	Base64 []byte `json:"base64"`
}

// exportFormat is the version of the form of exports.
const exportFormat = 1

// ErrMoved means that the database was written to while nobody was expected to. Try again.
var ErrMoved = errors.New("the database has changed while it was read")

// Export writes all rows of the owners' tables as they are at one moment, while others go on writing, and returns how
// many there are. Tables that only one kind of database has are left out, because they serve that one alone; so are
// those that exist for a search. db must have been opened to Look.
func (db *DB) Export(ctx context.Context, out io.Writer, owners ...Migrations) (rows int64, err error) {
	if owners, err = db.migrated(ctx, owners); err != nil {
		return 0, err
	}
	_, logged := os.Stat(db.path + "-wal") // see openSQLite
	tx, err := db.sql.BeginTx(ctx, &sql.TxOptions{Isolation: db.snapshot(), ReadOnly: true})
	if err != nil {
		return 0, fmt.Errorf("begin to read: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // nothing was written
	e := &exporter{db: db, tx: tx, out: bufio.NewWriterSize(out, 1<<16)}
	if err := e.all(ctx, owners); err != nil {
		return 0, err
	}
	if _, now := os.Stat(db.path + "-wal"); db.dialect == SQLite && errors.Is(logged, fs.ErrNotExist) && now == nil {
		return 0, ErrMoved
	}
	return e.rows, nil
}

// migrated returns the owners that have tables. Others are new since the database was migrated.
func (db *DB) migrated(ctx context.Context, owners []Migrations) (known []Migrations, err error) {
	for _, owner := range owners {
		noted, err := db.notesMigrations(ctx, owner)
		if err != nil {
			return nil, err
		}
		if noted {
			known = append(known, owner)
		}
	}
	return known, nil
}

// snapshot is the isolation in which all statements see the same moment. For SQLite that is any.
func (db *DB) snapshot() sql.IsolationLevel {
	if db.dialect == SQLite {
		return sql.LevelDefault
	}
	return sql.LevelRepeatableRead
}

type exporter struct {
	db   *DB
	tx   *sql.Tx
	out  *bufio.Writer
	rows int64
}

func (e *exporter) all(ctx context.Context, owners []Migrations) error {
	head := exportHead{exportFormat, map[string]int64{}}
	for _, owner := range owners {
		var version int64
		err := e.tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(version_id), 0) FROM `+owner.Name+`_goose_version`).
			Scan(&version)
		if err != nil {
			return fmt.Errorf("read the version of %s: %w", owner.Name, err)
		}
		head.Versions[owner.Name] = version
	}
	if err := e.write(head); err != nil {
		return err
	}
	for _, owner := range owners {
		tables, err := e.db.tables(ctx, e.tx, owner)
		if err != nil {
			return err
		}
		for _, table := range tables {
			if err := e.table(ctx, table); err != nil {
				return fmt.Errorf("read %s: %w", table, err)
			}
		}
	}
	if err := e.write(exportEnd{true, e.rows}); err != nil {
		return err
	}
	return e.out.Flush()
}

func (e *exporter) write(value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	_, err = e.out.Write(append(data, '\n'))
	return err
}

func (e *exporter) table(ctx context.Context, table string) error {
	rows, err := e.tx.QueryContext(ctx, `SELECT * FROM `+table) //nolint:gosec // the database's own name for it
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	if err := e.write(exportTable{table, columns}); err != nil {
		return err
	}
	values, into := make([]any, len(columns)), make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for i, value := range values {
			switch value := value.(type) {
			case []byte:
				values[i] = exportBytes{value}
			case time.Time:
				return fmt.Errorf("column %s holds a time, which is not portable", columns[i])
			}
		}
		if err := e.write(values); err != nil {
			return err
		}
		e.rows++
	}
	return rows.Err()
}

// tables lists the tables of an owner that both kinds of database have, in the order in which they were made, so that
// each comes after those to which its rows refer.
func (db *DB) tables(ctx context.Context, tx *sql.Tx, owner Migrations) ([]string, error) {
	query := `SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
		AND starts_with(c.relname, $1) ORDER BY c.oid`
	if db.dialect == SQLite {
		query = `SELECT name FROM sqlite_master
			WHERE type = 'table' AND substr(name, 1, length($1)) = $1 ORDER BY rowid`
	}
	rows, err := tx.QueryContext(ctx, query, owner.Name+"_")
	if err != nil {
		return nil, fmt.Errorf("list the tables of %s: %w", owner.Name, err)
	}
	defer rows.Close()
	var tables []string
	for rows.Next() {
		var table string
		if err := rows.Scan(&table); err != nil {
			return nil, err
		}
		if table != owner.Name+"_goose_version" && !slices.ContainsFunc(owner.Local, func(local string) bool {
			return table == local || strings.HasPrefix(table, local+"_")
		}) {
			tables = append(tables, table)
		}
	}
	return tables, rows.Err()
}

// migrateTo applies the migrations up to those of an export, whose rows fit the tables of then.
func (db *DB) migrateTo(ctx context.Context, owners []Migrations, versions map[string]int64) error {
	unlock, err := db.lockMigrations(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	for _, owner := range owners {
		provider, err := db.provider(owner, nil)
		if errors.Is(err, goose.ErrNoMigrations) {
			continue
		}
		if err == nil && versions[owner.Name] > 0 {
			_, err = provider.UpTo(ctx, versions[owner.Name])
		}
		if err != nil {
			return fmt.Errorf("migrate %s to version %d: %w", owner.Name, versions[owner.Name], err)
		}
	}
	return nil
}
