package webhooks

import (
	"context"
	"time"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

type webhookBody struct {
	WebhookID     string     `json:"webhook_id"`
	URL           string     `json:"url" doc:"To auditors, without path and query" example:"https://example.org/hooks"`
	Description   string     `json:"description"`
	Events        []string   `json:"events" nullable:"false" example:"[\"video.published\"]"`
	State         string     `json:"state" enum:"on,off,failed,gone" doc:"failed: not reached; gone: it said 410"`
	CreatedAt     time.Time  `json:"created_at"`
	PreviousUntil *time.Time `json:"previous_secret_until" doc:"Until then the replaced secret signs, too, or null"`
	Failures      int        `json:"failures" doc:"Since it last accepted something"`
	FailingSince  *time.Time `json:"failing_since" doc:"null: it does not fail"`
	LastStatus    int        `json:"last_status" doc:"Of the latest failure; 0: there was no answer"`
	LastError     string     `json:"last_error" doc:"Why the latest try failed, as in deliveries; empty: it did not"`
}

func webhookBodyOf(e Endpoint) webhookBody {
	body := webhookBody{
		WebhookID: e.ID, URL: e.URL, Description: e.Description, Events: []string{}, State: string(e.State),
		CreatedAt: e.CreatedAt, PreviousUntil: timeOrNil(e.PreviousUntil), Failures: e.Failures,
		FailingSince: timeOrNil(e.FailingSince), LastStatus: e.LastStatus, LastError: e.LastError,
	}
	for _, kind := range e.Kinds {
		body.Events = append(body.Events, string(kind))
	}
	return body
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// OneWebhook is the parameter of what is about one webhook. Embed it in an operation's input.
type OneWebhook struct {
	ID string `path:"id" doc:"The webhook's id"`
}

type webhookOutput struct {
	Body webhookBody
}

type webhooksOutput struct {
	Body []webhookBody `nullable:"false"`
}

func (a api) getWebhooks(ctx context.Context, _ *struct{}) (*webhooksOutput, error) {
	all, err := a.Endpoints(ctx, auth.CallerID(ctx))
	if err != nil {
		return nil, err
	}
	out := &webhooksOutput{Body: make([]webhookBody, len(all))}
	for i, e := range all {
		out.Body[i] = webhookBodyOf(e)
	}
	return out, nil
}

func (a api) getWebhook(ctx context.Context, in *OneWebhook) (*webhookOutput, error) {
	e, err := a.EndpointOf(ctx, auth.CallerID(ctx), in.ID)
	if err != nil {
		return nil, err
	}
	return &webhookOutput{webhookBodyOf(e)}, nil
}

// specFields are what an administrator decides about a webhook.
type specFields struct {
	URL         string `json:"url" doc:"https, and public" example:"https://example.org/hooks"`
	Description string `json:"description,omitempty"`
	On          *bool  `json:"on,omitempty" doc:"false: it is told nothing; without it, true" example:"true"`
	Reason      string `json:"reason" doc:"Is kept in the log"`

	Events []string `json:"events" enum:"video.published,video.failed,entry.hidden,vote.milestone" nullable:"false"`
}

func (f specFields) spec() Spec {
	s := Spec{URL: f.URL, Description: f.Description, On: f.On == nil || *f.On}
	for _, kind := range f.Events {
		s.Kinds = append(s.Kinds, Kind(kind))
	}
	return s
}

type addInput struct {
	Body specFields
}

type secretBody struct {
	Webhook webhookBody `json:"webhook"`
	Secret  string      `json:"secret" doc:"Verifies the header webhook-signature; it is never shown again"`
}

type secretOutput struct {
	Body secretBody
}

func (a api) postWebhook(ctx context.Context, in *addInput) (*secretOutput, error) {
	by := Actor{ID: auth.CallerID(ctx), Reason: in.Body.Reason}
	e, secret, err := a.Register(ctx, by, in.Body.spec())
	if err != nil {
		return nil, err
	}
	return &secretOutput{secretBody{webhookBodyOf(e), secret}}, nil
}

type changeInput struct {
	OneWebhook

	Body specFields
}

func (a api) putWebhook(ctx context.Context, in *changeInput) (*webhookOutput, error) {
	by := Actor{ID: auth.CallerID(ctx), Reason: in.Body.Reason}
	if err := a.Change(ctx, by, in.ID, in.Body.spec()); err != nil {
		return nil, err
	}
	return a.getWebhook(ctx, &in.OneWebhook)
}

type reasonInput struct {
	OneWebhook

	Body struct {
		Reason string `json:"reason" doc:"Is kept in the log"`
	}
}

type doneOutput struct {
	Body struct {
		Message   string `json:"message"`
		WebhookID string `json:"webhook_id"`
	}
}

func done(ctx context.Context, id, es, en string) *doneOutput {
	out := &doneOutput{}
	out.Body.Message, out.Body.WebhookID = web.Say(ctx, fault.Text{ES: es, EN: en}), id
	return out
}

func (a api) deleteWebhook(ctx context.Context, in *reasonInput) (*doneOutput, error) {
	if err := a.Remove(ctx, Actor{ID: auth.CallerID(ctx), Reason: in.Body.Reason}, in.ID); err != nil {
		return nil, err
	}
	return done(ctx, in.ID, "El webhook ya no existe.", "The webhook is deleted."), nil
}

type rotateInput struct {
	OneWebhook

	Body struct {
		OverlapHours *int   `json:"overlap_hours,omitempty" minimum:"0" maximum:"168" doc:"24 without it"`
		Reason       string `json:"reason" doc:"Is kept in the log"`
	}
}

func (a api) postRotate(ctx context.Context, in *rotateInput) (*secretOutput, error) {
	hours := 24
	if in.Body.OverlapHours != nil {
		hours = *in.Body.OverlapHours
	}
	caller := auth.CallerID(ctx)
	secret, err := a.Rotate(ctx, Actor{ID: caller, Reason: in.Body.Reason}, in.ID, time.Duration(hours)*time.Hour)
	if err != nil {
		return nil, err
	}
	e, err := a.EndpointOf(ctx, caller, in.ID)
	if err != nil {
		return nil, err
	}
	return &secretOutput{secretBody{webhookBodyOf(e), secret}}, nil
}

func (a api) postTest(ctx context.Context, in *reasonInput) (*doneOutput, error) {
	if err := a.Try(ctx, Actor{ID: auth.CallerID(ctx), Reason: in.Body.Reason}, in.ID); err != nil {
		return nil, err
	}
	return done(ctx, in.ID, "El aviso de prueba va en camino.", "The test event is on its way."), nil
}
