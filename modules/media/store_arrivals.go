package media

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"risingstars/platform/batch"
	"risingstars/platform/database"
)

const (
	// mostArrivals bounds a batch, and with it how long its first upload waits for the others.
	mostArrivals = 64
	// arrivalRunners is how many batches are under way at once, so that one that waits for a lock holds up few.
	arrivalRunners = 2
	// arrivalTimeout bounds a batch, which does not end with the request of any one upload.
	arrivalTimeout = 10 * time.Second
)

// errArrival is the outcome if the goroutine that wrote the rows for others has panicked.
var errArrival = errors.New("the batch of this upload was not completed")

// arrivals write the rows of uploads that arrive at the same time with one statement and one commit for all of them. If
// that fails, each is written alone, so that one that cannot be written fails alone.
type arrivals struct {
	store   *store
	orphans *batch.Queue[*arrival]
	mocks   *batch.Queue[*arrival]
}

// arrival is an upload of which something is to be written, and the outcome.
type arrival struct {
	ctx   context.Context //nolint:containedctx // a batch has many
	key   string          // of the file
	video *Video          // of a mock; the time of the upload is set when it is written
	err   error
}

func newArrivals(s *store) *arrivals {
	a := &arrivals{store: s}
	a.orphans = batch.New(mostArrivals, arrivalRunners, a.together(a.insertOrphans))
	a.mocks = batch.New(mostArrivals, arrivalRunners, a.together(a.insertMocks))
	return a
}

// orphan lists a file as an orphan for as long as it may take to arrive.
func (a *arrivals) orphan(ctx context.Context, key string) error {
	one := &arrival{ctx: ctx, key: key, err: errArrival}
	a.orphans.Do(one)
	return one.err
}

// mock adds the video of a mock, uploaded now, and adopts its file.
func (a *arrivals) mock(ctx context.Context, v *Video) error {
	one := &arrival{ctx: ctx, key: v.OriginalKey, video: v, err: errArrival}
	a.mocks.Do(one)
	return one.err
}

// together writes all at once or, if that certainly had no effect, each alone.
func (a *arrivals) together(write func(ctx context.Context, all []*arrival) error) func(all []*arrival) {
	return func(all []*arrival) {
		if len(all) > 1 {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(all[0].ctx), arrivalTimeout)
			defer cancel()
			err := write(ctx, all)
			if err == nil || errors.Is(err, database.ErrUnknownOutcome) {
				for _, one := range all {
					one.err = err
				}
				return
			}
		}
		for _, one := range all {
			one.err = write(one.ctx, []*arrival{one})
		}
	}
}

// insertOrphans may be repeated: no other upload has the names.
func (a *arrivals) insertOrphans(ctx context.Context, all []*arrival) error {
	values := make([]any, len(all))
	for i, one := range all {
		values[i] = one.key
	}
	row := `(?, ` + plus(a.store.clock(), uploadGrace) + `)`
	_, err := a.store.db.Exec(ctx, `INSERT INTO media_unclaimed_files (storage_key, delete_after) VALUES `+
		strings.Repeat(row+", ", len(all)-1)+row+` ON CONFLICT (storage_key) DO NOTHING`, values...)
	if err != nil {
		return fmt.Errorf("list %d files as orphans: %w", len(all), err)
	}
	return nil
}

func (a *arrivals) insertMocks(ctx context.Context, all []*arrival) error {
	err := a.store.db.InTx(ctx, func(ctx context.Context) error {
		now, err := a.store.db.Now(ctx)
		if err != nil {
			return err
		}
		rows, keys := make([]videoRow, len(all)), make([]string, len(all))
		for i, one := range all {
			v := one.video
			v.UploadedAt = now
			keys[i] = one.key
			rows[i] = videoRow{
				ID: v.ID, OwnerID: v.OwnerID, Title: v.Title, Description: v.Description, Status: string(Uploaded),
				Step: stepQueued, Mock: true, OriginalKey: v.OriginalKey, OriginalSize: v.OriginalSize,
				StartMs: v.Start.Milliseconds(), UploadedAt: database.Micros(v.UploadedAt),
			}
		}
		if err := a.store.db.Gorm(ctx).Create(&rows).Error; err != nil {
			return err
		}
		return a.store.adopt(ctx, keys...)
	})
	if err != nil {
		return fmt.Errorf("insert %d mocks: %w", len(all), err)
	}
	return nil
}
