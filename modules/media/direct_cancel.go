package media

import (
	"context"
	"fmt"
	"time"
)

// cancel ends an upload without a video. The error is errNoUpload if it has ended already.
func (d *directUploads) cancel(ctx context.Context, u directUpload) error {
	found, err := d.rows.cancel(ctx, u.ID)
	if err != nil {
		return err
	}
	if !found {
		return errNoUpload
	}
	d.tryDelete(ctx, u)
	return nil
}

// tryDelete deletes what is left of a cancelled upload, or logs why it could not: the sweeper tries again.
func (d *directUploads) tryDelete(ctx context.Context, u directUpload) {
	if err := d.delete(ctx, u); err != nil {
		d.m.log.WarnContext(ctx, "a direct upload was not deleted; the sweeper will try again",
			"upload_id", u.ID, "error", err)
	}
}

// delete deletes the parts, the file and then the row of a cancelled upload, even if ctx has ended. The file remains
// listed as an orphan for a while, because storage may be assembling it at this moment.
func (d *directUploads) delete(ctx context.Context, u directUpload) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := d.m.bucket.AbortDirect(ctx, u.Key, u.StorageID); err != nil {
		return err
	}
	if err := d.m.bucket.Delete(ctx, u.Key); err != nil {
		return err
	}
	if err := d.m.store.orphan(ctx, time.Now().Add(directGrace), u.Key); err != nil {
		return err
	}
	return d.rows.delete(ctx, u.ID)
}

// sweep cancels the uploads that were not completed in time. It stops at the first error and when ctx ends.
func (d *directUploads) sweep(ctx context.Context, now time.Time) error {
	uploads, err := d.rows.due(ctx, now.Add(-directGrace), sweepBatch)
	if err != nil {
		return err
	}
	for i, u := range uploads {
		if err := ctx.Err(); err != nil {
			return err
		}
		// From here on no process can create a video from it, whatever its clock says.
		found, err := d.rows.cancel(ctx, u.ID)
		if err == nil && found {
			err = d.delete(ctx, u)
		}
		if err != nil {
			return fmt.Errorf("cancel direct upload %s, number %d of %d: %w", u.ID, i+1, len(uploads), err)
		}
	}
	if len(uploads) > 0 {
		d.m.log.InfoContext(ctx, "cancelled expired direct uploads", "count", len(uploads))
	}
	return nil
}
