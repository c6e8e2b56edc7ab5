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
	"risingstars/platform/text"
)

func (b *bench) search(t testing.TB, q string) ([]string, error) {
	t.Helper()
	entries, total, err := b.gallery(t.Context(), voting.Filter{Search: q}, voting.Recent, 0, 100)
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
			`"mar"`:                      {"Cumbia mar adentro", "Marimba"}, // signs separate words
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
// No word of these letters is in a player name or a city.
func TestBothDatabasesFindTheSame(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		titles, folded := map[string]string{}, map[string]string{} // by id
		letters := rapid.StringOfN(rapid.RuneFrom([]rune("abcñ %_\"'\\*-")), 1, 12, -1)
		rapid.Check(t, func(r *rapid.T) {
			if title := letters.Draw(r, "title"); rapid.Bool().Draw(r, "publish") {
				entry := newEntry(newID(), title, "Cali")
				if err := b.Publish(t.Context(), entry); err != nil {
					r.Fatal(err)
				}
				titles[entry.VideoID] = title
				folded[entry.VideoID] = text.Fold(title + " " + entry.PlayerName + " Cali")
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
			words := slices.DeleteFunc(strings.Fields(text.Fold(word)), func(w string) bool { return len(w) < 2 })
			got, err := b.search(t, word)
			if len(words) == 0 && errors.Is(err, fault.ErrInvalid) {
				return
			}
			if len(words) == 0 || err != nil {
				r.Fatalf("%q gives %v", word, err)
			}
			want := []string{}
			for id, title := range titles {
				if found(folded[id], words) {
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

// Entries that were published before there was an index are found like later ones, also once it is gone and back.
func TestEntriesOfAnOlderBinaryAreFound(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		owner := owners[0]
		b.publish(t, newID(), "Marimba", "Cali")
		for {
			latest, err := db.Latest(t.Context(), owner)
			if err == nil && latest.File != "0001_voting.sql" {
				err = db.Revert(t.Context(), owner, latest.File)
			} else if err == nil {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		old, gone := newID(), newID()
		for id, title := range map[string]string{old: "Maracas", gone: "Mambo"} {
			_, err := db.Exec(t.Context(), `
				INSERT INTO voting_entries (video_id, user_id, player_name, city, city_folded, country, country_folded,
					title, description, search_text, processed_key, poster_key, duration_ms, uploaded_at, published_at)
				VALUES (?, ?, 'Ana', 'Cali', 'cali', 'Colombia', 'colombia',
					?, '', ?, 'v', 'p', 1, 9000000000000000, 9000000000000000)`,
				id, newID(), title, strings.ToLower(title)+" ana cali")
			if err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Migrate(t.Context(), owner); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Withdraw(t.Context(), gone); err != nil {
			t.Fatal(err)
		}
		_, err := db.Exec(t.Context(), `UPDATE voting_entries SET search_text = 'marabu' WHERE video_id = ?`, old)
		if err != nil {
			t.Fatal(err)
		}
		for q, want := range map[string][]string{
			"ma": {"Maracas", "Marimba"}, "mar": {"Maracas", "Marimba"}, "bu": {}, "abu": {"Maracas"}, "racas": {},
		} {
			got, err := b.search(t, q)
			if diff := gocmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%s: %v (- want, + got):\n%s", q, err, diff)
			}
		}
	})
}

// found reports whether a folded text has all words, those of two letters at the beginning of one of its words.
func found(folded string, words []string) bool {
	for _, word := range words {
		if len(word) == 2 {
			word = " " + word
		}
		if !strings.Contains(" "+folded, word) {
			return false
		}
	}
	return true
}

// A search whose context ends leaves the next ones nothing to wait for.
func TestASearchEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db := databasetest.Open(t, owners...)
	crowd(t, db, 5_000)
	b := setup(t, db)
	ended := 0
	for range 20 { // more than search at once
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		_, _, err := b.gallery(ctx, voting.Filter{Search: "song player city"}, voting.MostVoted, 4_000, 20)
		cancel()
		if errors.Is(err, context.DeadlineExceeded) {
			ended++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if got, err := b.search(t, "song 4999"); ended == 0 || err != nil || len(got) == 0 {
		t.Errorf("%d ended; then %v (%v)", ended, got, err)
	}
}

func TestAPageBeyondTheEndReadsNoList(t *testing.T) {
	t.Parallel()
	planner := databasetest.OpenPlanner(t, owners...)
	b := setup(t, planner.DB)
	b.publish(t, newID(), "Song", "Cali")
	for statement := range planner.Plan(t, func() {
		_, total, err := b.gallery(t.Context(), voting.Filter{}, voting.Recent, 20_000, 20)
		if err != nil || total != 1 {
			t.Errorf("total %d (%v)", total, err)
		}
	}) {
		if !strings.Contains(statement, "voting_places") {
			t.Errorf("a page beyond the end: %s", statement)
		}
	}
}
