package mail

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/queue"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations returns the migrations of the package's table.
func Migrations() database.Migrations { return database.NewMigrations("mail", files) }

// kind is that of the tasks.
const kind = "mail.send"

// Carrier takes a message to its recipient, or on its way there. The error is ErrRefused if it is pointless to try
// again. It is safe for concurrent use.
type Carrier interface {
	Carry(ctx context.Context, m Message) error
}

// ErrRefused means that a message was refused for good.
var ErrRefused = errors.New("the letter is refused for good")

// Options are what a Post is built from. All are required but those that name a default.
type Options struct {
	DB        *database.DB
	Queue     *queue.Queue
	Carrier   Carrier
	Folder    *Folder // where letters are, or were before there was a server; nil: nowhere
	Templates fs.FS   // letter.txt, letter.html, es.json, en.json
	PublicURL string  // of the site, to which links lead
	From      string  // an address, maybe with a name
	Seals     Seals
	Logger    *slog.Logger
	// Pause is how long a letter waits after it could not be sent for the first time, and each time twice as long; 0:
	// 5 s.
	Pause time.Duration
	// Grace is how long a letter is left to the queue before the sweeper sends it; 0: 10 s.
	Grace time.Duration
}

// Post sends letters. It is safe for concurrent use.
type Post struct {
	store  store
	queue  *queue.Queue
	writer *writer
	o      Options
	log    *slog.Logger
}

// New reads the templates. The table must be migrated before the Post is used.
func New(o Options) (*Post, error) {
	if o.Pause <= 0 {
		o.Pause = 5 * time.Second
	}
	if o.Grace <= 0 {
		o.Grace = 10 * time.Second
	}
	w, err := newWriter(o.Templates, o.PublicURL, o.Seals)
	if err != nil {
		return nil, err
	}
	return &Post{store: store{o.DB}, queue: o.Queue, writer: w, o: o, log: o.Logger}, nil
}

// Send keeps a letter until it is sent, in the transaction of ctx if that carries one. Then its caller calls Forward
// after the commit; a crash in between delays the letter by a few seconds. Outside of a transaction Send does that
// itself. A letter whose id is known already changes nothing.
func (p *Post) Send(ctx context.Context, l Letter) error {
	if _, err := p.writer.write(l); err != nil { // the caller's mistake, which shall not wait in a table
		return fmt.Errorf("send a letter: %w", err)
	}
	if l.Life <= 0 {
		l.Life = DefaultLife
	}
	if err := p.store.insert(ctx, l, p.o.Grace); err != nil {
		return fmt.Errorf("send a letter: %w", err)
	}
	if !database.InTransaction(ctx) {
		p.Forward(ctx, l.ID)
	}
	return nil
}

// Forward hands letters to the queue. What it cannot hand over is left to the sweeper.
func (p *Post) Forward(ctx context.Context, ids ...string) {
	for _, id := range ids {
		if err := p.queue.Enqueue(ctx, queue.Task{Kind: kind, ID: id}); err != nil {
			p.log.WarnContext(ctx, "a letter is left to the sweeper", "letter", id, "error", err)
		}
	}
}

// Handlers returns the handler of the tasks, for a worker.
func (p *Post) Handlers() queue.Handlers {
	return queue.Handlers{kind: {Run: p.handle, Dead: p.bury}}
}
