package media

import (
	"context"
	"errors"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/fault"
	"risingstars/platform/telemetry"
)

// traced is run as a span of the trace that traceparent names, which need not be the one of the task: a task processes
// the video whose turn it is. If it is empty, the span is in the task's trace.
func (j *job) traced(ctx context.Context, traceparent string) error {
	ctx, span := telemetry.Switch(ctx, telemetry.Internal, "process video", traceparent)
	defer span.End()
	span.SetText("video_id", j.video.ID)
	span.SetNumber("attempt", int64(j.video.Attempt))
	err := j.run(ctx)
	rejection, rejected := errors.AsType[*ffmpeg.Rejection](err)
	switch {
	case err == nil:
	case rejected:
		span.SetText("code", rejection.Code)
	case errors.Is(err, errClaimLost):
		span.SetText("code", "claim_lost")
	default:
		span.Fail(fault.From(err).Code)
	}
	return err
}
