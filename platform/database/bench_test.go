package database_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
)

// BenchmarkInTx measures one small transaction, of one writer and of many at once. It is a measure of the disk below
// TMPDIR as much as of the code.
func BenchmarkInTx(b *testing.B) {
	for _, writers := range []int{1, 64} {
		b.Run(fmt.Sprint(writers), func(b *testing.B) {
			db := databasetest.Open(b, owner)
			for i := range writers {
				if _, err := db.Exec(b.Context(), insertItem, fmt.Sprint(i), "red", i*1_000_000_000); err != nil {
					b.Fatal(err)
				}
			}
			var group sync.WaitGroup
			b.ResetTimer()
			for i := range writers {
				n := b.N / writers
				if i < b.N%writers {
					n++
				}
				group.Go(func() { writeItems(b, db, fmt.Sprint(i), n) })
			}
			group.Wait()
		})
	}
}

func writeItems(b *testing.B, db *database.DB, id string, n int) {
	for range n {
		err := db.InTx(b.Context(), func(ctx context.Context) error {
			var row item
			if err := db.Query(ctx, &row, "SELECT * FROM probe_items WHERE id = ?", id); err != nil {
				return err
			}
			_, err := db.Exec(ctx, "UPDATE probe_items SET size = ? WHERE id = ?", row.Size+1, id)
			return err
		})
		if err != nil {
			b.Error(err)
			return
		}
	}
}
