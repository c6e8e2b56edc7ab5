package webhooks

import (
	"context"
	"embed"
	"log/slog"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/fault"
	"risingstars/platform/queue"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the migrations of the module's tables.
func Migrations() database.Migrations { return database.NewMigrations("webhooks", migrations) }

// sendKind is the kind of the tasks. A task's id is the endpoint's.
const sendKind = "webhooks.send"

// Acts knows who may do what, and keeps the log.
type Acts interface {
	// MayRead and MayManage return the fault to answer with if an account may not at this moment.
	MayRead(ctx context.Context, userID string) error
	MayManage(ctx context.Context, userID string) error
	// Add writes what an account did to a webhook into the log. It joins the transaction in ctx.
	Add(ctx context.Context, userID, act, webhookID, before, after, reason string) error
}

// Vault keeps secrets in the database. Open returns what was closed for the same owner, or an error for any other text.
type Vault interface {
	Close(secret, owner string) string
	Open(closed, owner string) (string, error)
}

// Options are the module's settings. The zero value works.
type Options struct {
	// AllowPrivate lets endpoints have addresses that are not public, and http instead of https: for tests, and for
	// programs in one's own network.
	AllowPrivate bool
	RoleFaults   []*fault.Error // of Acts, for the document of the API
	// Pause is how long an endpoint, or a delivery, waits after its first failure, and each time twice as long; 0: 5 s.
	Pause time.Duration
	// Grace is how long an endpoint is left to the queue before the sweeper sends to it; 0: 10 s.
	Grace time.Duration
}

// Deps are what the module is built from. All are required.
type Deps struct {
	DB      *database.DB
	Queue   *queue.Queue
	Acts    Acts
	Vault   Vault
	Logger  *slog.Logger
	Options Options
}

// Module is the webhooks module. It is safe for concurrent use.
type Module struct {
	store   *store
	queue   *queue.Queue
	acts    Acts
	vault   Vault
	carrier *carrier
	turns   *turns
	log     *slog.Logger
	o       Options
}

// New builds the module. Its tables must be migrated before it is used.
func New(d Deps) *Module {
	if d.Options.Pause <= 0 {
		d.Options.Pause = 5 * time.Second
	}
	if d.Options.Grace <= 0 {
		d.Options.Grace = 10 * time.Second
	}
	return &Module{
		store: &store{d.DB}, queue: d.Queue, acts: d.Acts, vault: d.Vault,
		carrier: newCarrier(d.Options.AllowPrivate), turns: newTurns(), log: d.Logger, o: d.Options,
	}
}

// Handlers returns the handler of the module's tasks, for a worker of a process that sweeps.
func (m *Module) Handlers() queue.Handlers { return queue.Handlers{sendKind: {Run: m.handle}} }
