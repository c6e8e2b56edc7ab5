package media

import (
	"context"
	"embed"
	"log/slog"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/queue"
	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations are the module's tables.
func Migrations() database.Migrations { return database.NewMigrations("media", migrations) }

// Entry is a processed video as it is handed over for publication: complete, so that nobody has to ask back.
type Entry struct {
	VideoID, UserID, PlayerName, City, Country string
	Title, Description                         string
	ProcessedKey, PosterKey                    string
	Duration                                   time.Duration
	UploadedAt                                 time.Time
}

// Gallery is where processed videos are shown and voted on. Its writes join the transaction in ctx, so a video is
// processed and published at once or not at all.
type Gallery interface {
	// Publish shows an entry; each video comes once.
	Publish(ctx context.Context, entry Entry) error
	// Withdraw takes a video out. False: it has votes, and stays.
	Withdraw(ctx context.Context, videoID string) (bool, error)
	// Tallies returns the votes of the published ones among videoIDs.
	Tallies(ctx context.Context, videoIDs []string) (map[string]int, error)
}

// People knows contestants.
type People interface {
	// Profile returns the name and the place that an entry is shown with.
	Profile(ctx context.Context, userID string) (name, city, country string, err error)
}

// Options are the module's settings. The zero value works where nobody uploads: MaxUploadBytes is required for that.
type Options struct {
	MaxUploadBytes  int64
	UploadPrefix    string        // "": uploads
	ProcessedPrefix string        // "": processed
	URLExpiry       time.Duration // 0: 1 h; how long the links to files work, where they expire
	DeleteOriginal  bool          // delete an original once its rendition is published
	MockUploads     bool          // serve upload-mock, for load tests
	Rules           Rules         // for every clip
	// ResendAfter is how long a task may be silent before it is enqueued again; 0: 1 min. A queue that does not
	// recognise a task which it has already wants it long.
	ResendAfter time.Duration
}

func (o Options) withDefaults() Options {
	if o.UploadPrefix == "" {
		o.UploadPrefix = "uploads"
	}
	if o.ProcessedPrefix == "" {
		o.ProcessedPrefix = "processed"
	}
	if o.URLExpiry <= 0 {
		o.URLExpiry = time.Hour
	}
	if o.ResendAfter <= 0 {
		o.ResendAfter = time.Minute
	}
	return o
}

// Deps is what the module is built from. Processor and Scratch are for workers only; the rest is required.
type Deps struct {
	DB        *database.DB
	Bucket    *storage.Bucket
	Queue     *queue.Queue
	Gallery   Gallery
	People    People
	Processor *Processor
	Scratch   *scratch.Area
	Options   Options
	Logger    *slog.Logger
}

// Module is the media module.
type Module struct {
	store     *store
	bucket    *storage.Bucket
	queue     *queue.Queue
	gallery   Gallery
	people    People
	processor *Processor
	scratch   *scratch.Area
	o         Options
	log       *slog.Logger
}

// New builds the module; its tables must be migrated before it is used.
func New(d Deps) *Module {
	return &Module{
		store: &store{d.DB}, bucket: d.Bucket, queue: d.Queue, gallery: d.Gallery, people: d.People,
		processor: d.Processor, scratch: d.Scratch, o: d.Options.withDefaults(), log: d.Logger,
	}
}

// Handlers are the tasks that a worker runs for the module.
func (m *Module) Handlers() queue.Handlers {
	return queue.Handlers{processKind: {Run: m.process, Dead: m.giveUp}}
}
