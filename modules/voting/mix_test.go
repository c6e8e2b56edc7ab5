package voting_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"risingstars/modules/voting"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// mixed returns the ids of the whole order of a seed, by pages of so many.
func (b *bench) mixed(t testing.TB, seed voting.Shuffle, filter voting.Filter, size int) (ids []string) {
	t.Helper()
	for {
		page, err := b.Mixed(t.Context(), seed, filter, voting.Window{Offset: len(ids), Limit: size})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Entries {
			ids = append(ids, e.VideoID)
		}
		if len(ids) >= page.Total || len(page.Entries) == 0 {
			return ids
		}
	}
}

// Each visitor has an order of their own, in which each entry is once, however long the pages are.
func TestEachSeedHasAnOrderOfItsOwn(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b := setup(t, db)
		var all []string
		for i := range 60 {
			all = append(all, b.publish(t, newID(), fmt.Sprint("Song ", i), []string{"Bogotá", "Cali"}[i%2]))
		}
		seen := map[string]bool{}
		for seed := range voting.Shuffle(5) {
			order := b.mixed(t, seed, voting.Filter{}, 7)
			if !slices.Equal(order, b.mixed(t, seed, voting.Filter{}, 60)) {
				t.Errorf("seed %d: pages of 7 and of 60 differ", seed)
			}
			seen[fmt.Sprint(order)] = true
			slices.Sort(order)
			if !slices.Equal(order, slices.Sorted(slices.Values(all))) {
				t.Errorf("seed %d: the order has %d entries of %d", seed, len(order), len(all))
			}
			of := b.mixed(t, seed, voting.Filter{City: "BOGOTA", Country: "colombia"}, 9)
			if len(of) != 30 || len(b.mixed(t, seed, voting.Filter{City: "Lima"}, 9)) != 0 {
				t.Errorf("seed %d: %d entries of Bogotá, want 30", seed, len(of))
			}
		}
		if len(seen) != 5 {
			t.Errorf("five seeds have %d orders", len(seen))
		}
	})
}

// What comes later has its place somewhere in an order, what goes leaves it, and the others stay as they were.
func TestAnOrderStaysWhileEntriesComeAndGo(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...))
	for i := range 40 {
		b.publish(t, newID(), fmt.Sprint("Song ", i), "Cali")
	}
	const seed = 7
	before := b.mixed(t, seed, voting.Filter{}, 10)
	gone := before[3]
	if ok, err := b.Withdraw(t.Context(), gone); err != nil || !ok {
		t.Fatal(ok, err)
	}
	fresh := map[string]bool{}
	for i := range 20 {
		fresh[b.publish(t, newID(), fmt.Sprint("New ", i), "Lima")] = true
	}
	// The same process shows them within a second or so; one that has just been started, at once.
	for deadline := time.Now().Add(20 * time.Second); len(b.mixed(t, seed, voting.Filter{}, 60)) != 59; {
		if time.Now().After(deadline) {
			t.Fatal("what is new does not come")
		}
	}
	after := setup(t, b.db).mixed(t, seed, voting.Filter{}, 10)
	if same := b.mixed(t, seed, voting.Filter{}, 60); len(after) != 59 || !slices.Equal(same, after) {
		t.Errorf("there are %d entries, and %d in another process, want 59", len(same), len(after))
	}
	rest := slices.DeleteFunc(slices.Clone(after), func(id string) bool { return fresh[id] })
	want := slices.DeleteFunc(slices.Clone(before), func(id string) bool { return id == gone })
	if !slices.Equal(rest, want) {
		t.Errorf("the others are in another order:\n%v\n%v", rest, want)
	}
	if last := slices.IndexFunc(after, func(id string) bool { return fresh[id] }); last > 30 {
		t.Errorf("what is new begins at place %d", last)
	}
}

// Whoever watches one after the other sees what they have not seen, and is told where they are.
func TestATurnLeadsToWhatIsUnseen(t *testing.T) {
	t.Parallel()
	b := setup(t, databasetest.Open(t, owners...))
	for i := range 6 {
		b.publish(t, newID(), fmt.Sprint("Song ", i), "Cali")
	}
	const seed = 3
	order := b.mixed(t, seed, voting.Filter{}, 10)
	short := func(i int) voting.Short {
		n, ok := voting.ShortOf(order[i])
		if !ok {
			t.Fatalf("%s has no number", order[i])
		}
		return n
	}
	voter := newID()
	if _, err := b.Vote(t.Context(), order[2], voter); err != nil {
		t.Fatal(err)
	}
	every := []voting.Short{short(0), short(1), short(2), short(3), short(4), short(5)}
	for name, test := range map[string]struct {
		at    string
		voter string
		seen  []voting.Short
		want  voting.Turn
	}{
		"begins":           {"", "", nil, voting.Turn{Total: 6, Unseen: 6, Next: order[0], Following: order[0]}},
		"goes on":          {order[0], "", nil, voting.Turn{1, 6, 6, order[1], order[1]}},
		"skips the seen":   {order[0], "", every[1:3], voting.Turn{1, 6, 4, order[3], order[1]}},
		"skips the voted":  {order[1], voter, nil, voting.Turn{2, 6, 5, order[3], order[2]}},
		"comes back":       {order[5], "", every[:2], voting.Turn{6, 6, 4, order[2], ""}},
		"only itself left": {order[4], "", append(every[:4:4], every[5]), voting.Turn{5, 6, 1, "", order[5]}},
		"all seen":         {order[1], "", every, voting.Turn{2, 6, 0, "", order[2]}},
		"seen what is not": {"", "", []voting.Short{1, 2}, voting.Turn{
			Total: 6, Unseen: 6, Next: order[0], Following: order[0],
		}},
	} {
		turn, err := b.TurnOf(t.Context(), seed, test.at, test.voter, test.seen)
		if err != nil || turn != test.want {
			t.Errorf("%s: %+v, %v, want %+v", name, turn, err, test.want)
		}
	}
}

// A page of an order, and the next entry in it, cost a pass over the ids.
func BenchmarkMixedOrderOf100000(b *testing.B) {
	bench := setup(b, databasetest.Open(b, owners...))
	crowd(b, bench.db, 100_000)
	if _, err := bench.TurnOf(b.Context(), 1, "", "", nil); err != nil {
		b.Fatal(err)
	}
	b.Run("page", func(b *testing.B) {
		for i := range b.N {
			window := voting.Window{Offset: i * 997 % 99_000, Limit: 12}
			seed := voting.Shuffle(i)
			if _, err := bench.Mixed(b.Context(), seed, voting.Filter{}, window); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("turn", func(b *testing.B) {
		seen := make([]voting.Short, 500)
		for i := range b.N {
			if _, err := bench.TurnOf(b.Context(), voting.Shuffle(i), newID(), "", seen); err != nil {
				b.Fatal(err)
			}
		}
	})
}
