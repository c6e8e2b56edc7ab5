package voting

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"risingstars/platform/database"
	"risingstars/platform/fault"
)

const (
	// largestBatch bounds how long the first vote of a batch waits for the others.
	largestBatch = 256
	// batchTimeout bounds a batch, which does not end with the request of any one voter.
	batchTimeout = 10 * time.Second
)

// errBatch is the answer to a vote if the goroutine that cast it for others has panicked.
var errBatch = errors.New("the batch of this vote was not completed")

// lanes keep a hot video fast. There is a lane for each video that somebody is voting for in this process. A vote that
// finds its lane free is cast at once. Those that arrive meanwhile form the next batch, which one of them casts for all
// in one transaction. So a video's row is locked and committed once for many votes, and no vote waits for a timer.
type lanes struct {
	castAll func(ctx context.Context, videoID string, ballots []*ballot) error
	metrics *metrics

	mu   sync.Mutex
	open map[string]*lane
}

// lane is busy for as long as it exists.
type lane struct {
	waiting []*ballot
}

// ballot is one vote and, once it is decided, its outcome.
type ballot struct {
	ctx     context.Context //nolint:containedctx // a batch has many
	voterID string
	turn    chan bool // true: cast the next batch; false: decided
	total   int
	err     error
}

// cast returns when the vote is committed or refused. A vote whose ctx ends while it waits is withdrawn, unless its
// batch has begun or it is its turn to cast the next one.
func (l *lanes) cast(ctx context.Context, videoID, voterID string) (total int, err error) {
	b := &ballot{ctx: ctx, voterID: voterID, turn: make(chan bool, 1)}
	batch := []*ballot{b}
	if l.enter(videoID, b) {
		leads, err := l.await(videoID, b)
		if err != nil {
			return 0, err
		}
		if !leads {
			return b.total, b.err
		}
		batch = l.next(videoID)
	}
	defer l.leave(videoID, batch)
	l.decide(videoID, batch)
	return b.total, b.err
}

// enter occupies the lane, or has the ballot wait if it is busy.
func (l *lanes) enter(videoID string, b *ballot) (waits bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	busy, waits := l.open[videoID]
	if waits {
		busy.waiting = append(busy.waiting, b)
	} else {
		l.open[videoID] = &lane{}
	}
	return waits
}

// await returns when the ballot is decided, is to lead the next batch, or was given up.
func (l *lanes) await(videoID string, b *ballot) (leads bool, err error) {
	select {
	case leads := <-b.turn:
		return leads, nil
	case <-b.ctx.Done():
	}
	if l.giveUp(videoID, b) {
		return false, b.ctx.Err()
	}
	return <-b.turn, nil // its batch has begun, or the others wait for it
}

// giveUp takes a ballot out of the queue. It reports false if the ballot is no longer there, or leads.
func (l *lanes) giveUp(videoID string, b *ballot) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	busy := l.open[videoID]
	if busy == nil || len(b.turn) > 0 {
		return false
	}
	i := slices.Index(busy.waiting, b)
	if i >= 0 {
		busy.waiting = slices.Delete(busy.waiting, i, i+1)
	}
	return i >= 0
}

// next takes the next batch, whose first ballot is the leader's.
func (l *lanes) next(videoID string) []*ballot {
	l.mu.Lock()
	defer l.mu.Unlock()
	busy := l.open[videoID]
	n := min(len(busy.waiting), largestBatch)
	batch := slices.Clone(busy.waiting[:n])
	busy.waiting = slices.Delete(busy.waiting, 0, n)
	return batch
}

// decide casts the batch. If that certainly had no effect, it casts the votes one by one, so that a vote that cannot be
// cast fails alone.
func (l *lanes) decide(videoID string, batch []*ballot) {
	decided := 0
	defer func() { // after a panic, too
		for _, b := range batch[decided:] {
			b.err = errBatch
		}
	}()
	if len(batch) > 1 {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(batch[0].ctx), batchTimeout)
		defer cancel()
		err := l.castMeasured(ctx, videoID, batch)
		if err == nil || errors.Is(err, errNoEntry) || errors.Is(err, database.ErrUnknownOutcome) ||
			errors.Is(err, fault.ErrUnavailable) {
			for _, b := range batch {
				b.err = cmp.Or(err, b.err)
			}
			decided = len(batch)
			return
		}
	}
	for _, b := range batch {
		if err := l.castMeasured(b.ctx, videoID, []*ballot{b}); err != nil {
			b.err = err
		}
		decided++
	}
}

// castMeasured is castAll with its metrics.
func (l *lanes) castMeasured(ctx context.Context, videoID string, ballots []*ballot) error {
	began := time.Now()
	err := l.castAll(ctx, videoID, ballots)
	l.metrics.batch.Observe(float64(len(ballots)))
	l.metrics.commit.Observe(time.Since(began).Seconds())
	return err
}

// leave tells the others of the batch that they are decided, and hands the lane to the first that waits.
func (l *lanes) leave(videoID string, batch []*ballot) {
	for _, b := range batch[1:] {
		b.turn <- false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	busy := l.open[videoID]
	if len(busy.waiting) == 0 {
		delete(l.open, videoID)
		return
	}
	busy.waiting[0].turn <- true
}
