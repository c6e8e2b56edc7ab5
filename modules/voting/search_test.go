package voting_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/fault"
)

func (b *bench) search(t testing.TB, q string) ([]string, error) {
	t.Helper()
	entries, total, err := b.Gallery(t.Context(), voting.Filter{Search: q}, voting.Recent, 0, 100)
	found := []string{}
	for _, e := range entries {
		found = append(found, e.Title)
	}
	if err == nil && total != len(found) {
		t.Errorf("%q finds %d and counts %d", q, len(found), total)
	}
	return found, err
}

func TestASearchFindsLongWordsAnywhereAndShortOnesWhereWordsBegin(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		for _, title := range []string{"Marimba", "El amor", "Cumbia mar adentro"} {
			b.publish(t, newID(), title, "Cali")
		}
		for q, want := range map[string][]string{
			"mar":                        {"Cumbia mar adentro", "Marimba"},
			"rim":                        {"Marimba"},
			"ma":                         {"Cumbia mar adentro", "Marimba"},
			"el":                         {"El amor"},
			"or":                         {},
			"y mar":                      {"Cumbia mar adentro", "Marimba"}, // one letter alone says too little
			"mar mar MAR mar mar mar ma": {"Cumbia mar adentro", "Marimba"}, // two words
			"cumbia marimba":             {},
			`"mar"`:                      {},
		} {
			got, err := b.search(t, q)
			if diff := gocmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (- want, + got):\n%s", q, err, diff)
			}
		}
		for _, q := range []string{"y", "a e i", "uno dos tres cuatro cinco seis", strings.Repeat("x ", 100)} {
			_, err := b.search(t, q)
			f := fault.From(err)
			if !errors.Is(err, fault.ErrInvalid) || len(f.Fields) != 1 || f.Fields[0].Location != "query.q" {
				t.Errorf("%q gives %v", q, err)
			}
		}
	})
}

// Both databases find what a plain search of each text finds, whatever was published and withdrawn before.
func TestBothDatabasesFindTheSame(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		titles := map[string]string{} // by id
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("abcñ %_\"'\\*-")), 1, 12, -1)
		rapid.Check(t, func(r *rapid.T) {
			if title := letters.Draw(r, "title"); rapid.Bool().Draw(r, "publish") {
				titles[b.publish(t, newID(), title, "Cali")] = title
			}
			if len(titles) > 0 && rapid.IntRange(0, 3).Draw(r, "withdraw") == 0 {
				for id := range titles {
					if _, err := b.Withdraw(t.Context(), id); err != nil {
						r.Fatal(err)
					}
					delete(titles, id)
					break
				}
			}
			word := rapid.StringOfN(rapid.RuneFrom([]rune("abc%_\"'\\*-")), 2, 4, -1).Draw(r, "word")
			got, err := b.search(t, word)
			if err != nil {
				r.Fatal(err)
			}
			want := []string{}
			for _, title := range titles {
				if found(title, word) {
					want = append(want, title)
				}
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := gocmp.Diff(want, got); diff != "" {
				r.Fatalf("%q (- want, + got):\n%s", word, diff)
			}
		})
	})
}

// found looks through a title that is in lower case.
func found(title, word string) bool {
	title = " " + strings.Join(strings.Fields(strings.ReplaceAll(title, "ñ", "n")), " ")
	if len(word) == 2 {
		word = " " + word
	}
	return strings.Contains(title, word)
}

// A search of many entries ends with its context, in SQLite as well: the next ones need not wait for it.
func TestASearchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owners...)
	crowd(t, db, 5_000)
	b := setup(t, db)
	for range 20 { // more than search at once
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, _, err := b.Gallery(ctx, voting.Filter{Search: "song player city"}, voting.MostVoted, 4_000, 20)
		cancel()
		if err != nil && ctx.Err() == nil {
			t.Fatal(err)
		}
	}
	if got, err := b.search(t, "song 4999"); err != nil || len(got) == 0 {
		t.Errorf("%v (%v)", got, err)
	}
}

// A page beyond the end of a list that was read within the last second is answered without the database.
func TestAPageBeyondTheEndAsksTheDatabaseNothing(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owners...)
	b := setup(t, db)
	b.publish(t, newID(), "Song", "Cali")
	if _, total, err := b.Gallery(t.Context(), voting.Filter{}, voting.Recent, 0, 20); err != nil || total != 1 {
		t.Fatalf("%d (%v)", total, err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel() // whoever asks the database fails
	if _, total, err := b.Gallery(cancelled, voting.Filter{}, voting.Recent, 20_000, 20); err != nil || total != 1 {
		t.Errorf("a page beyond the end: total %d (%v)", total, err)
	}
}
