package app

import (
	"context"

	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/moderation"
	"risingstars/modules/voting"
)

// entries implements identity's port of the same name with the voting module, which is built later.
type entries struct{ app *app }

func (e entries) HideOwner(ctx context.Context, userID string) (int, error) {
	return e.app.voting.HideOwner(ctx, userID)
}

func (e entries) ShowOwner(ctx context.Context, userID string) (int, error) {
	return e.app.voting.ShowOwner(ctx, userID)
}

// moderated implements moderation's port Gallery with the voting module.
type moderated struct{ *voting.Module }

func (m moderated) Entry(ctx context.Context, videoID string) (moderation.Entry, error) {
	e, err := m.EntryOf(ctx, videoID)
	return moderatedEntry(e), err
}

func (m moderated) Entries(ctx context.Context, videoIDs []string) (map[string]moderation.Entry, error) {
	known, err := m.KnownEntries(ctx, videoIDs)
	all := make(map[string]moderation.Entry, len(known))
	for id, e := range known {
		all[id] = moderatedEntry(e)
	}
	return all, err
}

func moderatedEntry(e voting.Entry) moderation.Entry {
	return moderation.Entry{Title: e.Title, PlayerName: e.PlayerName, OwnerID: e.UserID, Votes: e.Votes}
}

// acts implements moderation's port of the same name with the identity module.
type acts struct{ module *identity.Module }

func (a acts) MayRead(ctx context.Context, userID string) error {
	return a.module.Allow(ctx, userID, identity.ReadReports)
}

func (a acts) MayDecide(ctx context.Context, userID string) error {
	return a.module.Allow(ctx, userID, identity.Moderate)
}

func (a acts) MayReport(ctx context.Context, userID string) error {
	return a.module.MayAct(ctx, userID)
}

func (a acts) Add(ctx context.Context, userID, act, videoID, before, after, reason string) error {
	return a.module.AddRecord(ctx, identity.Record{
		Actor: userID, Act: act, Subject: "video:" + videoID, Before: before, After: after, Reason: reason,
	})
}

func moderationOptions() moderation.Options {
	return moderation.Options{
		VideoFault: voting.EntryFault(), HiddenFault: voting.HiddenFault(), RoleFaults: identity.RoleFaults(),
	}
}

// standing implements media's port Moderation with the moderation and identity modules.
type standing struct {
	moderation *moderation.Module
	identity   *identity.Module
	voting     *voting.Module
}

func (s standing) Hidden(ctx context.Context, videoIDs []string) (map[string]bool, error) {
	return s.voting.HiddenAmong(ctx, videoIDs)
}

func (s standing) WhyHidden(ctx context.Context, videoIDs []string) (map[string]media.Hiding, error) {
	hidings, err := s.moderation.HidingsOf(ctx, videoIDs)
	why := make(map[string]media.Hiding, len(hidings))
	for id, h := range hidings {
		why[id] = media.Hiding{Code: string(h.Reason), Text: h.Reason.Text(), Words: h.Words, At: h.At}
	}
	return why, err
}

func (s standing) MayUpload(ctx context.Context, userID string) error {
	return s.identity.MayAct(ctx, userID)
}

func (s standing) Forget(ctx context.Context, videoID string) error {
	return s.moderation.Forget(ctx, videoID)
}
