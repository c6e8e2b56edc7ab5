package mail_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"risingstars/assets"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/mail"
	"risingstars/platform/mail/mailtest"
	"risingstars/platform/queue"
	"risingstars/platform/queue/dbqueue"
)

const publicURL = "https://show.example"

// office is a post with a real server and queue.
type office struct {
	*testing.T
	db     *database.DB
	server *mailtest.Server
	driver *dbqueue.Driver
	queue  *queue.Queue
	post   *mail.Post
	log    *lines
}

// lines is a log that can be read.
type lines struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all.String()
}

func open(t *testing.T, db *database.DB, change func(*mail.Options)) *office {
	t.Helper()
	o := &office{T: t, db: db, server: mailtest.Start(t, mailtest.Options{}), log: &lines{}}
	log := slog.New(slog.NewTextHandler(o.log, nil))
	o.driver = dbqueue.New(db, dbqueue.Options{Poll: 20 * time.Millisecond})
	o.queue = queue.New(o.driver, queue.Options{Logger: log})
	carrier, err := mail.OpenSMTP(mail.SMTPOptions{URL: "smtp://" + o.server.Addr})
	if err != nil {
		t.Fatal(err)
	}
	options := mail.Options{
		DB: db, Queue: o.queue, Carrier: carrier, Templates: assets.Mail(), PublicURL: publicURL,
		From: "Rising Stars <no-reply@show.example>", Logger: log, Pause: 20 * time.Millisecond,
		Seals: auth.NewSeals(auth.NewKeys(make([]byte, 32), nil), "letters"),
	}
	if change != nil {
		change(&options)
	}
	if o.post, err = mail.New(options); err != nil {
		t.Fatal(err)
	}
	return o
}

func owners() []database.Migrations {
	return []database.Migrations{dbqueue.Migrations(), mail.Migrations()}
}

// work runs a worker until the test ends.
func (o *office) work() {
	o.Helper()
	w := queue.NewWorker(o.driver, o.post.Handlers(), queue.WorkerOptions{
		MaxAttempts: 1, Logger: slog.New(slog.DiscardHandler),
	})
	if err := w.Start(o.Context()); err != nil {
		o.Fatal(err)
	}
	o.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := w.Stop(ctx); err != nil {
			o.Error(err)
		}
	})
}

// sweep runs the sweeper until the test ends.
func (o *office) sweep() {
	o.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.post.Sweep(ctx)
	}()
	o.Cleanup(func() {
		cancel()
		<-done
	})
}

func confirm(id, to string) mail.Letter {
	return mail.Letter{
		ID: id, Template: "confirm", To: to, Language: "es", Values: map[string]string{"Name": "Ana"}, Page: "/confirm",
		Secret: []byte("0123456789abcdef"),
	}
}

func (o *office) send(l mail.Letter) {
	o.Helper()
	if err := o.post.Send(o.Context(), l); err != nil {
		o.Fatal(err)
	}
}

// state waits until the letter has one of the states and returns it, with how often it was tried in vain.
func (o *office) state(id string, wanted ...string) (state string, tries int) {
	o.Helper()
	deadline := time.Now().Add(time.Minute)
	var row struct {
		State string
		Tries int
	}
	for time.Now().Before(deadline) {
		if err := o.db.Query(o.Context(), &row, `SELECT state, tries FROM mail_letters WHERE id = ?`, id); err != nil {
			o.Fatal(err)
		}
		if slices.Contains(wanted, row.State) {
			return row.State, row.Tries
		}
		time.Sleep(5 * time.Millisecond)
	}
	o.Fatalf("letter %s is %s, want %v", id, row.State, wanted)
	return "", 0
}

