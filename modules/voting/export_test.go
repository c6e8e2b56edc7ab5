package voting_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// export returns a table as CSV: the names of its fields, and the rows as they are by name.
func (b *bench) export(t testing.TB, table voting.Table) (rows []map[string]string) {
	t.Helper()
	var out bytes.Buffer
	if err := b.Export(t.Context(), &out, table, voting.CSV); err != nil {
		t.Fatal(err)
	}
	if strings.Count(out.String(), "\r\n") < strings.Count(out.String(), "\n") {
		t.Errorf("not all lines end as RFC 4180 wants it:\n%q", out.String())
	}
	all, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range all[1:] {
		named := map[string]string{}
		for i, field := range all[0] {
			named[field] = row[i]
		}
		rows = append(rows, named)
	}
	return rows
}

// exportJSON returns the rows of a table as JSON.
func (b *bench) exportJSON(t testing.TB, table voting.Table) []map[string]any {
	t.Helper()
	var out bytes.Buffer
	if err := b.Export(t.Context(), &out, table, voting.JSON); err != nil {
		t.Fatal(err)
	}
	var all map[string]json.RawMessage
	var asOf time.Time
	var rows []map[string]any
	err := errors.Join(json.Unmarshal(out.Bytes(), &all), json.Unmarshal(all["as_of"], &asOf),
		json.Unmarshal(all[string(table)], &rows))
	if err != nil || len(all) != 2 || time.Since(asOf) > time.Minute {
		t.Fatalf("%s: %v", out.String(), err)
	}
	return rows
}

// The tables have every entry, hidden ones last, with its votes, and the contestants in the order of the ranking.
func TestResultsAreExported(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		for _, table := range voting.Tables() {
			if rows := b.exportJSON(t, table); rows == nil || len(rows) != 0 {
				t.Errorf("an empty %s is %v", table, rows)
			}
		}
		ana, ben := newID(), newID()
		hidden, shown := b.publish(t, ana, "Hidden", "Cali"), b.publish(t, ben, "Cumbia \"negra\",\nviva", "Bogotá")
		second := b.publish(t, ana, "Second", "Cali")
		b.vote(t, hidden, 3)
		b.vote(t, shown, 2)
		b.vote(t, second, 1)
		must(t, true)(b.Hide(t.Context(), hidden))
		entries, votes := b.export(t, voting.EntryTable), b.export(t, voting.VoteTable)
		ranking := b.export(t, voting.RankingTable)
		if len(entries) != 3 || len(votes) != 3 || len(ranking) != 2 {
			t.Fatalf("%v\n%v\n%v", entries, votes, ranking)
		}
		for i, want := range []struct {
			id, votes string
			hidden    bool
		}{{shown, "2", false}, {second, "1", false}, {hidden, "3", true}} {
			for _, row := range []map[string]string{entries[i], votes[i]} {
				if row["video_id"] != want.id || row["votes"] != want.votes ||
					row["hidden"] != strconv.FormatBool(want.hidden) {
					t.Errorf("row %d is %v", i, row)
				}
			}
			if _, err := time.Parse(time.RFC3339, votes[i]["last_vote_at"]); err != nil {
				t.Error(err)
			}
		}
		if e := entries[0]; e["title"] != "Cumbia \"negra\",\nviva" || e["city"] != "Bogotá" ||
			e["duration_seconds"] != "35" || e["country"] != "Colombia" || e["country_code"] != "CO" {
			t.Errorf("%q", e)
		}
		r, err := b.rankings(t.Context(), voting.Filter{}, 0, 10)
		if err != nil {
			t.Fatal(err)
		}
		for i, rank := range r.Ranks {
			row := ranking[i]
			if row["position"] != strconv.Itoa(rank.Position) || row["user_id"] != rank.UserID ||
				row["votes"] != strconv.Itoa(rank.Votes) || row["country_code"] != "CO" {
				t.Errorf("place %d is %v, and the ranking has %+v", i, row, rank)
			}
		}
		rows := b.exportJSON(t, voting.VoteTable)
		if len(rows) != 3 || rows[2]["video_id"] != hidden || rows[2]["votes"] != 3.0 ||
			fmt.Sprint(rows[2]["hidden"]) != "true" {
			t.Errorf("%v", rows)
		}
	})
}

