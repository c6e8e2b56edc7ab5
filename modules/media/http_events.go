package media

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"risingstars/platform/auth"
	"risingstars/platform/web"
)

type eventBody struct {
	VideoID       string       `json:"video_id"`
	Status        string       `json:"status"`
	Step          string       `json:"stage,omitempty"`
	Progress      int          `json:"progress"`
	QueuePosition int          `json:"queue_position,omitempty" doc:"From 1 while the video waits; 1000: that or more"`
	QueueText     string       `json:"queue_position_text,omitempty" doc:"The same for people: 1 to 999, or 1000+"`
	Failure       *failure     `json:"failure,omitempty"`
	Notices       []noticeBody `json:"notices,omitempty" doc:"As in the video, once it is published"`
}

// Names of the events of a video.
const (
	eventProgress = "progress"
	eventFinal    = "final"    // the last one: processed or failed
	eventDeleted  = "deleted"  // the last one: the video has been deleted
	eventReplaced = "replaced" // the last one: the account has opened newer streams
)

// replacedRetry is how long a client waits that reconnects after replaced although it should not. Two tabs that replace
// each other do so once in this time.
const replacedRetry = time.Minute

// describeEvents describes the stream of an operation that bypasses huma.
func describeEvents(s *web.Server, op huma.Operation) huma.Operation {
	op.Description = "Events are progress, final, deleted and replaced; the stream ends after the last three. " +
		"A client that reconnects with Last-Event-ID receives only what is new; 204 means that there is nothing more " +
		"to come. An account has one stream per video and three in all: a newer one ends the oldest with replaced, " +
		"and its client should not reconnect by itself. A stream lasts 30 minutes; then the client reconnects."
	op.Parameters = []*huma.Param{{
		Name: "id", In: "path", Required: true, Schema: &huma.Schema{Type: huma.TypeString},
	}}
	op.Parameters = append(op.Parameters, &huma.Param{
		Name: "Last-Event-ID", In: "header", Description: "The id of the last event that the client has received",
		Schema: &huma.Schema{Type: huma.TypeString},
	})
	web.Describe(s.API.OpenAPI(), &op, "text/event-stream", eventBody{})
	stream := op.Responses["200"].Content["text/event-stream"]
	stream.Extensions = map[string]any{"x-event-data": stream.Schema} // OpenAPI 3.1 has no schema for events
	stream.Schema = &huma.Schema{Type: huma.TypeString}
	stream.Example = "retry: 2000\n\nid: 3\nevent: progress\n" +
		`data: {"video_id":"0198f2b4-7c1e-7d3a-9b52-6f0a4c8e1d27","status":"processing","progress":40}` + "\n\n"
	op.Responses["204"] = &huma.Response{Description: "There is nothing more to come"}
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
	permitted, end, err := a.beginStream(ctx, first.Video)
	if err != nil {
		return err
	}
	defer end()
	stream, err := web.StartEvents(c)
	if err != nil {
		return nil //nolint:nilerr // the client is gone
	}
	why := a.watch(ctx, web.Draining(ctx), permitted, first, lastSeen, func(s snapshot) error {
		name := eventProgress
		switch {
		case s.Deleted:
			name = eventDeleted
		case s.final():
			name = eventFinal
		}
		return stream.Send(s.id(), name, a.eventOf(ctx, s))
	}, stream.KeepAlive)
	if why == replaced {
		// Without an id, so that Last-Event-ID remains that of the last state. The client may be gone.
		_ = stream.Send("", eventReplaced, eventBody{VideoID: first.ID, Status: string(first.Status)})
		_ = stream.RetryAfter(replacedRetry)
	}
	return nil
}

func (a api) eventOf(ctx context.Context, s snapshot) eventBody {
	body := eventBody{
		VideoID: s.ID, Status: string(s.Status), Step: s.Step, Progress: s.Progress, QueuePosition: s.QueuePlace,
		Failure: a.failureOf(ctx, s.Video), Notices: a.noticesOf(ctx, s.Video),
	}
	switch {
	case s.QueuePlace >= maxPlace:
		body.QueueText = strconv.Itoa(maxPlace) + "+"
	case s.QueuePlace > 0:
		body.QueueText = strconv.Itoa(s.QueuePlace)
	}
	return body
}
