package voting_test

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// titles reads all pages of a size and returns the titles in order.
func titles(t *testing.T, b *bench, filter voting.Filter, order voting.Order, size int) []string {
	t.Helper()
	found := []string{}
	for offset := 0; ; offset += size {
		entries, total, err := b.gallery(t.Context(), filter, order, offset, size)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			found = append(found, e.Title)
		}
		if offset >= total {
			if len(found) != total || len(entries) != 0 {
				t.Fatalf("%d entries of %d, %d of them beyond the end", len(found), total, len(entries))
			}
			return found
		}
	}
}

func TestGalleryOrders(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		votes := []int{1, 3, 0, 3, 1}
		for i, n := range votes {
			b.vote(t, b.publish(t, newID(), string(rune('A'+i)), "Cali"), n)
		}
		for size := 1; size <= len(votes)+1; size++ {
			for order, want := range map[voting.Order][]string{
				voting.Recent:    {"E", "D", "C", "B", "A"},
				voting.MostVoted: {"B", "D", "A", "E", "C"}, // among equals, first published comes first
			} {
				if diff := gocmp.Diff(want, titles(t, b, voting.Filter{}, order, size)); diff != "" {
					t.Errorf("%s in pages of %d (- want, + got):\n%s", order, size, diff)
				}
			}
		}
	})
}

func TestGalleryFilters(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		for _, e := range []voting.Entry{
			{Title: "100% salsa", City: "Cali", Country: "Colombia", PlayerName: "Ana Muñoz"},
			{Title: "100 salsas", City: "Bogotá", Country: "Colombia", PlayerName: "Beto"},
			{Title: "snake_case", City: "Lima", Country: "Perú", PlayerName: "Ñusta"},
			{Title: "snakeXcase", City: "Cali", Country: "Estados Unidos", PlayerName: "Zoë"},
			{Title: `back\slash`, City: "Bogotá", Country: "Colombia", PlayerName: "Ana"},
		} {
			entry := newEntry(newID(), e.Title, e.City)
			entry.Country, entry.PlayerName = e.Country, e.PlayerName
			if err := b.Publish(t.Context(), entry); err != nil {
				t.Fatal(err)
			}
		}
		for _, test := range []struct {
			filter voting.Filter
			want   []string
		}{
			{voting.Filter{Search: "100%"}, []string{"100 salsas", "100% salsa"}}, // signs separate words
			{voting.Filter{Search: "snake_ca"}, []string{"snakeXcase", "snake_case"}},
			{voting.Filter{Search: `back\sl`}, []string{`back\slash`}},
			{voting.Filter{Search: "ｓａｌｓａ\u200b"}, []string{"100 salsas", "100% salsa"}},
			{voting.Filter{Search: "SALSA"}, []string{"100 salsas", "100% salsa"}},
			{voting.Filter{Search: "cali salsa"}, []string{"100% salsa"}},
			{voting.Filter{Search: "  ana   bogota "}, []string{`back\slash`}},
			{voting.Filter{Search: "muñoz"}, []string{"100% salsa"}},
			{voting.Filter{Search: "munoz"}, []string{"100% salsa"}},
			{voting.Filter{Search: "zoe"}, []string{"snakeXcase"}},
			{voting.Filter{Search: "'; DROP TABLE voting_votes; --"}, []string{}},
			{voting.Filter{Search: "ana\x00beto\xff"}, []string{}},
			{voting.Filter{City: "\x00\xff"}, []string{}},
			{voting.Filter{City: "."}, []string{}},
			{voting.Filter{City: "Bogotá.\u200b"}, []string{`back\slash`, "100 salsas"}},
			{voting.Filter{City: "BOGOTA"}, []string{`back\slash`, "100 salsas"}},
			{voting.Filter{City: "bogo"}, []string{}},
			{voting.Filter{City: " cali "}, []string{"snakeXcase", "100% salsa"}},
			{voting.Filter{City: "cali", Country: "COLOMBIA"}, []string{"100% salsa"}},
			{voting.Filter{Country: "peru"}, []string{"snake_case"}},
			{voting.Filter{Country: "estados unidos", Search: "snake"}, []string{"snakeXcase"}},
			{
				voting.Filter{City: " ", Country: "\t", Search: "\n"},
				[]string{`back\slash`, "snakeXcase", "snake_case", "100 salsas", "100% salsa"},
			},
		} {
			if diff := gocmp.Diff(test.want, titles(t, b, test.filter, voting.Recent, 2)); diff != "" {
				t.Errorf("%+v (- want, + got):\n%s", test.filter, diff)
			}
		}
	})
}

func TestAnEntryThatIsPublishedAgainKeepsItsVotes(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		want := newEntry(newID(), "Mi canción", "Bogotá")
		want.Description = "línea\nlínea"
		if err := b.Publish(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		b.vote(t, want.VideoID, 2)
		want.ProcessedKey, want.PosterKey = "processed/new.mp4", "processed/new.jpg" // processed again
		if err := b.Publish(t.Context(), want); err != nil {
			t.Fatal(err)
		}
		want.Votes = 2
		got, err := b.EntryOf(t.Context(), want.VideoID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("the entry (- want, + got):\n%s", diff)
		}
		if _, err := b.db.Exec(t.Context(), `DELETE FROM voting_votes`); err != nil {
			t.Fatal(err)
		}
		if _, err := b.db.Exec(t.Context(), `UPDATE voting_contestants SET votes = 0`); err != nil {
			t.Fatal(err)
		}
		for range 2 { // the second time it is gone already
			if withdrawn, err := b.Withdraw(t.Context(), want.VideoID); err != nil || !withdrawn {
				t.Errorf("withdrawn %v (%v)", withdrawn, err)
			}
		}
		if _, err := b.EntryOf(t.Context(), want.VideoID); code(err) != "not_found" {
			t.Errorf("after the withdrawal: %v", err)
		}
		if err := b.checkCounters(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
