package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"risingstars/modules/voting"
)

// latest is how long a page may take that nobody has prepared (p99).
const latest = 20 * time.Millisecond

// printPages measures the lists as the database answers them, one reader at a time: first pages, numbered ones, and
// those that follow a mark, which is how a list is read to its end.
func (b *bench) printPages(ctx context.Context) error {
	fmt.Printf("\n| page, read from PostgreSQL | median | p99 | wanted | verdict |\n|---|---|---|---|---|\n")
	const asked = 300
	for _, list := range b.lists() {
		var took []time.Duration
		for i := range asked + asked/10 {
			began := time.Now()
			if err := list.read(ctx); err != nil {
				return fmt.Errorf("%s: %w", list.name, err)
			}
			if i >= asked/10 { // the first ones warm up
				took = append(took, time.Since(began))
			}
		}
		slices.Sort(took)
		verdict := "met"
		if took[asked*99/100] > latest {
			verdict = "MISSED"
		}
		fmt.Printf("| %s | %.1f ms | %.1f ms | < %d ms | %s |\n", list.name, took[asked/2].Seconds()*1000,
			took[asked*99/100].Seconds()*1000, latest.Milliseconds(), verdict)
	}
	return nil
}

// pageList is a list of which any page can be read.
type pageList struct {
	name string
	read func(ctx context.Context) error
}

func (b *bench) lists() []pageList {
	const size, numbered = 20, 100
	city := voting.Filter{City: "Cali"}
	windows := []struct {
		name string
		next func() voting.Window
	}{
		{"first page", func() voting.Window { return voting.Window{Limit: size} }},
		{fmt.Sprintf("a page up to the %dth", numbered), func() voting.Window {
			page := rand.IntN(numbered) //nolint:gosec // which one does not matter
			return voting.Window{Limit: size, Offset: size * page}
		}},
		{"after any mark", func() voting.Window { return voting.Window{Limit: size, After: anyMark()} }},
	}
	var lists []pageList
	for _, w := range windows {
		for name, filter := range map[string]voting.Filter{"": {}, " of a city": city} {
			gallery := func(order voting.Order) func(context.Context) error {
				return func(ctx context.Context) error {
					_, err := b.postgres.voting.Gallery(ctx, filter, order, w.next())
					return err
				}
			}
			lists = append(lists,
				pageList{"ranking" + name + ", " + w.name, func(ctx context.Context) error {
					_, err := b.postgres.voting.Rankings(ctx, filter, w.next())
					return err
				}},
				pageList{"gallery" + name + ", " + w.name, gallery(voting.Recent)},
				pageList{"gallery by votes" + name + ", " + w.name, gallery(voting.MostVoted)})
		}
	}
	slices.SortStableFunc(lists, func(x, y pageList) int { return len(x.name) - len(y.name) })
	return lists
}

// anyMark is somewhere in a list: most entries have few votes, and all are of the last month.
func anyMark() *voting.Mark {
	votes := int(rand.ExpFloat64() * 20)                                          //nolint:gosec // as above
	at := time.Now().Add(-time.Duration(rand.Int64N(int64(30 * 24 * time.Hour)))) //nolint:gosec // as above
	return &voting.Mark{Votes: votes, At: at.UnixMicro(), ID: newID(), Position: 1000}
}
