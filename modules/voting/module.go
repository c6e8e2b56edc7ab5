package voting

import (
	"context"
	"embed"
	"time"

	"risingstars/platform/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the module's tables.
func Migrations() database.Migrations { return database.NewMigrations("voting", migrations) }

// Files tells where a browser reads a stored file for the next ttl: absolute, or relative to the site.
type Files interface {
	URL(ctx context.Context, key string, ttl time.Duration) (string, error)
}

// Options are the rules of the vote.
type Options struct {
	SelfVotes bool          // whether contestants may vote for their own entries
	URLExpiry time.Duration // how long the links to files work, where they expire
}

// Deps is what the module is built from. All of it is required.
type Deps struct {
	DB      *database.DB
	Files   Files
	Options Options
}

// Module is the voting module.
type Module struct {
	store *store
	files Files
	o     Options
}

// New builds the module; its tables must be migrated before it is used.
func New(d Deps) *Module {
	return &Module{store: &store{d.DB}, files: d.Files, o: d.Options}
}
