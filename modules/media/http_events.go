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
	Stage         string   `json:"stage,omitempty"`
	Progress      int      `json:"progress"`
	QueuePosition int      `json:"queue_position,omitempty" doc:"From 1 while the video waits"`
	Failure       *failure `json:"failure,omitempty"`
}

// Names of the events of a video.
const (
	eventProgress = "progress"
	eventFinal    = "final"   // the last one: processed or failed
	eventDeleted  = "deleted" // the last one: the video is gone
)

// eventRoutes registers the stream of a video's progress.
func (m *Module) eventRoutes(s *web.Server, operation func(method, path, id, summary string, errors ...int) huma.Operation) {
	op := operation(http.MethodGet, "/api/videos/{id}/events", "videoEvents", "The progress of a video, as Server-Sent Events",
		http.StatusForbidden, http.StatusNotFound)
	op.Description = "Events are progress, final and deleted; the stream ends after one of the latter two. A client that reconnects " +
		"with Last-Event-ID is told only what is new; 204 says that there will be nothing more."
	op.Parameters = []*huma.Param{{Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString}}}
	op.DefaultStatus = http.StatusOK
	web.DescribeAs(s.API.OpenAPI(), &op, "text/event-stream", eventBody{})
	s.Handle(op, m.events)
}

func (m *Module) events(c echo.Context) error {
	ctx := c.Request().Context()
	caller, lastSeen := auth.CallerID(ctx), c.Request().Header.Get("Last-Event-ID")
	now, err := m.snapshot(ctx, caller, c.Param("id"))
	if err != nil {
		return err
	}
	if now.final() && now.id() == lastSeen {
		return c.NoContent(http.StatusNoContent) // this is what ends a browser's reconnecting
	}
	stream, err := web.StartEvents(c)
	if err != nil {
		return nil //nolint:nilerr // the client is gone
	}
	err = m.watch(ctx, web.Draining(ctx), caller, now, lastSeen, func(s snapshot) error {
		name := eventProgress
		if s.final() {
			name = eventFinal
		}
		return stream.Send(s.id(), name, eventOf(ctx, s))
	}, stream.KeepAlive)
	if errors.Is(err, errNotFound) {
		_ = stream.Send("deleted", eventDeleted, eventBody{VideoID: now.ID}) // the client is gone, or reads it
	}
	return nil
}

func eventOf(ctx context.Context, s snapshot) eventBody {
	return eventBody{
		VideoID: s.ID, Status: string(s.Status), Stage: s.Stage, Progress: s.Progress, QueuePosition: s.QueuePosition,
		Failure: failureOf(ctx, s.Video),
	}
}
