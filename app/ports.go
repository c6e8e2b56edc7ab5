package app

import (
	"context"
	"time"

	"risingstars/modules/identity"
	"risingstars/modules/media"
	"risingstars/modules/voting"
	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// gallery implements media's port of the same name with the voting module.
type gallery struct{ *voting.Module }

func (g gallery) Publish(ctx context.Context, e media.Entry) error {
	return g.Module.Publish(ctx, voting.Entry{
		VideoID: e.VideoID, UserID: e.UserID, PlayerName: e.PlayerName, City: e.City, Country: e.Country,
		Title: e.Title, Description: e.Description, Output: voting.Output(e.Output),
		Duration: e.Duration, UploadedAt: e.UploadedAt,
	})
}

// people implements media's port of the same name with the identity module.
type people struct{ module *identity.Module }

func (p people) Profile(ctx context.Context, userID string) (media.Profile, error) {
	profile, err := p.module.ProfileOf(ctx, userID)
	return media.Profile(profile), err
}

func (p people) Present(ctx context.Context, userID string) error {
	return p.module.Present(ctx, userID)
}

// audience implements identity's port of the same name with the voting module, which is built later.
type audience struct{ app *app }

func (a audience) Changed(ctx context.Context, userID string, p identity.Profile) error {
	return a.app.voting.ChangeContestant(ctx, voting.Contestant{
		UserID: userID, PlayerName: p.PlayerName, City: p.City, Country: p.Country,
	})
}

// moment says a time as the pages do, which are built later.
func (a *app) moment(t time.Time) fault.Text { return a.site.Moment(t) }

// browsers implements web's port for browsers that are signed in with the identity module.
type browsers struct{ module *identity.Module }

func (b browsers) caller(ctx context.Context, token string) (auth.Principal, error) {
	userID, sessionID, err := b.module.BrowserCaller(ctx, token, web.Network(ctx))
	return auth.Principal{UserID: userID, SessionID: sessionID}, err
}
