package media

import (
	"cmp"
	"context"
	"errors"
	"path"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/storage"
)

// A completion that finds another one of the same upload in progress tries again after completePause. The pause doubles
// until it would exceed maxCompletePause.
const (
	completePause    = 50 * time.Millisecond
	maxCompletePause = 2 * time.Second
)

// parts returns the parts of an upload that storage has in the right size, by number. If storage has already assembled
// the file, whole is true and the parts are unknown. The error is errNoUpload if storage has neither.
func (d *directUploads) parts(ctx context.Context, u directUpload) (_ []storage.Part, whole bool, err error) {
	stored, err := d.m.bucket.DirectParts(ctx, u.Key, u.StorageID)
	if errors.Is(err, storage.ErrNoUpload) {
		obj, err := d.m.bucket.Stat(ctx, u.Key)
		switch {
		case errors.Is(err, storage.ErrNotFound), err == nil && obj.Size != u.Size:
			return nil, false, errNoUpload.With(err)
		case err != nil:
			return nil, false, err
		}
		return nil, true, nil
	}
	if err != nil {
		return nil, false, err
	}
	parts := stored[:0]
	for _, p := range stored {
		if p.Number <= u.partCount() && p.Size == u.partSize(p.Number) {
			parts = append(parts, p)
		}
	}
	return parts, false, nil
}

// complete creates the video of an upload whose parts have all arrived. What about is not nil for replaces what the
// upload began with. Every further call returns the same video, whatever about.
// While another call is at work, perhaps in another process, storage may have neither the parts nor the file, so this
// one waits and tries again.
func (d *directUploads) complete(ctx context.Context, callerID, id string, about *directDetails) (Video, error) {
	if err := d.m.moderation.MayUpload(ctx, callerID); err != nil {
		return Video{}, err
	}
	for pause := completePause; ; pause *= 2 {
		u, err := d.owned(ctx, callerID, id)
		if errors.Is(err, errNoUpload) || pause > maxCompletePause {
			return d.outcome(ctx, callerID, id)
		}
		if err == nil {
			u.details, err = about.over(u.details)
		}
		if err != nil {
			return Video{}, err
		}
		v, err := d.createVideo(ctx, u)
		if !errors.Is(err, errNoUpload) && !errors.Is(err, storage.ErrNotFound) {
			return v, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return Video{}, ctx.Err()
		}
	}
}

// over returns the details with which an upload is completed, checked as those of any video.
func (d *directDetails) over(begun details) (details, error) {
	title, description, start := begun.Title, begun.Description, begun.Start.Seconds()
	if d != nil {
		title, description = *cmp.Or(d.Title, &title), *cmp.Or(d.Description, &description)
		start = *cmp.Or(d.StartSeconds, &start)
	}
	return newDetails(title, description, secondsText(start))
}

// outcome returns the video of an upload that has ended, or errNoUpload if the upload was cancelled.
func (d *directUploads) outcome(ctx context.Context, callerID, id string) (Video, error) {
	v, err := d.m.Owned(ctx, callerID, id)
	if errors.Is(err, errNotFound) {
		err = errNoUpload
	}
	return v, err
}

// createVideo assembles the file, checks it and replaces the upload with its video. It returns errNoUpload or
// storage.ErrNotFound if the upload ends meanwhile. It cancels an upload whose content is refused, or whose file has
// been deleted because the clock was wrong (errDiscarded). After any other error everything stays as it is: the client
// may try again, with another start if that was after the end, and the sweeper cancels the upload in the end.
func (d *directUploads) createVideo(ctx context.Context, u directUpload) (Video, error) {
	if err := d.assemble(ctx, u); err != nil {
		return Video{}, err
	}
	err := d.checkContent(ctx, u.Key)
	if errors.Is(err, errNotAVideo) || errors.Is(err, errOtherType) {
		return Video{}, errors.Join(d.cancel(ctx, u), err)
	}
	if err == nil {
		err = d.m.checkStart(ctx, u.Key, u.Start)
	}
	if err != nil {
		return Video{}, err
	}
	v, err := d.m.newVideo(ctx, u.details, u.ID, u.OwnerID, u.Key, u.Size)
	if err == nil {
		err = d.m.store.db.InTx(ctx, func(ctx context.Context) error {
			if err := d.m.people.Present(ctx, v.OwnerID); err != nil {
				return err
			}
			return d.rows.complete(ctx, v)
		})
	}
	if errors.Is(err, errDiscarded) {
		d.abandon(ctx, u)
	}
	if err != nil {
		return Video{}, err
	}
	d.m.metrics.uploadBytes.Observe(float64(v.OriginalSize))
	d.m.send(ctx, v.ID)
	return v, nil
}

// assemble has storage join the parts into one file. The error is errIncomplete if parts are missing.
func (d *directUploads) assemble(ctx context.Context, u directUpload) error {
	parts, whole, err := d.parts(ctx, u)
	if err != nil || whole { // whole: another completion has assembled the file and then failed, or is still at work
		return err
	}
	if len(parts) < u.partCount() {
		return errIncomplete
	}
	_, err = d.m.bucket.CompleteDirect(ctx, u.Key, u.StorageID, parts)
	if errors.Is(err, storage.ErrBadParts) {
		return errIncomplete.With(err)
	}
	if errors.Is(err, storage.ErrNoUpload) {
		return errNoUpload.With(err)
	}
	return err
}

// checkContent checks the first bytes of a file. The error is errNotAVideo if they are not those of a video, and
// errOtherType if the key's extension stands for another format.
func (d *directUploads) checkContent(ctx context.Context, key string) error {
	file, _, err := d.m.bucket.Open(ctx, key)
	if err != nil {
		return err
	}
	defer file.Close()
	found, _, err := sniff(file)
	if err != nil {
		return err
	}
	for _, c := range ffmpeg.Containers() {
		if c.Extension == path.Ext(key) && c.Demuxer != found.Demuxer {
			return errOtherType
		}
	}
	return nil
}
