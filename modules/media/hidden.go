package media

import (
	"context"
	"time"

	"risingstars/platform/fault"
)

// Hiding says why a moderator hides a published video, and since when.
type Hiding struct {
	Code  string
	Text  fault.Text
	Words string // the moderator's own; "" if there are none
	At    time.Time
}

// Moderation knows what is hidden, and who may not upload. It is safe for concurrent use.
type Moderation interface {
	// WhyHidden returns why moderators hide those among the videos that they do, by id.
	WhyHidden(ctx context.Context, videoIDs []string) (map[string]Hiding, error)
	// Hidden reports which of the published videos are not shown, by moderators or because their owner is absent.
	Hidden(ctx context.Context, videoIDs []string) (map[string]bool, error)
	// MayUpload returns the fault to answer with if an account may not upload.
	MayUpload(ctx context.Context, userID string) error
	// Forget forgets why a moderator has hidden a video, which is deleted. It joins the transaction in ctx.
	Forget(ctx context.Context, videoID string) error
}

// free hides nothing, and lets everybody upload.
type free struct{}

func (free) WhyHidden(context.Context, []string) (map[string]Hiding, error) { return nil, nil }

func (free) Hidden(context.Context, []string) (map[string]bool, error) { return nil, nil }

func (free) MayUpload(context.Context, string) error { return nil }

func (free) Forget(context.Context, string) error { return nil }

// Hidden reports which of the published videos are not shown. Nobody gets links to their published files.
func (m *Module) Hidden(ctx context.Context, videoIDs []string) (map[string]bool, error) {
	return m.moderation.Hidden(ctx, videoIDs)
}

// WhyHidden returns why moderators hide those among the videos that they do, by id.
func (m *Module) WhyHidden(ctx context.Context, videoIDs []string) (map[string]Hiding, error) {
	return m.moderation.WhyHidden(ctx, videoIDs)
}
