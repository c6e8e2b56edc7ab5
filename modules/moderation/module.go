package moderation

import (
	"context"
	"embed"

	"risingstars/platform/database"
	"risingstars/platform/fault"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the migrations of the module's tables.
func Migrations() database.Migrations { return database.NewMigrations("moderation", migrations) }

// Entry is what the gallery knows of a published video, whether it is hidden or not.
type Entry struct {
	Title, PlayerName, OwnerID string
	Votes                      int
}

// Gallery shows published videos. Hide and Show join the transaction in ctx; they report false if nothing changes. All
// methods return a fault for a video that was never published.
type Gallery interface {
	Hide(ctx context.Context, videoID string) (bool, error)
	Show(ctx context.Context, videoID string) (bool, error)
	// Entry returns a published video that is shown, and another fault for one that is hidden.
	Entry(ctx context.Context, videoID string) (Entry, error)
	// Entries returns those among videoIDs that are published, by id.
	Entries(ctx context.Context, videoIDs []string) (map[string]Entry, error)
}

// Acts knows who may do what, and keeps the log.
type Acts interface {
	// MayRead and MayDecide return the fault to answer with if an account may not at this moment.
	MayRead(ctx context.Context, userID string) error
	MayDecide(ctx context.Context, userID string) error
	// MayReport returns it if an account may not report.
	MayReport(ctx context.Context, userID string) error
	// Add writes what an account did to a video into the log. It joins the transaction in ctx.
	Add(ctx context.Context, userID, act, videoID, before, after, reason string) error
}

// Options name the faults of the ports, for the document of the API.
type Options struct {
	VideoFault  *fault.Error   // of Gallery, for a video that was never published
	HiddenFault *fault.Error   // of Gallery, for a video that is hidden
	RoleFaults  []*fault.Error // of Acts
}

// Deps are what the module is built from. All are required.
type Deps struct {
	DB      *database.DB
	Gallery Gallery
	Acts    Acts
	Options Options
}

// Module is the moderation module.
type Module struct {
	store   *store
	gallery Gallery
	acts    Acts
	o       Options
}

// New builds the module. Its tables must be migrated before it is used.
func New(d Deps) *Module {
	return &Module{store: &store{d.DB}, gallery: d.Gallery, acts: d.Acts, o: d.Options}
}
