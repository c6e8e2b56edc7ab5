package identity

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

func (a api) sessionRoutes(s *web.Server, tags []string) {
	change := web.Use{Budgets: SessionBudgets()}
	web.Register(s, web.Refuses(huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/refresh", OperationID: "refresh", Tags: tags,
		Summary: "Get the next access token",
		Description: "Exchanges a refresh token for an access token and the next refresh token. Within a minute, the " +
			"same token gives the same next one, so that a lost answer can be asked for again. Later, or once the " +
			"next one was used, it ends the session: somebody else may have it.",
	}, errBadRefresh, errRefreshReused, errSuspended), web.Use{Budgets: []limit.Budget{refreshes}}, a.postRefresh)
	web.Register(s, huma.Operation{
		Method: http.MethodGet, Path: "/api/auth/sessions", OperationID: "listSessions", Tags: tags,
		Summary: "List where the caller is signed in, the last used first", Security: web.Secured(),
	}, web.Use{Budgets: []limit.Budget{accountReads}}, a.getSessions)
	web.Register(s, web.Refuses(huma.Operation{
		Method: http.MethodDelete, Path: "/api/auth/sessions/{id}", OperationID: "endSession", Tags: tags,
		Summary: "End one of the caller's sessions", Security: web.Secured(), DefaultStatus: http.StatusNoContent,
		Description: "Its access tokens end within 10 seconds.",
	}, errSessionNotFound), change, a.deleteSession)
	web.Register(s, huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/logout", OperationID: "logout", Tags: tags,
		Summary: "End the session of the token or the cookie", Security: web.Secured(),
		DefaultStatus: http.StatusNoContent,
		Description:   "An access token that belongs to no session stays valid until it expires.",
	}, change, a.postLogout)
	web.Register(s, huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/logout-all", OperationID: "logoutAll", Tags: tags,
		Summary: "End all of the caller's sessions, this one too", Security: web.Secured(),
		DefaultStatus: http.StatusNoContent,
	}, change, a.postLogoutAll)
}

type sessionBody struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type" example:"Bearer"`
	ExpiresIn    int    `json:"expires_in" doc:"Lifetime of the access token in seconds"`
	RefreshToken string `json:"refresh_token,omitempty" doc:"Gives the next access token, once"`
	SessionID    string `json:"session_id,omitempty" doc:"Missing, as is refresh_token, if no session could be kept"`
}

func sessionOf(s Session) sessionBody {
	return sessionBody{
		AccessToken: s.Token, TokenType: "Bearer", ExpiresIn: int(s.TTL.Seconds()), RefreshToken: s.Refresh,
		SessionID: s.ID,
	}
}

type refreshInput struct {
	Body struct {
		RefreshToken string `json:"refresh_token" doc:"The last one that the session has got"`
	}
}

type refreshOutput struct {
	Body sessionBody
}

func (a api) postRefresh(ctx context.Context, in *refreshInput) (*refreshOutput, error) {
	session, err := a.Refresh(ctx, in.Body.RefreshToken, web.Network(ctx))
	if err != nil {
		return nil, err
	}
	return &refreshOutput{sessionOf(session)}, nil
}

type signedInBody struct {
	ID         string    `json:"id"`
	Kind       string    `json:"kind" enum:"browser,program"`
	Device     string    `json:"device" example:"Firefox en Android" doc:"In words, by what it calls itself"`
	Network    string    `json:"network" example:"203.0.113.0/24" doc:"Of the address from which it was last used"`
	CreatedAt  time.Time `json:"created_at"`
	LastUsedAt time.Time `json:"last_used_at" doc:"To within the hour"`
	ExpiresAt  time.Time `json:"expires_at" doc:"Unless it is used before"`
	Current    bool      `json:"current" doc:"Whether this request belongs to it"`
}

type sessionsOutput struct {
	Body []signedInBody
}

func (a api) getSessions(ctx context.Context, _ *struct{}) (*sessionsOutput, error) {
	caller, _ := auth.Caller(ctx)
	sessions, err := a.Sessions(ctx, caller.UserID)
	if err != nil {
		return nil, err
	}
	out := &sessionsOutput{Body: make([]signedInBody, len(sessions))}
	for i, s := range sessions {
		out.Body[i] = signedInBody{
			ID: s.ID, Kind: kindProgram, Device: web.Say(ctx, s.Device()), Network: s.Network, CreatedAt: s.CreatedAt,
			LastUsedAt: s.UsedAt, ExpiresAt: s.ExpiresAt, Current: s.ID == caller.SessionID,
		}
		if s.Browser {
			out.Body[i].Kind = kindBrowser
		}
	}
	return out, nil
}

type endSessionInput struct {
	ID string `path:"id"`
}

func (a api) deleteSession(ctx context.Context, in *endSessionInput) (*struct{}, error) {
	return nil, a.EndSession(ctx, auth.CallerID(ctx), in.ID)
}

// logoutOutput also takes the cookie away from a browser, which has no use for it any more.
type logoutOutput struct {
	SetCookie string `header:"Set-Cookie" doc:"Removes the session of a browser"`
}

func (a api) postLogout(ctx context.Context, _ *struct{}) (*logoutOutput, error) {
	caller, _ := auth.Caller(ctx)
	if caller.SessionID != "" {
		// Two clicks at once end it once.
		err := a.EndSession(ctx, caller.UserID, caller.SessionID)
		if err != nil && !errors.Is(err, errSessionNotFound) {
			return nil, err
		}
	}
	return &logoutOutput{web.EndBrowserCookie(ctx)}, nil
}

func (a api) postLogoutAll(ctx context.Context, _ *struct{}) (*logoutOutput, error) {
	if err := a.EndAll(ctx, auth.CallerID(ctx), ""); err != nil {
		return nil, err
	}
	return &logoutOutput{web.EndBrowserCookie(ctx)}, nil
}
