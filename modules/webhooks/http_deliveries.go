package webhooks

import (
	"context"
	"encoding/json"
	"time"

	"risingstars/platform/auth"
	"risingstars/platform/web"
)

type deliveryBody struct {
	DeliveryID string          `json:"delivery_id"`
	EventID    string          `json:"event_id" doc:"The header webhook-id, the same each time it is sent"`
	Event      string          `json:"event" example:"video.published"`
	Payload    json.RawMessage `json:"payload" doc:"What is sent"`
	State      string          `json:"state" enum:"waiting,delivered,failed"`
	Tries      int             `json:"tries"`
	Status     int             `json:"status_code" doc:"Of the answer to the latest try; 0: there was none"`
	Error      string          `json:"error" doc:"Why it is not delivered; empty: it is, or was not tried"`
	TookMs     int64           `json:"took_ms"`
	CreatedAt  time.Time       `json:"created_at"`
	TriedAt    *time.Time      `json:"tried_at" doc:"null: not yet"`
	NextTryAt  *time.Time      `json:"next_try_at" doc:"Not before; null: never"`
}

func deliveryBodyOf(d Delivery) deliveryBody {
	body := deliveryBody{
		DeliveryID: d.ID, EventID: d.EventID, Event: string(d.Kind), Payload: json.RawMessage(d.Payload),
		State: string(d.State), Tries: d.Tries, Status: d.Status, Error: d.Error, TookMs: d.Took.Milliseconds(),
		CreatedAt: d.CreatedAt, TriedAt: timeOrNil(d.TriedAt),
	}
	if d.State == Waiting {
		body.NextTryAt = timeOrNil(d.DueAt)
	}
	return body
}

type deliveriesInput struct {
	web.Page
	OneWebhook

	State string `query:"state" enum:"waiting,delivered,failed,all" default:"all"`
}

type deliveriesOutput struct {
	web.PageHeaders
	Body []deliveryBody `nullable:"false"`
}

func (a api) getDeliveries(ctx context.Context, in *deliveriesInput) (*deliveriesOutput, error) {
	f := DeliveryFilter{State: DeliveryState(in.State)}
	if in.State == "all" {
		f.State = ""
	}
	found, total, err := a.Deliveries(ctx, auth.CallerID(ctx), in.ID, f, in.Offset(), in.Size)
	if err != nil {
		return nil, err
	}
	out := &deliveriesOutput{PageHeaders: in.Headers(ctx, total, "state"), Body: make([]deliveryBody, len(found))}
	for i, d := range found {
		out.Body[i] = deliveryBodyOf(d)
	}
	return out, nil
}

type replayInput struct {
	OneWebhook

	DeliveryID string `path:"delivery_id" doc:"The delivery's id"`
	Body       struct {
		Reason string `json:"reason" doc:"Is kept in the log"`
	}
}

func (a api) postReplay(ctx context.Context, in *replayInput) (*doneOutput, error) {
	by := Actor{ID: auth.CallerID(ctx), Reason: in.Body.Reason}
	if err := a.Replay(ctx, by, in.ID, in.DeliveryID); err != nil {
		return nil, err
	}
	return done(ctx, in.ID, "El aviso va en camino otra vez.", "The event is on its way again."), nil
}

type replayedOutput struct {
	Body struct {
		WebhookID string `json:"webhook_id"`
		Count     int    `json:"count" doc:"How many are sent again" example:"3"`
	}
}

func (a api) postReplayFailed(ctx context.Context, in *reasonInput) (*replayedOutput, error) {
	n, err := a.ReplayFailed(ctx, Actor{ID: auth.CallerID(ctx), Reason: in.Body.Reason}, in.ID)
	if err != nil {
		return nil, err
	}
	out := &replayedOutput{}
	out.Body.WebhookID, out.Body.Count = in.ID, n
	return out, nil
}
