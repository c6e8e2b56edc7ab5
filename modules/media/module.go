package media

import (
	"context"
	"embed"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/platform/database"
	"risingstars/platform/disk"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/queue"
	"risingstars/platform/scratch"
	"risingstars/platform/storage"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations returns the migrations of the module's tables.
func Migrations() database.Migrations {
	all := database.NewMigrations("media", migrations)
	all.Derived = []string{"media_rounds"}
	return all
}

// Entry is a processed video with everything that its publication needs.
type Entry struct {
	VideoID, UserID, PlayerName, City, Country string
	Title, Description                         string
	Output
	Duration   time.Duration
	UploadedAt time.Time
}

// Gallery shows processed videos and counts votes for them. Its writes join the transaction in ctx, so that a video is
// processed and published together or not at all.
type Gallery interface {
	// Publish shows an entry. Of one that is shown already it replaces the files: the votes stay.
	Publish(ctx context.Context, entry Entry) error
	// Withdraw removes a video's entry, if there is one. It reports false, and removes nothing, if the entry has votes.
	Withdraw(ctx context.Context, videoID string) (bool, error)
	// MarkMissing says of an entry whether files of it are gone. Publish takes the mark away.
	MarkMissing(ctx context.Context, videoID string, missing bool) error
	// Tallies returns the number of votes of those among videoIDs that are published.
	Tallies(ctx context.Context, videoIDs []string) (map[string]int, error)
}

// Profile is what an entry shows of its contestant.
type Profile struct {
	PlayerName, City, Country string
}

// People knows the contestants.
type People interface {
	// Profile returns the profile of an account. An unknown account is an error.
	Profile(ctx context.Context, userID string) (Profile, error)
	// Present returns a fault if an account is deleted. Otherwise nobody deletes it before the transaction in ctx ends.
	Present(ctx context.Context, userID string) error
}

// Herald tells others what becomes of videos. Its methods join the transaction in ctx.
type Herald interface {
	// Published tells that a video is published for the first time.
	Published(ctx context.Context, e Entry) error
	// Failed tells that a video has failed, with the code of why. try is another one after each retry.
	Failed(ctx context.Context, videoID, ownerID, code string, try int) error
}

// Uploaders knows who may upload.
type Uploaders interface {
	// Verified reports whether an account has proved its e-mail.
	Verified(ctx context.Context, userID string) (bool, error)
}

// Limits count what is done by key.
type Limits interface {
	// Hold counts one use of a budget until it is released.
	Hold(ctx context.Context, b limit.Budget, key string) (*limit.Hold, error)
}

// Options are the module's settings. The zero value works, but accepts no uploads: they require MaxUploadBytes.
type Options struct {
	MaxUploadBytes  int64
	UploadPrefix    string // of the keys of originals; "" means uploads
	ProcessedPrefix string // of the keys of outputs; "" means processed
	FilesPath       string // below which Routes serves files ("/media/"), as the storage's links say; "" = not
	// ReadFaults and PartFaults are those of the storage's own handler, for the document of the API.
	ReadFaults, PartFaults []*fault.Error
	UploadFaults           []*fault.Error // those of Moderation.MayUpload, for the same

	URLExpiry      time.Duration // how long a link to a file works, if the storage's links expire; 0 means 1 h
	DeleteOriginal bool          // delete an original once its rendition is published
	MockUploads    bool          // serve upload-mock, for load tests
	Rules          Rules         // of every clip
	Quotas         Quotas        // of every account
	// ResendAfter is how long a waiting video's task may be with the queue before it is sent again; 0 means 1 min. It
	// should be long if the queue does not recognise duplicates.
	ResendAfter time.Duration
	// KeepFailed is how long the original of a failed video stays, so that its owner can retry; 0: for ever.
	KeepFailed time.Duration
	// LookEvery is how long after a complete look for the files of all published videos the next one begins; 0 means
	// 1 h, and 24 h if storage keeps no local files.
	LookEvery time.Duration
	// Branding is the hash of the branding that workers give to clips.
	Branding string
	// Jobs is how many tasks this process, if it is a worker, handles at once; 0 means 1. Of several, rebrandings leave
	// one to contestants.
	Jobs int
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

// Deps are what the module is built from. Only workers need Processor and Scratch; the rest is required.
type Deps struct {
	DB        *database.DB
	Bucket    *storage.Bucket
	Queue     *queue.Queue
	Gallery   Gallery
	People    People
	Uploaders Uploaders // nil: everybody may upload
	Limits    Limits
	Processor *Processor
	Scratch   *scratch.Area
	Disks     *disk.Disks // nil: as if space were unlimited
	// Files is the storage's own handler of files; nil: it has none. If it returns storage.ErrNotFound, it has written
	// nothing.
	Files      func(http.ResponseWriter, *http.Request) error
	Moderation Moderation // nil: nothing is hidden, and everybody may upload
	Herald     Herald     // nil: nobody is told
	Options    Options
	Logger     *slog.Logger
	// Registerer receives the module's metrics; nil: no metrics.
	Registerer prometheus.Registerer
}

// Module is the media module.
type Module struct {
	store     *store
	arrivals  *arrivals
	direct    *directUploads
	bucket    *storage.Bucket
	queue     *queue.Queue
	gallery   Gallery
	people    People
	uploaders Uploaders
	limits    Limits
	processor *Processor
	scratch   *scratch.Area
	disks     *disk.Disks
	files     func(http.ResponseWriter, *http.Request) error
	o         Options
	log       *slog.Logger
	metrics   *metrics

	moderation Moderation
	herald     Herald

	places     *places
	watchers   *watchers
	streams    *streams
	streamLife time.Duration
	underWay   sync.Map      // of the ids of the videos that this process works on
	rebranding chan struct{} // has an element per rebranding of this process
}

// New builds the module. Its tables must be migrated before it is used. It panics if its metrics are already
// registered.
func New(d Deps) *Module {
	m := &Module{
		store: &store{d.DB}, arrivals: newArrivals(&store{d.DB}),
		bucket: d.Bucket, queue: d.Queue, gallery: d.Gallery, people: d.People, uploaders: d.Uploaders,
		limits: d.Limits, processor: d.Processor, scratch: d.Scratch, disks: d.Disks, files: d.Files,
		o:   d.Options.withDefaults(),
		log: d.Logger, metrics: newMetrics(d.Registerer), streamLife: streamLife, herald: d.Herald,
	}
	if m.moderation = d.Moderation; m.moderation == nil {
		m.moderation = free{}
	}
	m.rebranding = make(chan struct{}, max(1, m.o.Jobs-1))
	m.places, m.watchers = newPlaces(m.store), newWatchers(m)
	m.streams = &streams{open: map[string]*eventStream{}}
	m.direct = &directUploads{m: m, rows: directStore{db: d.DB, videos: m.store}}
	return m
}

// Handlers returns the handlers of the module's tasks, for a worker.
func (m *Module) Handlers() queue.Handlers {
	return queue.Handlers{processKind: {Run: m.process, Dead: m.fail}, rebrandKind: {Run: m.makeAgain}}
}
