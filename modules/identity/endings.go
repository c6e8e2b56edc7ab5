package identity

import (
	"context"
	"sync"
	"time"

	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/limit"
)

const (
	// endingsEvery is how often a process asks what has ended.
	endingsEvery = 2 * time.Second
	// endingsAge is how old its knowledge may become before it looks up each session. Together with the time that a
	// look may take, it is less than the 10 s within which an ending holds everywhere.
	endingsAge = 7 * time.Second
	// endingsOverlap is by how much two readings overlap, because transactions do not end in the order of their clocks.
	endingsOverlap = 2 * time.Minute
	// overflowPause is how long a process that cannot know all endings waits before it reads them again.
	overflowPause = time.Minute
	endingsTime   = 2 * time.Second // how long a look may take
	// mostEndings are known at once, about 20 MB; beyond that, each session is looked up.
	mostEndings = 100_000
	// endingMargin is how much longer than an access token an ending is kept: for clocks that differ.
	endingMargin = time.Hour
)

// endings is what a process knows of sessions that have ended while their access tokens are valid. All of them are in
// memory, so that a request asks the database for nothing; what is new is read every endingsEvery. Process clocks do
// not matter: ages are measured by the monotonic one, and times compared by the database's.
type endings struct {
	reading  sync.Mutex // held by who reads, so that no older reading replaces a later one
	mu       sync.RWMutex
	known    map[string]ending // by the id of a session or an account
	read     time.Time         // when the last complete reading began; zero: never
	clock    int64             // the database's at that time
	overflow bool              // some are not known
	flooded  time.Time         // when that was found last
}

type ending struct {
	at    int64     // by the database's clock
	since time.Time // when this process learnt of it
}

func (e *endings) add(rows []endingRow, now time.Time) {
	for _, row := range rows {
		if old, ok := e.known[row.ID]; !ok || old.at != row.EndedAt {
			e.known[row.ID] = ending{at: row.EndedAt, since: now}
		}
	}
}

// of reports whether what is known is recent enough to tell of a caller, and what it tells.
func (e *endings) of(p auth.Principal) (ended, known bool) {
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.overflow || e.read.IsZero() || time.Since(e.read) > endingsAge {
		return false, false
	}
	return endsCaller(p, func(id string) (int64, bool) {
		found, ok := e.known[id]
		return found.at, ok
	}), true
}

// endsCaller reports whether a caller's session has ended or, if the token has none, whether all of the account's
// sessions have ended since it was issued.
func endsCaller(p auth.Principal, at func(id string) (int64, bool)) bool {
	if p.SessionID != "" {
		_, ended := at(p.SessionID)
		return ended
	}
	ended, ok := at(p.UserID)
	return ok && !p.IssuedAt.After(database.FromMicros(ended))
}

// Ended returns a fault of kind Unauthenticated if the session of a valid token has ended. In the process that ends it,
// this holds at once, in the others within 10 s: if a process cannot learn what has ended, it looks up each session,
// and answers with the error of that.
func (m *Module) Ended(ctx context.Context, p auth.Principal) error {
	ended, known := m.endings.of(p)
	if !known {
		ctx, cancel := context.WithTimeout(ctx, endingsTime)
		defer cancel()
		rows, err := m.store.endingsOf(ctx, p.SessionID, p.UserID)
		if err != nil {
			return limit.ErrBusy.With(err).WithRetryAfter(int(endingsEvery.Seconds()))
		}
		ended = endsCaller(p, func(id string) (int64, bool) {
			for _, row := range rows {
				if row.ID == id {
					return row.EndedAt, true
				}
			}
			return 0, false
		})
	}
	if ended {
		return errNoSession
	}
	return nil
}

// readEndings learns what has ended since the last reading, by whichever of the database's clocks at the two was
// earlier: then nothing is missed when that clock is put forward or back.
func (m *Module) readEndings(ctx context.Context) error {
	e := &m.endings
	e.reading.Lock()
	defer e.reading.Unlock()
	began := time.Now()
	e.mu.RLock()
	since, first := e.clock, e.read.IsZero() || e.overflow
	wait := e.overflow && began.Sub(e.flooded) < overflowPause
	e.mu.RUnlock()
	if wait {
		return nil
	}
	at, err := m.store.db.Now(ctx)
	if err != nil {
		return err
	}
	if since = min(since, at.UnixMicro()) - endingsOverlap.Microseconds(); first {
		since = 0
	}
	rows, err := m.store.endingsSince(ctx, since, mostEndings+1)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.overflow = len(rows) > mostEndings; e.overflow {
		e.flooded = began
		return nil
	}
	if first {
		clear(e.known)
	}
	e.add(rows, began)
	for id, known := range e.known {
		if began.Sub(known.since) > m.endingLife() {
			delete(e.known, id)
		}
	}
	if e.overflow = len(e.known) > mostEndings; e.overflow {
		e.flooded = began
	}
	e.read, e.clock = began, at.UnixMicro()
	return nil
}

// endingLife is how long an ending matters.
func (m *Module) endingLife() time.Duration { return m.tokens.TTL() + endingMargin }

// learn makes this process know at once what it has ended itself. Within a transaction, which may yet be undone, it
// does nothing: whoever began that calls learnAll after its commit.
func (m *Module) learn(ctx context.Context, ids ...string) {
	if database.InTransaction(ctx) {
		return
	}
	rows, err := m.store.endingsOf(ctx, ids...)
	if err != nil {
		m.log.WarnContext(ctx, "what has ended is learnt by the next reading only", "error", err)
		return
	}
	m.endings.mu.Lock()
	defer m.endings.mu.Unlock()
	m.endings.add(rows, time.Now())
}

// learnAll makes this process know at once what a transaction has ended that was committed.
func (m *Module) learnAll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endingsTime)
	defer cancel()
	if err := m.readEndings(ctx); err != nil {
		m.log.WarnContext(ctx, "what has ended is learnt by the next reading only", "error", err)
	}
}

const (
	sweepSessionsEvery = 10 * time.Minute
	sweepSessionsBatch = 1000
)

// WatchSessions learns what other processes end, and deletes what is old, until ctx ends.
func (m *Module) WatchSessions(ctx context.Context) {
	ticker := time.NewTicker(endingsEvery)
	defer ticker.Stop()
	failing, swept := false, time.Time{}
	for {
		limited, cancel := context.WithTimeout(ctx, endingsTime)
		err := m.readEndings(limited)
		cancel()
		if err != nil && !failing && ctx.Err() == nil {
			m.log.WarnContext(ctx, "ended sessions cannot be read; meanwhile each session is looked up", "error", err)
		}
		failing = err != nil
		if !failing && time.Since(swept) > sweepSessionsEvery {
			if err := m.SweepSessions(ctx); err != nil && ctx.Err() == nil {
				m.log.WarnContext(ctx, "old sessions were not deleted; the next round will do it", "error", err)
			}
			swept = time.Now()
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// SweepSessions deletes expired sessions, and what is known of ended ones whose tokens have expired.
func (m *Module) SweepSessions(ctx context.Context) error {
	for {
		more, err := m.store.sweepSessions(ctx, sweepSessionsBatch)
		if err != nil || !more {
			return err
		}
	}
}
