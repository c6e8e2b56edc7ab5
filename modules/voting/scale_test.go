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

// No first page may read or sort the whole table, neither on a database without statistics nor on an analyzed one.
func TestFirstPagesUseAnIndex(t *testing.T) {
	t.Parallel()
	planner := databasetest.OpenPlanner(t, owners...)
	crowd(t, planner.DB, 3_000) // enough to be worth an index; more only costs time under the race detector
	b := setup(t, planner.DB)
	firstPages(t, planner, b)
	if _, err := planner.Exec(t.Context(), "ANALYZE"); err != nil {
		t.Fatal(err)
	}
	firstPages(t, planner, b)
}

func firstPages(t *testing.T, planner *databasetest.Planner, b *bench) {
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
		for _, order := range []voting.Order{voting.Recent, voting.MostVoted} {
			check("gallery by "+string(order)+", "+name, func() {
				if page, _, err := b.Gallery(t.Context(), filter, order, 0, 20); err != nil || len(page) != 20 {
					t.Errorf("%d entries (%v)", len(page), err)
				}
			})
		}
		check("ranking, "+name, func() {
			if page, err := b.Rankings(t.Context(), filter, 0, 20); err != nil || len(page.Ranks) != 20 {
				t.Errorf("%d ranks (%v)", len(page.Ranks), err)
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
// the scan. A count has to read all rows that it counts; it does so in an index, which is much smaller than the table.
func readsTooMuch(statement, plan string) bool {
	for line := range strings.Lines(plan) {
		scan := strings.HasPrefix(line, "SCAN")
		if strings.Contains(line, "TEMP B-TREE") || scan && !strings.Contains(line, " INDEX ") ||
			scan && !strings.Contains(statement, "LIMIT") && !strings.Contains(line, "COVERING INDEX") {
			return true
		}
	}
	return false
}
