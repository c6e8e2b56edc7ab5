package voting

import (
	"encoding/json"
	"fmt"
	"strings"

	"risingstars/platform/database"
)

// A statement for any number of rows has one text, so that each connection prepares it once: the rows come as one
// parameter or a few.

// column is one of the columns of a table that comes as parameters.
type column struct {
	name, kind string // kind is text or bigint
	values     []string
}

// table returns what stands after FROM for a table with these columns, which are equally long, and its parameters.
// PostgreSQL gets an array for each column, SQLite a JSON array of rows.
func (s *store) table(alias string, columns ...column) (sql string, params []any) {
	var names, parts []string
	if s.db.Dialect() == database.PostgreSQL {
		for _, c := range columns {
			names, parts = append(names, c.name), append(parts, "?::"+c.kind+"[]")
			params = append(params, textArray(c.values))
		}
		return fmt.Sprintf(`unnest(%s) AS %s (%s)`, strings.Join(parts, ", "), alias, strings.Join(names, ", ")), params
	}
	rows := make([][]string, len(columns[0].values))
	for i, c := range columns {
		for n, value := range c.values {
			rows[n] = append(rows[n], value)
		}
		parts = append(parts, fmt.Sprintf(`CAST(value ->> %d AS %s) AS %s`, i, c.kind, c.name))
	}
	data, _ := json.Marshal(rows) // texts always can be
	return fmt.Sprintf(`(SELECT %s FROM json_each(?)) AS %s`, strings.Join(parts, ", "), alias), []any{string(data)}
}

// among returns the condition that an expression is one of some texts, and its parameter.
func (s *store) among(texts []string) (sql string, param any) {
	if s.db.Dialect() == database.PostgreSQL {
		return `= ANY(?::text[])`, textArray(texts)
	}
	data, _ := json.Marshal(texts)
	return `IN (SELECT value FROM json_each(?))`, string(data)
}

// textArray returns an array of texts as PostgreSQL reads it.
func textArray(texts []string) string {
	var b strings.Builder
	for i, text := range texts {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('"')
		b.WriteString(arrayEscaper.Replace(text))
		b.WriteByte('"')
	}
	return "{" + b.String() + "}"
}

var arrayEscaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)