// A letter reaches its recipient as text and as a page, with the same link, in the language of the account.
func TestALetterArrivesInBothLanguages(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners(), func(t *testing.T, db *database.DB) {
		o := open(t, db, nil)
		o.work()
		o.send(confirm("a", "ana@example.com"))
		english := confirm("b", "ben@example.com")
		english.Language = "en"
		o.send(english)
		spanish := o.server.Await(t, "ana@example.com", 1)
		if spanish.Subject() != "Confirma tu correo" || !strings.Contains(spanish.Text, "Hola, Ana:") ||
			!strings.HasPrefix(spanish.Link(), publicURL+"/confirm?token=") || len(spanish.Token()) != 43 ||
			!strings.Contains(spanish.HTML, `<a href="`+spanish.Link()+`"`) {
			t.Errorf("the letter is\n%s\n%s\n%s", spanish.Subject(), spanish.Text, spanish.HTML)
		}
		if id := spanish.Header.Get("Message-ID"); id != "<a@show.example>" {
			t.Errorf("the Message-ID is %s", id)
		}
		if got := o.server.Await(t, "ben@example.com", 1); got.Subject() != "Confirm your e-mail" ||
			!strings.HasPrefix(got.Link(), publicURL+"/en/confirm?token=") {
			t.Errorf("the letter is\n%s\n%s", got.Subject(), got.Text)
		}
		o.state("a", "sent")
		var left struct{ Recipient, Details string }
		err := db.Query(t.Context(), &left, `SELECT recipient, details FROM mail_letters WHERE id = 'a'`)
		if err != nil {
			t.Fatal(err)
		}
		if left.Recipient != "" || left.Details != "" {
			t.Errorf("of a letter that was sent, %+v is left", left)
		}
	})
}

// Two sends for one act are one letter, also at once.
func TestAnActHasAtMostOneLetter(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners(), func(t *testing.T, db *database.DB) {
		o := open(t, db, nil)
		o.work()
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() { o.send(confirm("once", "ana@example.com")) })
		}
		all.Wait()
		o.state("once", "sent")
		o.send(confirm("once", "ana@example.com"))
		o.send(confirm("last", "ben@example.com"))
		o.server.Await(t, "ben@example.com", 1)
		if n := len(o.server.To("ana@example.com")); n != 1 {
			t.Errorf("the act has %d letters", n)
		}
	})
}

// A letter belongs to its act's transaction: it goes with it, or not at all.
func TestALetterOfAnActThatFailedIsNone(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners(), func(t *testing.T, db *database.DB) {
		o := open(t, db, func(o *mail.Options) { o.Grace = 50 * time.Millisecond })
		undone := errors.New("undone")
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			return errors.Join(o.post.Send(ctx, confirm("no", "ana@example.com")), undone)
		})
		if !errors.Is(err, undone) {
			t.Fatal(err)
		}
		err = db.InTx(t.Context(), func(ctx context.Context) error {
			return o.post.Send(ctx, confirm("yes", "ben@example.com"))
		})
		if err != nil {
			t.Fatal(err)
		}
		// Nobody forwards it, as after a crash; and no worker runs, as if all were busy.
		o.sweep()
		o.server.Await(t, "ben@example.com", 1)
		if n := len(o.server.To("ana@example.com")); n != 0 {
			t.Errorf("the act that was undone has %d letters", n)
		}
	})
}

// What the server does to a letter decides whether it is tried again.
func TestTroubleIsTriedAgainAndARefusalIsNot(t *testing.T) {
	t.Parallel()
	once := func(step string, answer error) func(string, string, int) error {
		return func(at, _ string, nth int) error {
			if at == step && nth == 1 {
				return answer
			}
			return nil
		}
	}
	for name, test := range map[string]struct {
		at       func(step, to string, nth int) error
		state    string
		arrivals int
	}{
		"busy":                     {once("mail", mailtest.Code(421)), "sent", 1},
		"greylisted":               {once("rcpt", mailtest.Code(451)), "sent", 1},
		"mailbox full":             {once("rcpt", mailtest.Code(452)), "sent", 1},
		"sender refused":           {once("mail", mailtest.Code(550)), "sent", 1}, // an operator can put it right
		"dropped at the recipient": {once("rcpt", mailtest.ErrDrop), "sent", 1},
		"dropped at the content":   {once("data", mailtest.ErrDrop), "sent", 1},
		"content refused for now":  {once("data", mailtest.Code(451)), "sent", 1},
		"no such mailbox":          {once("rcpt", mailtest.Code(550)), "failed", 0},
		"relaying denied":          {once("rcpt", mailtest.Policy(550)), "sent", 1}, // as before
		"content refused":          {once("done", mailtest.Code(554)), "sent", 2},   // the sender, perhaps
		"dropped once accepted":    {once("reset", mailtest.ErrDrop), "sent", 1},
		"the answer is lost":       {once("done", mailtest.ErrDrop), "sent", 2}, // seldom two, never none
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := open(t, databasetest.Open(t, owners()...), nil)
			o.server.Answer(test.at)
			o.work()
			o.send(confirm("a", "ana@example.com"))
			o.state("a", test.state)
			letters := o.server.To("ana@example.com")
			if len(letters) != test.arrivals {
				t.Errorf("%d letters have arrived, want %d", len(letters), test.arrivals)
			}
			for _, l := range letters {
				if l.Link() != letters[0].Link() || l.Header.Get("Message-ID") != letters[0].Header.Get("Message-ID") {
					t.Error("the letters differ")
				}
			}
			if log := o.log.String(); strings.Contains(log, "ana@example.com") || strings.Contains(log, "token=") {
				t.Errorf("the log has an address or a link:\n%s", log)
			}
		})
	}
}

