package archive

import (
	"context"
	"embed"
	"log/slog"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/mail"
	"risingstars/platform/queue"
	"risingstars/platform/storage"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the migrations of the module's table.
func Migrations() database.Migrations { return database.NewMigrations("archive", migrations) }

// Record is a part of what is kept about a person, which becomes a JSON file.
type Record struct {
	Name string // of the file, without its ending
	Data any
}

// File is a stored file that belongs to a person.
type File struct {
	Name string // in the zip file
	Key  string // in storage
	Size int64  // in bytes, about
}

// Person is whose copy it is, and what the copy has.
type Person struct {
	Email, FirstName, Language string // for the letter
	Records                    []Record
	Files                      []File
}

// Belongings tell what is kept about people. They report false for somebody who has no account any more. They are safe
// for concurrent use.
type Belongings interface {
	Of(ctx context.Context, userID string) (p Person, found bool, err error)
}

// Letters sends letters. Send keeps one in the transaction of ctx, and Forward hands it on after the commit.
type Letters interface {
	Send(ctx context.Context, l mail.Letter) error
	Forward(ctx context.Context, ids ...string)
}

// Options are the module's settings. The zero value works.
type Options struct {
	// ResendAfter is how long a waiting copy's task may be with the queue before it is sent again; 0 means 1 min. It
	// should be long if the queue does not recognise duplicates.
	ResendAfter time.Duration
	URLExpiry   time.Duration // how long a link to a copy works; 0 means 10 min, and more is less
	Hold        time.Duration // for how long a worker has a copy, unless it renews that; 0 means 1 min
}

// Deps are what the module is built from. All but Options are required.
type Deps struct {
	DB         *database.DB
	Bucket     *storage.Bucket
	Queue      *queue.Queue
	Belongings Belongings
	Letters    Letters
	Logger     *slog.Logger
	Options    Options
}

// Module is the archive module.
type Module struct {
	store      *store
	bucket     *storage.Bucket
	queue      *queue.Queue
	belongings Belongings
	letters    Letters
	log        *slog.Logger
	o          Options
	turn       chan struct{} // held by who makes a copy: the other slots are for clips
}

// New builds the module. Its table must be migrated before it is used.
func New(d Deps) *Module {
	if d.Options.ResendAfter <= 0 {
		d.Options.ResendAfter = time.Minute
	}
	if d.Options.URLExpiry <= 0 {
		d.Options.URLExpiry = linkLife
	}
	if d.Options.Hold <= 0 {
		d.Options.Hold = time.Minute
	}
	d.Options.URLExpiry = min(d.Options.URLExpiry, linkLife)
	return &Module{
		store: &store{d.DB}, bucket: d.Bucket, queue: d.Queue, belongings: d.Belongings, letters: d.Letters,
		log: d.Logger, o: d.Options, turn: make(chan struct{}, 1),
	}
}

// Handlers returns the handlers of the module's tasks, for a worker.
func (m *Module) Handlers() queue.Handlers {
	return queue.Handlers{makeKind: {Run: m.make, Dead: m.giveUp}}
}
