package voting_test

import (
	"testing"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// One worker at a time conceals an entry, one that has failed holds up no other, and missing files are left alone until
// they are made again.
func TestHiddenEntriesAreConcealedInTurns(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		b, other, ctx := setup(t, db), setup(t, db), t.Context()
		must(t, "")(b.ClaimUnconcealed(ctx))
		e := newEntry(newID(), "Cumbia", "Cali")
		if err := b.Publish(ctx, e); err != nil {
			t.Fatal(err)
		}
		second, missing := b.publish(t, newID(), "Vals", "Cali"), b.publish(t, newID(), "Tango", "Cali")
		if err := b.MarkMissing(ctx, missing, true); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{e.VideoID, second, missing} {
			must(t, true)(b.Hide(ctx, id))
		}
		must(t, e.VideoID)(b.ClaimUnconcealed(ctx)) // and fails
		must(t, second)(other.ClaimUnconcealed(ctx))
		must(t, "")(b.ClaimUnconcealed(ctx))

		e.ProcessedKey = "processed/" + e.VideoID + "-2.mp4"
		if err := b.Publish(ctx, e); err != nil { // made again, under a name that is known
			t.Fatal(err)
		}
		must(t, e.VideoID)(b.ClaimUnconcealed(ctx))
		if err := b.MarkConcealed(ctx, e.VideoID, e.ProcessedKey); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Exec(ctx, `UPDATE voting_hidden_entries SET claimed_until = 0`); err != nil { // a minute later
			t.Fatal(err)
		}
		must(t, second)(b.ClaimUnconcealed(ctx))
		must(t, "")(b.ClaimUnconcealed(ctx))
	})
}
