package voting

import (
	"cmp"
	"context"
	"embed"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/database"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the migrations of the module's tables.
func Migrations() database.Migrations {
	all := database.NewMigrations("voting", migrations, foldedTexts())
	all.Derived, all.Local = []string{"voting_tallies", "voting_places"}, []string{"voting_search"}
	return all
}

// Files gives browsers access to stored files. URL returns where a file can be read for the next ttl, absolute or
// relative to the site. It is safe for concurrent use.
type Files interface {
	URL(ctx context.Context, key string, ttl time.Duration) (string, error)
}

// Options are the rules of the vote and the bounds of searches.
type Options struct {
	SelfVotes bool          // whether contestants may vote for their own entries
	URLExpiry time.Duration // how long links to files work where links expire
	// VoteFaults are those of Deps.MayVote, for the document of the API.
	VoteFaults   []*fault.Error
	ExportFaults []*fault.Error // those of Deps.MayExport, for the same
	Searches     int            // how many searches run at the same time, and the others wait; 0: 4
}

// Limits bound what is done at once by key. Hold counts one until it is released, and returns the fault to answer with
// if it is one too many. It is safe for concurrent use.
type Limits interface {
	Hold(ctx context.Context, b limit.Budget, key string) (*limit.Hold, error)
}

// Seals marks texts that clients carry back. Open returns what was sealed, or an error for any other text.
type Seals interface {
	Seal(data []byte) string
	Open(sealed string) ([]byte, error)
}

// Voters knows who may vote.
type Voters interface {
	// Verified reports whether an account has proved its e-mail. It is called for each vote.
	Verified(ctx context.Context, userID string) (bool, error)
}

// Herald tells others what happens to entries. Its methods join the transaction in ctx.
type Herald interface {
	// Hidden tells that an entry is shown no longer: a moderator hides it, or its owner is absent.
	Hidden(ctx context.Context, videoID, ownerID string, moderated bool) error
	// Shown tells that an entry is shown for the first time, because its owner was absent when it was published.
	Shown(ctx context.Context, e Entry) error
	// Reached tells that an entry has got a round number of votes. It may be told again, after votes were taken back.
	Reached(ctx context.Context, videoID, ownerID string, votes int) error
}

// Deps are what the module is built from. All but MayVote, MayExport, Voters, Herald and
// Registerer are required.
type Deps struct {
	DB      *database.DB
	Limits  Limits
	Files   Files
	Cursors Seals
	Voters  Voters // nil: everybody may vote
	Herald  Herald // nil: nobody is told
	Options Options
	// MayVote returns the fault to answer with if an account may not vote; nil: everybody may. Every vote asks, so it
	// must cost no query.
	MayVote func(ctx context.Context, userID string) error
	// MayExport returns the fault to answer with if an account may not export results; nil: everybody may.
	MayExport func(ctx context.Context, userID string) error
	// Registerer receives the module's metrics; nil: no metrics.
	Registerer prometheus.Registerer
}

// Module is the voting module.
type Module struct {
	store   *store
	roll    *rolls
	lanes   *lanes
	limits  Limits
	files   Files
	seals   Seals
	voters  Voters
	herald  Herald
	o       Options
	metrics *metrics
	mayVote func(ctx context.Context, userID string) error

	mayExport func(ctx context.Context, userID string) error
}

// New builds the module. Its tables must be migrated before it is used. It panics if its metrics are already
// registered.
func New(d Deps) *Module {
	m := &Module{
		store:  newStore(d.DB, cmp.Or(d.Options.Searches, 4)),
		limits: d.Limits, files: d.Files, seals: d.Cursors, voters: d.Voters, herald: d.Herald, o: d.Options,
		metrics: newMetrics(d.Registerer), mayVote: d.MayVote, mayExport: d.MayExport,
	}
	everybody := func(context.Context, string) error { return nil }
	if m.mayVote == nil {
		m.mayVote = everybody
	}
	if m.mayExport == nil {
		m.mayExport = everybody
	}
	m.roll = newRolls(m.store)
	m.lanes = &lanes{castAll: m.joint(), open: map[string]*lane{}, metrics: m.metrics}
	return m
}
