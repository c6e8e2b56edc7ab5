package app

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/voting"
	"risingstars/modules/webhooks"
	"risingstars/platform/auth"
	"risingstars/platform/lang"
)

// openWebhooks builds the webhooks module.
func (a *app) openWebhooks() {
	a.webhooks = webhooks.New(webhooks.Deps{
		DB: a.db, Queue: a.queue, Acts: webhookActs{a.identity}, Vault: auth.NewVault(a.keys, "webhooks"),
		Logger:  a.log,
		Options: webhooks.Options{AllowPrivate: a.c.Webhooks.AllowPrivate, RoleFaults: identity.RoleFaults()},
	})
}

// webhookActs implements the webhooks module's port Acts with the identity module.
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

// entryHerald implements voting's port Herald with the webhooks module.
type entryHerald struct {
	webhooks  *webhooks.Module
	publicURL string // "": unknown
}

func (h entryHerald) Hidden(ctx context.Context, videoID, ownerID string, moderated bool) error {
	because := "owner_absent"
	if moderated {
		because = "moderator"
	}
	return h.webhooks.Tell(ctx, webhooks.Event{Kind: webhooks.EntryHidden, UserID: ownerID, Data: map[string]string{
		"video_id": videoID, "user_id": ownerID, "because": because,
	}})
}

func (h entryHerald) Shown(ctx context.Context, e voting.Entry) error {
	return h.webhooks.Tell(ctx, videoPublished(media.Entry{
		VideoID: e.VideoID, UserID: e.UserID, Title: e.Title, PlayerName: e.PlayerName, City: e.City,
		Country: e.Country,
	}, h.publicURL))
}

func (h entryHerald) Reached(ctx context.Context, videoID string, votes int) error {
	return h.webhooks.Tell(ctx, webhooks.Event{
		ID:   webhooks.IDOf(webhooks.VoteMilestone, videoID, strconv.Itoa(votes)),
		Kind: webhooks.VoteMilestone, Data: map[string]any{"video_id": videoID, "votes": votes},
	})
}

// videoHerald implements media's port Herald with the webhooks module.
type videoHerald struct {
	webhooks  *webhooks.Module
	voting    *voting.Module
	publicURL string // "": unknown
}

// Published tells nothing of a video whose owner is absent, because nobody can see it. The voting module tells of it
// once it is shown.
func (h videoHerald) Published(ctx context.Context, e media.Entry) error {
	hidden, err := h.voting.HiddenAmong(ctx, []string{e.VideoID})
	if err != nil || hidden[e.VideoID] {
		return err
	}
	return h.webhooks.Tell(ctx, videoPublished(e, h.publicURL))
}

// videoPublished is the event of a video that is shown for the first time.
func videoPublished(e media.Entry, publicURL string) webhooks.Event {
	data := map[string]string{
		"video_id": e.VideoID, "user_id": e.UserID, "title": e.Title, "player_name": e.PlayerName, "city": e.City,
		"country": e.Country, "country_code": lang.CountryCode(e.Country),
	}
	if publicURL != "" {
		data["url"] = strings.TrimSuffix(publicURL, "/") + "/v/" + e.VideoID
	}
	return webhooks.Event{
		ID: webhooks.IDOf(webhooks.VideoPublished, e.VideoID), Kind: webhooks.VideoPublished, UserID: e.UserID,
		Data: data,
	}
}

func (h videoHerald) Failed(ctx context.Context, videoID, ownerID, code string, try int) error {
	return h.webhooks.Tell(ctx, webhooks.Event{
		ID:   webhooks.IDOf(webhooks.VideoFailed, videoID, strconv.Itoa(try)),
		Kind: webhooks.VideoFailed, UserID: ownerID,
		Data: map[string]string{"video_id": videoID, "user_id": ownerID, "code": cmp.Or(code, "unknown")},
	})
}
