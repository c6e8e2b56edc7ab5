package identity

import (
	"context"
	"embed"
	"log/slog"
	"time"

	"risingstars/platform/database"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the module's tables.
func Migrations() database.Migrations { return database.NewMigrations("identity", migrations) }

// Passwords hashes and checks. Both are safe for concurrent use and end early with ctx. Check with an empty hash takes as
// long as any other and says false.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	Check(ctx context.Context, password, hash string) (bool, error)
}

// Tokens issues an access token for a user and tells its lifetime.
type Tokens interface {
	Issue(userID string) (token string, ttl time.Duration, err error)
}

// Limiter counts an attempt under a key; its error is the fault to answer with.
type Limiter interface {
	Allow(ctx context.Context, key string) error
}

// Limits slow down whoever signs up or guesses passwords in bulk.
type Limits struct {
	SignupByClient Limiter
	LoginByClient  Limiter
	LoginByAccount Limiter
}

// Deps is what the module is built from. All of it is required.
type Deps struct {
	DB        *database.DB
	Passwords Passwords
	Tokens    Tokens
	Limits    Limits
	Logger    *slog.Logger
}

// Module is the identity module.
type Module struct {
	store     *store
	passwords Passwords
	tokens    Tokens
	limits    Limits
	log       *slog.Logger
}

// New builds the module; its tables must be migrated before it is used.
func New(d Deps) *Module {
	return &Module{store: &store{d.DB}, passwords: d.Passwords, tokens: d.Tokens, limits: d.Limits, log: d.Logger}
}
