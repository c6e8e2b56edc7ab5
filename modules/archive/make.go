package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"risingstars/platform/disk"
	"risingstars/platform/mail"
	"risingstars/platform/queue"
	"risingstars/platform/storage"
)

const (
	noteTime = 10 * time.Second
	// roomPause is how long a copy waits for space.
	roomPause = time.Minute
	// turnPause is how long a copy waits while the process makes another one.
	turnPause = 5 * time.Second
	// mostAttempts are begun of one copy, whatever ends them.
	mostAttempts = 6
)

var errLost = errors.New("somebody else has the copy, or nobody wants it any more")

// hold is a worker's right to make a copy.
type hold struct {
	ID, UserID string
	Attempt    int
}

// make makes the copy of a task.
func (m *Module) make(ctx context.Context, d queue.Delivery) error {
	select {
	case m.turn <- struct{}{}:
		defer func() { <-m.turn }()
	default:
		return queue.Later(turnPause)
	}
	h, err := m.store.take(ctx, d.ID, m.o.Hold)
	if err != nil {
		return err
	}
	if h == nil {
		return m.leaveTo(ctx, d.ID)
	}
	if h.Attempt > mostAttempts {
		return queue.Discard(errors.Join(errors.New("the copy was begun too often"), m.store.fail(ctx, h.ID)))
	}
	letter, err := m.makeHeld(ctx, *h)
	if err == nil {
		if letter != "" {
			m.letters.Forward(context.WithoutCancel(ctx), letter)
		}
		return nil
	}
	note, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteTime)
	defer cancel()
	if errors.Is(err, errLost) {
		return m.store.release(note, *h)
	}
	full, stopping := errors.Is(err, disk.ErrFull), errors.Is(context.Cause(ctx), queue.ErrStopping)
	// Or it is over meanwhile.
	err = errors.Join(err, m.store.giveBack(note, *h, !full && !stopping), m.store.release(note, *h))
	if full {
		m.log.WarnContext(ctx, "a copy waits: no space left", "copy", h.ID, "error", err)
		return queue.Later(roomPause)
	}
	return err
}

// leaveTo ends the task of a copy that is made or over. If somebody else makes it, the task waits: they may vanish.
func (m *Module) leaveTo(ctx context.Context, id string) error {
	pending, err := m.store.pending(ctx, id)
	if err != nil || !pending {
		return err
	}
	return queue.Later(m.renewEvery())
}

// giveUp notes that the queue has given up on a copy.
func (m *Module) giveUp(ctx context.Context, d queue.Delivery, _ string) error {
	return m.store.fail(ctx, d.ID)
}

// makeHeld makes the file, and returns the letter to forward. The error is errLost if somebody else has taken the copy
// meanwhile, or its owner has gone.
func (m *Module) makeHeld(ctx context.Context, h hold) (letter string, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		m.keep(ctx, h, cancel)
	}()
	defer func() {
		if errors.Is(context.Cause(ctx), errLost) {
			err = errLost
		}
		cancel(nil)
		<-kept
	}()
	p, found, err := m.belongings.Of(ctx, h.UserID)
	if err != nil {
		return "", fmt.Errorf("collect what is kept about a person: %w", err)
	}
	if !found {
		return "", errors.Join(errLost, m.store.end(ctx, h.UserID))
	}
	object, err := m.put(ctx, keyOf(h.ID), p)
	if err != nil {
		return "", fmt.Errorf("make a copy: %w", err)
	}
	err = m.store.db.InTx(ctx, func(ctx context.Context) error {
		letter = "" // of a run that was rolled back
		done, err := m.store.finish(ctx, h, object.Size)
		if err == nil && !done {
			err = errLost
		}
		if err != nil {
			return err
		}
		letter = "export-" + h.ID
		return m.letters.Send(ctx, mail.Letter{
			ID: letter, UserID: h.UserID, Template: "export", To: p.Email, Language: p.Language,
			Values: map[string]string{"Name": p.FirstName}, Page: "/me/data",
		})
	})
	return letter, err
}

// renewEvery leaves time to try again.
func (m *Module) renewEvery() time.Duration { return m.o.Hold / 6 }

// keep renews the hold until ctx ends. It ends ctx if the hold is lost.
func (m *Module) keep(ctx context.Context, h hold, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(m.renewEvery())
	defer ticker.Stop()
	renewed := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		switch held, err := m.store.renew(ctx, h, m.o.Hold); {
		case err == nil && held:
			renewed = time.Now()
		case err == nil || time.Since(renewed) > m.o.Hold-m.renewEvery():
			cancel(errLost)
		}
	}
}

// put streams the zip file into storage.
func (m *Module) put(ctx context.Context, key string, p Person) (storage.Object, error) {
	documents, err := documentsOf(p)
	if err != nil {
		return storage.Object{}, err
	}
	ctx, cancel := context.WithCancel(ctx) // the writer waits for storage, too
	defer cancel()
	r, w := io.Pipe()
	written := make(chan struct{})
	go func() {
		defer close(written)
		w.CloseWithError(m.write(ctx, w, documents, p.Files))
	}()
	object, err := m.bucket.Put(ctx, key, r, storage.PutOptions{Announced: sizeOf(documents, p.Files)})
	cancel()
	_ = r.CloseWithError(errors.New("storage has ended")) // so that the writer ends
	<-written
	return object, err
}
