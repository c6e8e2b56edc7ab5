package identity

import (
	"context"
	"embed"
	"log/slog"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/limit"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the migrations of the module's tables.
func Migrations() database.Migrations { return database.NewMigrations("identity", migrations) }

// Passwords hashes passwords and checks them. Both methods are safe for concurrent use and return early when ctx ends.
// Check reports whether the password matches the hash; with an empty hash it reports false after the usual time.
type Passwords interface {
	Hash(ctx context.Context, password string) (string, error)
	Check(ctx context.Context, password, hash string) (bool, error)
}

// Tokens issues access tokens. Issue returns the token and its lifetime.
type Tokens interface {
	Issue(userID string) (token string, ttl time.Duration, err error)
}

// Limits count what is done by key. Take counts one use of a budget's rate, and returns the fault to answer with if it
// is one too many. It is safe for concurrent use.
type Limits interface {
	Take(ctx context.Context, b limit.Budget, key string) error
}

// Deps are what the module is built from. All are required.
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

// New builds the module. Its tables must be migrated before it is used.
func New(d Deps) *Module {
	return &Module{store: &store{d.DB}, passwords: d.Passwords, tokens: d.Tokens, limits: d.Limits, log: d.Logger}
}
