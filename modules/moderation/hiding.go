package moderation

import (
	"context"
	"time"
)

// Hiding says why a moderator hides a video, and since when.
type Hiding struct {
	VideoID string
	Reason  Reason
	Words   string
	At      time.Time
}

// HidingsOf returns why moderators hide those among the videos that they do, by id.
func (m *Module) HidingsOf(ctx context.Context, videoIDs []string) (map[string]Hiding, error) {
	return m.store.hidings(ctx, videoIDs)
}

// Hide takes a video out of the gallery. The owner reads the reason and the words.
func (m *Module) Hide(ctx context.Context, callerID, videoID string, reason Reason, words string) error {
	words, err := reason.explain(words)
	if err != nil {
		return err
	}
	return m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.acts.MayDecide(ctx, callerID); err != nil {
			return err
		}
		hidden, err := m.takeDown(ctx, callerID, videoID, reason, words)
		if err == nil && !hidden {
			err = errAlreadyHidden
		}
		return err
	})
}

// takeDown reports false if the video is hidden already.
func (m *Module) takeDown(ctx context.Context, callerID, videoID string, reason Reason, words string) (bool, error) {
	hidden, err := m.gallery.Hide(ctx, videoID)
	if err != nil || !hidden {
		return false, err
	}
	if err := m.store.insertHiding(ctx, Hiding{videoID, reason, words, time.Now()}); err != nil {
		return false, err
	}
	return true, m.acts.Add(ctx, callerID, "video.hide", videoID, "shown", "hidden", reason.logged(words))
}

// Forget forgets why a video was hidden, which is deleted. It joins the transaction in ctx. The log keeps the act.
func (m *Module) Forget(ctx context.Context, videoID string) error {
	return m.store.forgetHiding(ctx, videoID)
}

// Show brings a video back that a moderator hides. words say why, for the log.
func (m *Module) Show(ctx context.Context, callerID, videoID, words string) error {
	words, err := Other.explain(words)
	if err != nil {
		return err
	}
	return m.store.db.InTx(ctx, func(ctx context.Context) error {
		if err := m.acts.MayDecide(ctx, callerID); err != nil {
			return err
		}
		shown, err := m.gallery.Show(ctx, videoID)
		if err == nil && !shown {
			err = errNotHidden
		}
		if err != nil {
			return err
		}
		before, err := m.store.deleteHiding(ctx, videoID)
		if err != nil {
			return err
		}
		return m.acts.Add(ctx, callerID, "video.show", videoID, "hidden: "+before.Reason.logged(before.Words), "shown",
			words)
	})
}
