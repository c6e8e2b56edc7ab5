package media

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"risingstars/platform/auth"
	"risingstars/platform/web"
)

type eventBody struct {
	VideoID       string   `json:"video_id"`
	Status        string   `json:"status"`
	Step          string   `json:"stage,omitempty"`
	Progress      int      `json:"progress"`
	QueuePosition int      `json:"queue_position,omitempty" doc:"From 1 while the video waits"`
	Failure       *failure `json:"failure,omitempty"`
}

// Names of the events of a video.
const (
	eventProgress = "progress"
	eventFinal    = "final"   // the last one: processed or failed
	eventDeleted  = "deleted" // the last one: the video has been deleted
)

// eventStream describes the stream of an operation that bypasses huma.
func eventStream(s *web.Server, op huma.Operation) huma.Operation {
	op.Description = "Events are progress, final and deleted; the stream ends after final or deleted. A client that " +
		"reconnects with Last-Event-ID receives only what is new; 204 means that there is nothing more to come."
	op.Parameters = []*huma.Param{{
		Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
	}}
	web.DescribeAs(s.API.OpenAPI(), &op, "text/event-stream", eventBody{})
	return op
}

func (a api) videoEvents(c echo.Context) error {
	ctx := c.Request().Context()
	caller, lastSeen := auth.CallerID(ctx), c.Request().Header.Get("Last-Event-ID")
	first, err := a.observe(ctx, caller, c.Param("id"))
	if err != nil {
		return err
	}
	if first.final() && first.id() == lastSeen {
		return c.NoContent(http.StatusNoContent) // a browser reconnects until it gets this
	}
	stream, err := web.StartEvents(c)
	if err != nil {
		return nil //nolint:nilerr // the client is gone
	}
	err = a.watch(ctx, web.Draining(ctx), caller, first, lastSeen, func(s snapshot) error {
		name := eventProgress
		if s.final() {
			name = eventFinal
		}
		return stream.Send(s.id(), name, a.eventOf(ctx, s))
	}, stream.KeepAlive)
	if errors.Is(err, errNotFound) {
		_ = stream.Send("deleted", eventDeleted, eventBody{VideoID: first.ID}) // the client may be gone
	}
	return nil
}

func (a api) eventOf(ctx context.Context, s snapshot) eventBody {
	return eventBody{
		VideoID: s.ID, Status: string(s.Status), Step: s.Step, Progress: s.Progress, QueuePosition: s.QueuePosition,
		Failure: a.failureOf(ctx, s.Video),
	}
}
