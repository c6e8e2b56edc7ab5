package media

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"risingstars/platform/fault"
)

// Owned returns the caller's video. The error is errNotOwner for somebody else's video, and errNotFound for an unknown
// or malformed id.
func (m *Module) Owned(ctx context.Context, callerID, id string) (Video, error) {
	if uuid.Validate(id) != nil {
		return Video{}, errNotFound
	}
	v, err := m.store.byID(ctx, id)
	if err != nil {
		return Video{}, err
	}
	if v.OwnerID != callerID {
		return Video{}, errNotOwner
	}
	return v, nil
}

// List returns one page of the caller's videos, the latest first, and how many there are in all. An empty status means
// any.
func (m *Module) List(ctx context.Context, callerID string, status Status, offset, limit int) ([]Video, int, error) {
	return m.store.byOwner(ctx, callerID, status, offset, limit)
}

// Retry queues the caller's video for processing again, at most maxRetries times, if it failed for a reason on our
// side.
func (m *Module) Retry(ctx context.Context, callerID, id string) (Video, error) {
	if err := m.moderation.MayUpload(ctx, callerID); err != nil {
		return Video{}, err
	}
	v, err := m.Owned(ctx, callerID, id)
	if err != nil {
		return Video{}, err
	}
	if err := v.retriable(); err != nil {
		return Video{}, err
	}
	quota := Quotas{Unpublished: m.o.Quotas.Unpublished} // it uploads nothing
	err = m.within(ctx, quota, callerID, 0, func(ctx context.Context) error {
		retried, err := m.store.retry(ctx, id)
		if err == nil && !retried { // somebody else was faster
			err = errNotFailed
		}
		return err
	})
	if err != nil {
		return Video{}, err
	}
	m.send(ctx, id)
	v.Status, v.Step, v.FailureCode, v.FailedAt, v.Retries = Uploaded, stepQueued, "", time.Time{}, v.Retries+1
	return v, nil
}

// Delete deletes the caller's video and its files, unless it has votes. A job that is processing it ends by itself.
func (m *Module) Delete(ctx context.Context, callerID, id string) error {
	var files []condemned
	err := m.store.db.InTx(ctx, func(ctx context.Context) error {
		if _, err := m.Owned(ctx, callerID, id); err != nil {
			return err
		}
		// This comes first because it waits for a publication in progress, which may add an entry and files.
		v, deleted, err := m.store.delete(ctx, id)
		if err != nil {
			return err
		}
		if !deleted {
			return errNotFound
		}
		withdrawn, err := m.gallery.Withdraw(ctx, id)
		if err != nil {
			return err
		}
		if !withdrawn {
			return errHasVotes
		}
		if err := m.moderation.Forget(ctx, id); err != nil {
			return err
		}
		if files, err = m.store.condemn(ctx, firstPause, append(v.keys(), v.OriginalKey)...); err != nil {
			return err
		}
		replaced, err := m.store.condemnReplaced(ctx, m.o.ProcessedPrefix+"/"+id+"-")
		files = append(files, replaced...)
		return err
	})
	if err != nil {
		return err
	}
	m.tryDeleteFiles(ctx, files)
	return nil
}

// Reason is why a video failed, and what its owner can do about it.
type Reason struct {
	Code       string
	Text       fault.Text
	CanRetry   bool
	RetryUntil time.Time // zero: as long as the video exists, or not at all
}

// WhyFailed returns nil if the video has not failed.
func (m *Module) WhyFailed(v Video) *Reason {
	if v.FailureCode == "" {
		return nil
	}
	why := v.retriable()
	r := &Reason{Code: v.FailureCode, Text: failureText(v), CanRetry: why == nil}
	if errors.Is(why, errRetriesUsedUp) {
		r.Text = errRetriesUsedUp.Text
	}
	if r.CanRetry && m.o.KeepFailed > 0 && !v.FailedAt.IsZero() {
		r.RetryUntil = v.FailedAt.Add(m.o.KeepFailed)
	}
	return r
}

// MaxUpload returns how many bytes an uploaded file may have.
func (m *Module) MaxUpload() int64 { return m.o.MaxUploadBytes }

// ClipRules returns the rules for clips.
func (m *Module) ClipRules() Rules { return m.o.Rules }
