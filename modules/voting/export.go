package voting

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Table is what can be exported.
type Table string

// The tables. Those of entries have hidden ones, too, after the others.
const (
	EntryTable   Table = "entries"
	VoteTable    Table = "votes" // per entry
	RankingTable Table = "ranking"
)

// Tables returns all tables.
func Tables() []Table { return []Table{EntryTable, VoteTable, RankingTable} }

// Format is how a table is written.
type Format string

// The formats. CSV is that of RFC 4180, in UTF-8, with the names of fields in the first row. JSON is an object with the
// time (as_of) and the rows.
const (
	CSV  Format = "csv"
	JSON Format = "json"
)

// Formats returns all formats.
func Formats() []Format { return []Format{CSV, JSON} }

// ContentType returns the media type of a format.
func (f Format) ContentType() string {
	if f == CSV {
		return "text/csv; charset=utf-8"
	}
	return "application/json"
}

// exportRow is a row of a table, in the order of the table's fields. Its values are texts, ints, bools or times.
type exportRow []any

// exportPage is how many rows are in memory at a time. It is small because the transaction is idle while they go out on
// a slow line, and PostgreSQL ends one that is idle for too long.
const exportPage = 200

// Export writes a table as it is at one moment, while votes go on. After an error, what was written is cut off.
func (m *Module) Export(ctx context.Context, out io.Writer, table Table, format Format) error {
	fields, read := m.store.exported(table)
	if fields == nil {
		return fmt.Errorf("there is no table %q", table)
	}
	return m.store.db.Snapshot(ctx, func(ctx context.Context) error {
		asOf, err := m.store.db.Now(ctx)
		if err != nil {
			return err
		}
		buffered := bufio.NewWriterSize(out, 32<<10)
		w := newTableWriter(buffered, format)
		if err := w.begin(string(table), fields, asOf); err != nil {
			return err
		}
		if err := read(ctx, w.row); err != nil {
			return err
		}
		if err := w.end(); err != nil {
			return err
		}
		return buffered.Flush()
	})
}

// tableWriter writes rows.
type tableWriter interface {
	begin(name string, fields []string, asOf time.Time) error
	row(r exportRow) error
	end() error
}

func newTableWriter(out io.Writer, format Format) tableWriter {
	if format == CSV {
		w := csv.NewWriter(out)
		w.UseCRLF = true
		return &csvWriter{w: w}
	}
	return &jsonWriter{out: out}
}

type csvWriter struct {
	w     *csv.Writer
	cells []string
}

func (c *csvWriter) begin(_ string, fields []string, _ time.Time) error { return c.w.Write(fields) }

func (c *csvWriter) row(r exportRow) error {
	c.cells = c.cells[:0]
	for _, value := range r {
		c.cells = append(c.cells, cell(value))
	}
	return c.w.Write(c.cells)
}

func (c *csvWriter) end() error {
	c.w.Flush()
	return c.w.Error()
}

// startsFormula finds what a spreadsheet would take for a formula: at the beginning of a cell, and after what some
// programs split at in spite of the quotes, such as the semicolon where the comma is for decimals.
var startsFormula = regexp.MustCompile(`(^|[;,\t\r\n])(\s*)([=+\-@＝＋－＠])`)

// cell returns a value as a spreadsheet shows it and does not compute it: what begins like a formula gets an apostrophe
// before it (OWASP, "CSV Injection"), and so does a text that begins with a tab or a line. No value of another type
// begins like one.
func cell(value any) string {
	switch value := value.(type) {
	case string:
		value = startsFormula.ReplaceAllString(value, "$1$2'$3")
		if first, _ := utf8.DecodeRuneInString(value); strings.ContainsRune("\t\r\n", first) {
			return "'" + value
		}
		return value
	case int:
		return strconv.Itoa(value)
	case bool:
		return strconv.FormatBool(value)
	case time.Time:
		if value.IsZero() {
			return ""
		}
		return value.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(value)
}

// jsonWriter writes an object with as_of and the rows.
type jsonWriter struct {
	out    io.Writer
	fields []string
	rows   int
}

func (j *jsonWriter) begin(name string, fields []string, asOf time.Time) error {
	for _, field := range fields {
		key, err := json.Marshal(field)
		if err != nil {
			return err
		}
		j.fields = append(j.fields, string(key))
	}
	return j.write(fmt.Sprintf("{\"as_of\":%q,%q:[", asOf.UTC().Format(time.RFC3339), name))
}

func (j *jsonWriter) row(r exportRow) error {
	line := []byte("\n{")
	if j.rows > 0 {
		line = []byte(",\n{")
	}
	for i, value := range r {
		if at, ok := value.(time.Time); ok {
			if value = nil; !at.IsZero() {
				value = at.UTC().Format(time.RFC3339)
			}
		}
		encoded, err := json.Marshal(value)
		if err != nil {
			return fmt.Errorf("encode a row: %w", err)
		}
		if i > 0 {
			line = append(line, ',')
		}
		line = append(append(append(line, j.fields[i]...), ':'), encoded...)
	}
	j.rows++
	return j.write(string(append(line, '}')))
}

func (j *jsonWriter) end() error { return j.write("\n]}\n") }

func (j *jsonWriter) write(text string) error {
	_, err := io.WriteString(j.out, text)
	return err
}
