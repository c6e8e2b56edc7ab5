package identity

import (
	"context"
	"time"

	"risingstars/platform/auth"
	"risingstars/platform/web"
)

type recordBody struct {
	ID      string    `json:"id"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor" doc:"An account's id; console: a command on the host; clock: its time has come"`
	Name    string    `json:"actor_name,omitempty" doc:"Of the account, if it still exists"`
	Act     string    `json:"act" example:"user.suspend"`
	Subject string    `json:"subject" doc:"What it was done to, such as user:… or video:…"`
	Before  string    `json:"before"`
	After   string    `json:"after"`
	Reason  string    `json:"reason"`
}

type logInput struct {
	web.Page
	Actor   string    `query:"actor" maxLength:"254" doc:"An id, an e-mail, console or clock"`
	Act     string    `query:"act" maxLength:"50" doc:"Such as user.suspend, or user for all acts on accounts"`
	Subject string    `query:"subject" maxLength:"100" doc:"Such as user:… or video:…"`
	From    time.Time `query:"from" doc:"Not before"`
	Until   time.Time `query:"until" doc:"Before"`
}

type logOutput struct {
	web.PageHeaders
	Body []recordBody
}

func (a api) getLog(ctx context.Context, in *logInput) (*logOutput, error) {
	records, total, err := a.Log(ctx, auth.CallerID(ctx), LogFilter{
		Actor: in.Actor, Act: in.Act, Subject: in.Subject, From: in.From, Until: in.Until,
	}, in.Offset(), in.Size)
	if err != nil {
		return nil, err
	}
	out := &logOutput{
		PageHeaders: in.Headers(ctx, total, "actor", "act", "subject", "from", "until"),
		Body:        make([]recordBody, len(records)),
	}
	for i, r := range records {
		out.Body[i] = recordBody{
			ID: r.ID, At: r.At, Actor: r.Actor, Name: r.Name, Act: r.Act, Subject: r.Subject, Before: r.Before,
			After: r.After, Reason: r.Reason,
		}
	}
	return out, nil
}