// A spreadsheet shows what people have typed, and computes none of it. Programs read it as it is from JSON.
func TestNoCellBeginsLikeAFormula(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...))
	cells := [][2]string{
		{`=HYPERLINK("https://evil.example";"Win")`, `'=HYPERLINK("https://evil.example";"Win")`},
		{"+1", "'+1"},
		{"-1+1", "'-1+1"},
		{"@SUM(A1)", "'@SUM(A1)"},
		{"＝1", "'＝1"},
		{"＋1", "'＋1"},
		{"－1", "'－1"},
		{"＠x", "'＠x"},
		{"=", "'="},
		{"==1", "'==1"},
		{" =1", " '=1"},
		{"\t=1", "'\t'=1"},
		{"\r=1", "''=1"},
		{"\n=1", "'\n'=1"},
		{"\tx", "'\tx"},
		// Some programs split at other separators, or at the lines of a cell.
		{"a;=1+1", "a;'=1+1"},
		{"x\n=1+1", "x\n'=1+1"},
		{"x\n\n=1", "x\n\n'=1"},
		{"a\t@x", "a\t'@x"},
		{"a;;+1", "a;;'+1"},
		{"a, -1", "a, '-1"},
		{"=1;=1", "'=1;'=1"},
		{`a";=1`, `a";'=1`},
		// What looks like none stays.
		{"'=1", "'=1"},
		{"A=1", "A=1"},
		{"Ñandú", "Ñandú"},
		{"", ""},
		{`"=1"`, `"=1"`},
		{"🎤", "🎤"},
		{"1-2", "1-2"},
		{"Uno, dos; tres", "Uno, dos; tres"},
		{"a - b", "a - b"},
		{"a@b.c", "a@b.c"},
	}
	titles := make([]string, len(cells))
	for i, c := range cells {
		titles[i] = c[0]
	}
	for _, title := range titles {
		b.publish(t, newID(), title, "Cali")
	}
	rows, plain := b.export(t, voting.EntryTable), b.exportJSON(t, voting.EntryTable)
	if len(rows) != len(titles) || len(plain) != len(titles) {
		t.Fatalf("%d and %d rows of %d", len(rows), len(plain), len(titles))
	}
	for i, title := range titles {
		if cell := rows[i]["title"]; cell != cells[i][1] {
			t.Errorf("%q is written as %q", title, cell)
		}
		if plain[i]["title"] != title {
			t.Errorf("%q is %q in JSON", title, plain[i]["title"])
		}
	}
}

// An export is of one moment: what is published while it is read is not in it.
func TestAnExportIsOfOneMoment(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		const n = 600 // more than are read at a time
		entries := make([]voting.Entry, n)
		for i := range entries {
			entries[i] = newEntry(newID(), "Before", "Cali")
		}
		for _, e := range entries {
			if err := b.Publish(t.Context(), e); err != nil {
				t.Fatal(err)
			}
		}
		meanwhile := func() {
			b.vote(t, entries[n-1].VideoID, 1)
			b.publish(t, newID(), "Meanwhile", "Cali")
			must(t, true)(b.Hide(t.Context(), entries[n-2].VideoID))
		}
		out := &interrupted{do: meanwhile}
		if err := b.Export(t.Context(), out, voting.VoteTable, voting.CSV); err != nil {
			t.Fatal(err)
		}
		rows, err := csv.NewReader(&out.Buffer).ReadAll()
		if err != nil || len(rows) != n+1 || out.do != nil {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
		for _, row := range rows[1:] {
			if row[4] != "0" || row[7] != "false" || row[3] != "Before" {
				t.Fatalf("the export has %v", row)
			}
		}
		broken := errors.New("the client is gone")
		if err := b.Export(t.Context(), writerFunc(func([]byte) (int, error) { return 0, broken }), voting.VoteTable,
			voting.JSON); !errors.Is(err, broken) {
			t.Errorf("%v", err)
		}
	})
}

// interrupted does something else before its first byte is written.
type interrupted struct {
	bytes.Buffer
	do func()
}

func (i *interrupted) Write(p []byte) (int, error) {
	if do := i.do; do != nil {
		i.do = nil
		do()
	}
	return i.Buffer.Write(p)
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }
