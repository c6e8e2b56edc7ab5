package media

import (
	"context"
	"math"
	"time"
)

const (
	// quotaDay is how long an owner's day is. It begins with the first upload after the day before.
	quotaDay = 24 * time.Hour
	// maxRetries is how often the owner may retry a video that has failed for a reason on our side.
	maxRetries = 3
)

// Quotas are what one account may have. Zero means as much as it likes.
type Quotas struct {
	// Unpublished is how many videos may be on their way to publication: unfinished uploads straight to storage, and
	// videos that wait or are being processed. Failed ones do not count, but a retry does.
	Unpublished int
	// PerDay is how many uploads may begin within 24 hours, whether or not their videos have been deleted since.
	PerDay int
	// Bytes are those of the originals that are kept, and of the files that unfinished uploads have announced.
	Bytes int64
}

// usage is what an account has.
type usage struct {
	unpublished int
	perDay      int
	dayBegan    time.Time
	readAt      time.Time // by the database's clock, as dayBegan
	bytes       int64
}

// check returns the fault for the first quota that a usage exceeds.
func (q Quotas) check(u usage) error {
	switch {
	case q.Unpublished > 0 && u.unpublished > q.Unpublished:
		return errTooManyUnpublished
	case q.PerDay > 0 && u.perDay > q.PerDay:
		left := u.dayBegan.Add(quotaDay).Sub(u.readAt)
		return errDailyLimit.WithRetryAfter(max(1, int(math.Ceil(left.Seconds()))))
	case q.Bytes > 0 && u.bytes > q.Bytes:
		return errStorageQuota
	}
	return nil
}

// checkQuota returns the fault for the quota that an upload of size bytes would exceed, or nil. It counts nothing: it
// spares a client from sending what would be refused in the end. A size of 0 is unknown.
func (m *Module) checkQuota(ctx context.Context, ownerID string, size int64) error {
	u, err := m.store.usage(ctx, ownerID)
	if err != nil {
		return err
	}
	u.unpublished, u.perDay, u.bytes = u.unpublished+1, u.perDay+1, u.bytes+size
	return m.o.Quotas.check(u)
}

// within runs insert in a transaction and counts uploads for the owner's day. If the owner then exceeds one of the
// quotas, nothing has happened. Transactions of one owner run one after another, in all processes.
func (m *Module) within(
	ctx context.Context, q Quotas, ownerID string, uploads int, insert func(ctx context.Context) error,
) error {
	return m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.store.countUploads(ctx, ownerID, uploads); err != nil {
			return err
		}
		if err := insert(ctx); err != nil {
			return err
		}
		u, err := m.store.usage(ctx, ownerID)
		if err != nil {
			return err
		}
		return q.check(u)
	})
}
