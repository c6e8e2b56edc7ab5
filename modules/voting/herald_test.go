package voting_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"risingstars/modules/voting"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/limit"
)

// crier notes what it is told. It writes into the database, to show that it joins the transaction.
type crier struct {
	db *database.DB

	mu  sync.Mutex
	err error
}

func (c *crier) Hidden(ctx context.Context, videoID, ownerID string, moderated bool) error {
	return c.note(ctx, fmt.Sprintf("%s of %s hidden %v", videoID, ownerID, moderated))
}

func (c *crier) Shown(ctx context.Context, e voting.Entry) error {
	return c.note(ctx, e.VideoID+" of "+e.UserID+" shown as "+e.Title)
}

func (c *crier) Reached(ctx context.Context, videoID, ownerID string, votes int) error {
	return c.note(ctx, fmt.Sprintf("%s of %s has %d", videoID, ownerID, votes))
}

func (c *crier) note(ctx context.Context, what string) error {
	if _, err := c.db.Exec(ctx, `INSERT INTO told (what) VALUES (?)`, what); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

func (c *crier) refuse(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// told returns what was told and not undone, sorted.
func (c *crier) told(t *testing.T) (all []string) {
	t.Helper()
	var rows []struct{ What string }
	if err := c.db.Query(t.Context(), &rows, `SELECT what FROM told`); err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		all = append(all, row.What)
	}
	slices.Sort(all)
	return all
}

func withCrier(t *testing.T, db *database.DB) (*bench, *crier) {
	t.Helper()
	if _, err := db.Exec(t.Context(), `CREATE TABLE told (what TEXT NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	c := &crier{db: db}
	m := voting.New(voting.Deps{
		DB: db, Limits: limit.New(limit.Options{}), Options: voting.Options{SelfVotes: true}, Herald: c,
		Cursors: auth.NewSeals(auth.NewKeys(make([]byte, 32), nil), "cursors"),
	})
	return &bench{Module: m, db: db}, c
}

// Round numbers of votes are told in the transaction of the votes, however many arrive at once.
func TestRoundNumbersOfVotesAreTold(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, c := withCrier(t, db)
		ana, ben := newID(), newID()
		one, other := b.publish(t, ana, "One", "Cali"), b.publish(t, ben, "Other", "Cali")
		b.vote(t, one, 9)
		if told := c.told(t); len(told) != 0 {
			t.Fatalf("told %v", told)
		}
		c.refuse(errors.New("no"))
		if _, err := b.Vote(t.Context(), one, newID()); err == nil {
			t.Error("a vote counts although it cannot be told of")
		}
		if known, err := b.Tallies(t.Context(), []string{one}); err != nil || known[one] != 9 {
			t.Errorf("it has %v votes, %v", known, err)
		}
		c.refuse(nil)
		voter := newID()
		if _, err := b.Vote(t.Context(), one, voter); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Unvote(t.Context(), one, voter); err != nil {
			t.Fatal(err)
		}
		var wait sync.WaitGroup
		for i := range 120 {
			wait.Go(func() {
				video := one
				if i%2 == 0 {
					video = other
				}
				if _, err := b.Vote(t.Context(), video, newID()); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		want := []string{ // one has 9 + 60, other 60; ten was reached twice
			one + " of " + ana + " has 10", one + " of " + ana + " has 10", one + " of " + ana + " has 50",
			other + " of " + ben + " has 10", other + " of " + ben + " has 50",
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, c.told(t)); diff != "" {
			t.Error(diff)
		}
	})
}

// An entry that is shown no longer is told of once, whoever is the cause, and one that comes back is not.
func TestHiddenEntriesAreTold(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, c := withCrier(t, db)
		ctx, owner := t.Context(), newID()
		one, other := b.publish(t, owner, "One", "Cali"), b.publish(t, owner, "Other", "Cali")
		must(t, true)(b.Hide(ctx, one))
		must(t, false)(b.Hide(ctx, one))
		must(t, 1)(b.HideOwner(ctx, owner))
		must(t, 0)(b.HideOwner(ctx, owner))
		must(t, true)(b.Hide(ctx, other)) // which is hidden already
		must(t, true)(b.Show(ctx, other))
		must(t, true)(b.Show(ctx, one))
		must(t, 2)(b.ShowOwner(ctx, owner))
		leaver := newID()
		left := b.publish(t, leaver, "Left", "Cali")
		for range 2 {
			if err := b.Leave(ctx, leaver); err != nil {
				t.Fatal(err)
			}
		}
		want := []string{
			one + " of " + owner + " hidden true", other + " of " + owner + " hidden false",
			left + " of " + leaver + " hidden false",
		}
		slices.Sort(want)
		if diff := cmp.Diff(want, c.told(t)); diff != "" {
			t.Error(diff)
		}
		c.refuse(errors.New("no"))
		if _, err := b.Hide(ctx, one); err == nil {
			t.Error("an entry is hidden although it cannot be told of")
		}
		if hidden, err := b.HiddenAmong(ctx, []string{one}); err != nil || hidden[one] {
			t.Errorf("it is hidden: %v, %v", hidden, err)
		}
	})
}

// An entry that was published while its owner was absent is told of when it is shown for the first time, and never
// again.
func TestEntriesOfTheAbsentAreToldWhenTheyAreShown(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, c := withCrier(t, db)
		ctx, owner := t.Context(), newID()
		must(t, 0)(b.HideOwner(ctx, owner))
		one, other := b.publish(t, owner, "One", "Cali"), b.publish(t, owner, "Other", "Cali")
		must(t, true)(b.Hide(ctx, other))
		if told := c.told(t); len(told) != 0 {
			t.Fatalf("told %v", told)
		}
		c.refuse(errors.New("no"))
		if _, err := b.ShowOwner(ctx, owner); err == nil {
			t.Error("an entry is shown although it cannot be told of")
		}
		c.refuse(nil)
		must(t, 1)(b.ShowOwner(ctx, owner))
		first := c.told(t)
		if len(first) != 1 || !strings.HasPrefix(first[0], one+" of "+owner+" shown as ") {
			t.Errorf("told %v, want %s", first, one)
		}
		must(t, true)(b.Show(ctx, other))
		if told := c.told(t); len(told) != 2 {
			t.Errorf("told %v, want %s also", told, other)
		}
		must(t, 2)(b.HideOwner(ctx, owner))
		must(t, 2)(b.ShowOwner(ctx, owner))
		if told := c.told(t); len(told) != 4 { // that they were hidden
			t.Errorf("told %v", told)
		}
	})
}
