package database_test

import (
	"path/filepath"
	"sync"
	"testing"

	"risingstars/platform/database"
)

// Each of them creates the folder, the file, its log and its tables, or finds them.
func TestProcessesThatStartAtOnceCreateOneDatabase(t *testing.T) {
	t.Parallel()
	for range 10 {
		path := filepath.Join(t.TempDir(), "new", "data", "test.db")
		var group sync.WaitGroup
		start := make(chan struct{})
		for range 5 {
			group.Go(func() {
				<-start
				db, err := database.Open(t.Context(), database.Options{Path: path})
				if err != nil {
					t.Error(err)
					return
				}
				defer db.Close()
				if err := db.Migrate(t.Context(), addWeight); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		group.Wait()
	}
}
