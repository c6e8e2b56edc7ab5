package identity

import (
	"cmp"
	"context"
	"embed"
	"log/slog"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the migrations of the module's tables.
func Migrations() database.Migrations {
	return database.NewMigrations("identity", migrations, canonicalEmails())
}

// Passwords hashes passwords and checks them, in turns: Enter waits for one, and leave ends it. The clients that wait
// take turns; if there are too many, Enter returns the fault to answer with. Check reports whether the password matches
// the hash; with an empty hash it reports false after the usual time. All methods are safe for concurrent use.
type Passwords interface {
	Enter(ctx context.Context, client string) (leave func(), err error)
	Hash(password string) (string, error)
	Check(password, hash string) (bool, error)
}

// Devices proves that a device was used to sign in to an account before, and when. Verify returns an error for any
// other proof.
type Devices interface {
	Issue(accountID string) (proof string, err error)
	Verify(proof string) (accountID, deviceID string, issued time.Time, err error)
}

// Tokens issues access tokens. Issue returns the token and its lifetime, which is TTL; the token names the session, so
// that it ends with that.
type Tokens interface {
	Issue(userID, sessionID string) (token string, ttl time.Duration, err error)
	TTL() time.Duration
}

// Seals marks texts that clients carry back. Open returns what was sealed, or an error for any other text.
type Seals interface {
	Seal(data []byte) string
	Open(sealed string) ([]byte, error)
}

// Limits count what is done by key. Take counts one use of a budget's rate, Hold one of what it bounds at once. Both
// return the fault to answer with if it is one too many. Reset forgets what a key has used of a rate. All methods are
// safe for concurrent use.
type Limits interface {
	Take(ctx context.Context, b limit.Budget, key string) error
	Reset(ctx context.Context, b limit.Budget, key string) error
	Hold(ctx context.Context, b limit.Budget, key string) (*limit.Hold, error)
}

// Vault keeps secrets in the database. Open returns what was closed for the same owner, or an error for any other text.
type Vault interface {
	Close(secret, owner string) string
	Open(closed, owner string) (string, error)
}

// Options are the module's settings. The zero value works.
type Options struct {
	SessionTTL time.Duration // how long a session lives after its last use; 0: DefaultSessionTTL
	// AdminFactor requires a second factor for what admins do.
	AdminFactor bool
}

// Deps are what the module is built from. All but Entries, Belongings, Letters, Links, Audience, Moment and Options are
// required.
type Deps struct {
	DB        *database.DB
	Passwords Passwords
	Tokens    Tokens
	Devices   Devices
	Refreshes Seals // for refresh tokens
	Secrets   Vault
	Limits    Limits
	Logger    *slog.Logger
	Entries   Entries // nil: there are none
	// Belongings are erased with an account; nil: nobody has any.
	Belongings Belongings
	Options    Options
	Letters    Mailer   // nil: nobody gets letters
	Links      Links    // of the letters
	Audience   Audience // nil: nobody sees profiles
	// Moment says a time to people, with its zone; nil: as programs read it.
	Moment func(time.Time) fault.Text
}

// Module is the identity module.
type Module struct {
	store     *store
	passwords Passwords
	tokens    Tokens
	devices   Devices
	limits    Limits
	log       *slog.Logger
	entries   Entries
	standing  standing

	belongings Belongings

	seals      Seals
	sessionTTL time.Duration
	endings    endings

	vault       Vault
	adminFactor bool
	letters     Mailer
	links       Links
	audience    Audience
	proved      proved
}

// New builds the module. Its tables must be migrated before it is used.
func New(d Deps) *Module {
	if d.Letters == nil {
		d.Letters, d.Links = noPost{}, noPost{}
	}
	if d.Belongings == nil {
		d.Belongings = propertyless{}
	}
	if d.Moment == nil {
		d.Moment = inUTC
	}
	return &Module{
		belongings: d.Belongings,
		store:      &store{d.DB, d.Moment}, passwords: d.Passwords, tokens: d.Tokens, devices: d.Devices,
		limits: d.Limits, log: d.Logger, letters: d.Letters, links: d.Links, audience: d.Audience, entries: d.Entries,
		seals: d.Refreshes, sessionTTL: cmp.Or(d.Options.SessionTTL, DefaultSessionTTL),
		endings: endings{known: map[string]ending{}},
		vault:   d.Secrets, adminFactor: d.Options.AdminFactor,
	}
}
