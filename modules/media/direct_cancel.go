package media

import "context"

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

// abandon cancels an upload, if it has a row, and deletes what is left of it, even if ctx has ended. Another attempt
// with the same id stays.
func (d *directUploads) abandon(ctx context.Context, u directUpload) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := d.rows.cancelThis(ctx, u); err != nil {
		d.m.log.WarnContext(ctx, "a direct upload was not cancelled; it will expire", "upload_id", u.ID, "error", err)
		return
	}
	d.tryDelete(ctx, u)
}

// tryDelete deletes what is left of a cancelled upload, or logs why it could not: the sweeper tries again.
func (d *directUploads) tryDelete(ctx context.Context, u directUpload) {
	if err := d.delete(ctx, u); err != nil {
		d.m.log.WarnContext(ctx, "a direct upload was not deleted; the sweeper will try again",
			"upload_id", u.ID, "error", err)
	}
}

// delete deletes the parts, the file and then the row of a cancelled upload, even if ctx has ended. The file remains
// listed for a while, to be deleted again, because storage may be assembling it at this moment. Nothing can adopt it.
func (d *directUploads) delete(ctx context.Context, u directUpload) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	if err := d.m.bucket.AbortDirect(ctx, u.Key, u.StorageID); err != nil {
		return err
	}
	if err := d.m.bucket.Delete(ctx, u.Key); err != nil {
		return err
	}
	if _, err := d.m.store.condemn(ctx, directGrace, u.Key); err != nil {
		return err
	}
	return d.rows.delete(ctx, u)
}

// sweep cancels the uploads that were not completed in time, as many as it can until ctx ends.
func (d *directUploads) sweep(ctx context.Context) error {
	// From here on no process can create a video from them.
	uploads, err := d.rows.due(ctx, sweepBatch)
	if err != nil {
		return err
	}
	var failed troubles
	for _, u := range uploads {
		err := ctx.Err()
		if err == nil {
			err = d.delete(ctx, u)
		}
		failed.add(err)
	}
	if done := len(uploads) - failed.n; done > 0 {
		d.m.log.InfoContext(ctx, "cancelled expired direct uploads", "count", done)
	}
	d.m.metrics.swept.WithLabelValues(actCanceled).Add(float64(len(uploads) - failed.n))
	return failed.of(len(uploads), "cancel expired direct uploads")
}
