package site_test

import (
	"context"
	"sync"
	"time"

	"risingstars/modules/archive"
	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/moderation"
	"risingstars/modules/voting"
)

// entries, moderated, acts, webhookActs and standing connect the modules as the app does.
type entries struct{ h *house }

func (e entries) HideOwner(ctx context.Context, userID string) (int, error) {
	return e.h.voting.HideOwner(ctx, userID)
}

func (e entries) ShowOwner(ctx context.Context, userID string) (int, error) {
	return e.h.voting.ShowOwner(ctx, userID)
}

type moderated struct{ *voting.Module }

func (m moderated) Entry(ctx context.Context, videoID string) (moderation.Entry, error) {
	e, err := m.EntryOf(ctx, videoID)
	return moderation.Entry{Title: e.Title, PlayerName: e.PlayerName, OwnerID: e.UserID, Votes: e.Votes}, err
}

func (m moderated) Entries(ctx context.Context, videoIDs []string) (map[string]moderation.Entry, error) {
	known, err := m.KnownEntries(ctx, videoIDs)
	all := make(map[string]moderation.Entry, len(known))
	for id, e := range known {
		all[id] = moderation.Entry{Title: e.Title, PlayerName: e.PlayerName, OwnerID: e.UserID, Votes: e.Votes}
	}
	return all, err
}

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

type webhookActs struct{ module *identity.Module }

func (w webhookActs) MayRead(ctx context.Context, userID string) error {
	return w.module.Allow(ctx, userID, identity.ReadWebhooks)
}

func (w webhookActs) MayManage(ctx context.Context, userID string) error {
	return w.module.Allow(ctx, userID, identity.ManageWebhooks)
}

func (w webhookActs) Add(ctx context.Context, userID, act, webhookID, before, after, reason string) error {
	return w.module.AddRecord(ctx, identity.Record{
		Actor: userID, Act: act, Subject: "webhook:" + webhookID, Before: before, After: after, Reason: reason,
	})
}

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

// uploaders are all but those who have not confirmed their e-mail.
type uploaders struct{ unverified sync.Map }

func (u *uploaders) Verified(_ context.Context, userID string) (bool, error) {
	_, unverified := u.unverified.Load(userID)
	return !unverified, nil
}

// property is what people have beside their accounts.
type property struct{ h *house }

func (p property) Leave(ctx context.Context, userID string) error {
	return p.h.voting.Leave(ctx, userID)
}

func (p property) Return(ctx context.Context, userID string, shown bool) error {
	return p.h.voting.Return(ctx, userID, shown)
}

func (p property) Settle(ctx context.Context, userID string, _, _ time.Time) error {
	return p.h.voting.MoveVotes(ctx, userID)
}

func (property) ReturnedAt(context.Context, string) (time.Time, error) { return time.Time{}, nil }

func (p property) Erase(ctx context.Context, userID, _ string) error {
	if err := p.h.voting.EraseOwner(ctx, userID); err != nil {
		return err
	}
	return p.h.media.EraseOwner(ctx, userID)
}

// kept tells of each person no more than their e-mail.
type kept struct{ h *house }

func (k kept) Of(ctx context.Context, userID string) (archive.Person, bool, error) {
	u, err := k.h.identity.Account(ctx, userID)
	return archive.Person{
		Email: u.Email, FirstName: u.FirstName, Language: "es",
		Records: []archive.Record{{Name: "account", Data: map[string]string{"email": u.Email}}},
	}, err == nil, err
}
