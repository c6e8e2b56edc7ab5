package database

import (
	"context"
	"fmt"
)

// Fill brings rows up to date where SQL cannot, such as columns that Go code computes. It has no version: its rows say
// whether they are behind. So it continues where it was interrupted, and it also finds what an old binary writes after
// the migration. Both functions are called only when all SQL files of the owner are applied.
type Fill struct {
	Name string
	// Behind counts the rows that are not up to date.
	Behind func(ctx context.Context, db *DB) (int, error)
	// Run brings all rows up to date, in batches with a transaction each. It costs little when no row is behind, and
	// any number of processes may run it at the same time, while others write.
	Run func(ctx context.Context, db *DB) error
}

// FillStatus is a fill and the number of rows that are not up to date.
type FillStatus struct {
	Owner  string
	Name   string
	Behind int
}

// Fill runs the fills of the owners. Migrate does so as well; a service calls it now and then until no old process is
// left that writes rows in the old form.
func (db *DB) Fill(ctx context.Context, owners ...Migrations) error {
	for _, owner := range owners {
		for _, fill := range owner.Fills {
			if err := fill.Run(alone(ctx), db); err != nil {
				return fmt.Errorf("fill %s of %s: %w", fill.Name, owner.Name, err)
			}
		}
	}
	return nil
}

// FillStatus lists the fills of the owners, whose SQL files must be applied.
func (db *DB) FillStatus(ctx context.Context, owners ...Migrations) ([]FillStatus, error) {
	var all []FillStatus
	for _, owner := range owners {
		for _, fill := range owner.Fills {
			behind, err := fill.Behind(ctx, db)
			if err != nil {
				return nil, fmt.Errorf("count what is behind in %s of %s: %w", fill.Name, owner.Name, err)
			}
			all = append(all, FillStatus{Owner: owner.Name, Name: fill.Name, Behind: behind})
		}
	}
	return all, nil
}