// A letter that nobody can send becomes a dead letter, and goes when an operator has it tried again.
func TestALetterDiesAndIsRedriven(t *testing.T) {
	t.Parallel()
	o := open(t, databasetest.Open(t, owners()...), func(o *mail.Options) {
		o.Pause, o.Grace = time.Microsecond, 20*time.Millisecond
	})
	o.server.Answer(func(string, string, int) error { return mailtest.Code(450) })
	o.work()
	o.sweep()
	o.send(confirm("a", "ana@example.com"))
	o.state("a", "dead")
	o.server.Answer(nil)
	deadline := time.Now().Add(time.Minute)
	for found := false; !found; {
		var err error
		if found, err = o.queue.Redrive(t.Context(), "mail.send", "a"); err != nil || time.Now().After(deadline) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Millisecond) // the dead letter is written after the row
	}
	o.server.Await(t, "ana@example.com", 1)
	o.state("a", "sent")
}

// A letter whose link no longer works is not sent.
func TestAPointlessLetterIsNotSent(t *testing.T) {
	t.Parallel()
	o := open(t, databasetest.Open(t, owners()...), nil)
	late := confirm("late", "ana@example.com")
	late.Life = time.Millisecond
	o.send(late)
	time.Sleep(5 * time.Millisecond) // its whole life
	o.work()
	o.state("late", "failed")
	if n := len(o.server.Letters()); n != 0 {
		t.Errorf("%d letters were sent", n)
	}
}

// Nobody adds a header, a recipient or an advertisement to a letter by what they type.
func TestWhatPeopleTypeStaysInItsPlace(t *testing.T) {
	t.Parallel()
	o := open(t, databasetest.Open(t, owners()...), nil)
	o.work()
	for i, name := range []string{
		"Ana\r\nBcc: eve@example.com", "José Ñandú", "<b>Ana</b>", "Gana en casino.example", "{{.Secret}}",
		"=?utf-8?q?x?=\n\nspam",
	} {
		l := confirm(fmt.Sprint("name", i), fmt.Sprintf("p%d@example.com", i))
		l.Values["Name"] = name
		o.send(l)
		got := o.server.Await(t, l.To, 1)
		if len(got.Header["To"]) != 1 || got.Header.Get("Bcc") != "" || strings.Contains(got.HTML, "<b>Ana") ||
			strings.Contains(got.Text, "casino") || strings.Contains(got.Text, "\nspam") {
			t.Errorf("%q:\n%s", name, got.Raw)
		}
		if name == "José Ñandú" && !strings.Contains(got.Text, "Hola, José Ñandú:") {
			t.Errorf("the name is lost:\n%s", got.Text)
		}
	}
	for i, to := range []string{
		"eve@example.com\r\nBcc: all@example.com", "a@b.example, c@d.example", "nobody", "", "Ana <ana@example.com>",
	} {
		l := confirm(fmt.Sprint("to", i), to)
		o.send(l)
		o.state(l.ID, "failed")
	}
	if n := len(o.server.Letters()); n != 6 {
		t.Errorf("%d letters have arrived", n)
	}
	o.send(confirm("idn", "josé@correo-ñ.example"))
	o.state("idn", "sent")
	if n := len(o.server.To("josé@xn--correo--b0a.example")); n != 1 {
		t.Errorf("the letter to a name beyond ASCII went to %+v", o.server.Letters()[6].To)
	}
}
