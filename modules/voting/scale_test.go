package voting_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// cities is the number of cities that the crowd comes from.
const cities = 50

// crowd fills the tables with n contestants and one entry each, in two statements. Votes, times and ids are in
// different orders, so each order needs its own index.
func crowd(t testing.TB, db *database.DB, n int) {
	t.Helper()
	numbers := fmt.Sprintf(`
		WITH RECURSIVE numbers (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM numbers WHERE i < %d)`, n)
	columns := fmt.Sprintf(`
		printf('00000000-0000-7000-8000-%%012d', i * 7919 %% 1000003), 'Player ' || i,
		'City ' || (i %% %d), 'city ' || (i %% %d), 'Colombia', 'colombia'`, cities, cities)
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		_, err := db.Exec(ctx, numbers+`
			INSERT INTO voting_contestants
				(user_id, username, city, city_folded, country, country_folded, entries, votes, joined_at, reached_at)
			SELECT `+columns+`, 1, i * 31 % 1009, i, i * 17 % 100003 FROM numbers`)
		if err != nil {
			return err
		}
		_, err = db.Exec(ctx, numbers+`
			INSERT INTO voting_entries
				(user_id, player_name, city, city_folded, country, country_folded, video_id, title, description,
				search_text, processed_key, poster_key, duration_ms, votes, uploaded_at, published_at)
			SELECT `+columns+`, printf('00000000-0000-7000-9000-%012d', i * 7919 % 1000003), 'Song ' || i, '',
				'song ' || i || ' player ' || i || ' city ' || (i % 50), 'v', 'p',
				35000, i * 31 % 1009, i, i * 17 % 100003
			FROM numbers`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// No first page, and none after a mark, may read or sort the whole table, neither on a database without statistics nor
// on an analyzed one.
func TestPagesUseAnIndex(t *testing.T) {
	t.Parallel()
	planner := databasetest.OpenPlanner(t, owners...)
	crowd(t, planner.DB, 3_000) // enough to be worth an index; more only costs time under the race detector
	b := setup(t, planner.DB)
	checkPages(t, planner, b)
	if _, err := planner.Exec(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	checkPages(t, planner, b)
}

func checkPages(t *testing.T, planner *databasetest.Planner, b *bench) {
	t.Helper()
	check := func(name string, ask func()) {
		for statement, plan := range planner.Plan(t, ask) {
			if readsTooMuch(statement, plan) {
				t.Errorf("%s:\n%s\n%s", name, statement, plan)
			}
		}
	}
	for name, filter := range map[string]voting.Filter{
		"all": {}, "city": {City: "City 7"}, "country": {Country: "Colombia"},
		"city and country": {City: "City 7", Country: "Colombia"},
	} {
		first := voting.Window{Limit: 20}
		for _, order := range []voting.Order{voting.Recent, voting.MostVoted, voting.Oldest, voting.LeastVoted} {
			check("gallery by "+string(order)+", "+name, func() {
				window := first
				for range 2 {
					page, err := b.Gallery(t.Context(), filter, order, window)
					if err != nil || len(page.Entries) != 20 || page.Next == nil {
						t.Fatalf("%d entries (%v)", len(page.Entries), err)
					}
					window.After = page.Next
				}
			})
		}
		check("ranking, "+name, func() {
			window := first
			for range 2 {
				page, err := b.Rankings(t.Context(), filter, window)
				if err != nil || len(page.Ranks) != 20 || page.Next == nil {
					t.Fatalf("%d ranks (%v)", len(page.Ranks), err)
				}
				window.After = page.Next
			}
		})
	}
	check("vote", func() { voteAndUnvote(t, b) })
}

func voteAndUnvote(t *testing.T, b *bench) {
	t.Helper()
	id, voter := b.publish(t, newID(), "Song", "Cali"), newID()
	for _, do := range []func(context.Context, string, string) (int, error){b.Vote, b.Unvote} {
		if _, err := do(t.Context(), id, voter); err != nil {
			t.Error(err)
		}
	}
}

// readsTooMuch reports whether a plan reads or sorts more rows than it returns. A page may scan an index, as LIMIT ends
// the scan.
func readsTooMuch(statement, plan string) bool {
	for line := range strings.Lines(plan) {
		scan := strings.HasPrefix(line, "SCAN") && !strings.HasPrefix(line, "SCAN json_each ") // that is a parameter
		if strings.Contains(line, "TEMP B-TREE") ||
			scan && (!strings.Contains(line, " INDEX ") || !strings.Contains(statement, "LIMIT")) {
			return true
		}
	}
	return false
}
