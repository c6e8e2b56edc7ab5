package database

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// Migrations are the SQL files of one owner, in goose's format, at the root of FS. The applied versions are kept in the
// table <Name>_goose_version, so owners advance independently.
type Migrations struct {
	Name string
	FS   fs.FS
}

// MigrationStatus is one migration file and whether it has been applied.
type MigrationStatus struct {
	Owner   string
	File    string
	Applied bool
}

// Migrate applies everything that is pending, owner by owner, each file in a transaction of its own.
func (db *DB) Migrate(ctx context.Context, owners ...Migrations) error {
	for _, owner := range owners {
		provider, err := db.provider(owner)
		if err != nil {
			return err
		}
		if _, err := provider.Up(ctx); err != nil {
			return fmt.Errorf("migrate %s: %w", owner.Name, err)
		}
	}
	return nil
}

// MigrationStatus lists every migration of the owners in the order in which they apply.
func (db *DB) MigrationStatus(ctx context.Context, owners ...Migrations) ([]MigrationStatus, error) {
	var all []MigrationStatus
	for _, owner := range owners {
		provider, err := db.provider(owner)
		if err != nil {
			return nil, err
		}
		files, err := provider.Status(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the migrations of %s: %w", owner.Name, err)
		}
		for _, file := range files {
			all = append(all, MigrationStatus{
				Owner: owner.Name, File: file.Source.Path, Applied: file.State == goose.StateApplied,
			})
		}
	}
	return all, nil
}

func (db *DB) provider(owner Migrations) (*goose.Provider, error) {
	provider, err := goose.NewProvider(goose.Dialect(db.dialect), db.sql, owner.FS,
		goose.WithTableName(owner.Name+"_goose_version"),
		goose.WithDisableGlobalRegistry(true),
	)
	if err != nil {
		return nil, fmt.Errorf("read the migrations of %s: %w", owner.Name, err)
	}
	return provider, nil
}
