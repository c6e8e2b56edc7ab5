package media

import (
	"context"
	"fmt"
	"time"
)

// sendHold is how long whoever is about to send a task may take. If the process dies first, the sweeper sends it then.
const sendHold = time.Minute

// silentVideo is a video whose task its reader is to send.
type silentVideo struct {
	ID      string
	SentAt  int64 // tells this sending from later ones
	Attempt int
	Trace   string
	Died    bool // the task died during the latest attempt: the video is to fail instead
}

// died is a column of silentVideo.
const died = `(status = 'processing' AND dead_attempt > 0 AND dead_attempt = attempt) AS died`

// takeSilent returns videos whose task the queue may have lost: they wait or have no valid lease, and their task was
// last sent longer than resendAfter ago. Nobody else gets them before sendHold is over.
func (s *store) takeSilent(ctx context.Context, resendAfter time.Duration, limit int) ([]silentVideo, error) {
	// The condition of media_videos_waiting_idx, literally: SQLite would not use the index with placeholders.
	return s.takeToSend(ctx, fmt.Sprintf(`
		WITH silent AS (
			SELECT id FROM media_videos
			WHERE status IN ('uploaded', 'processing') AND NOT mock AND sent_at < %s AND NOT %s
			ORDER BY sent_at LIMIT ? %s
		)
		UPDATE media_videos SET sent_at = %s WHERE id IN (SELECT id FROM silent)
		RETURNING id, sent_at, attempt, trace, %s`,
		plus(s.moment(), -resendAfter), leased(s.clock()), s.skipLocked(), s.sending(resendAfter), died), limit)
}

// takeUnsent returns the video if its task has not been sent and nobody else is about to send it.
func (s *store) takeUnsent(ctx context.Context, id string, resendAfter time.Duration) ([]silentVideo, error) {
	return s.takeToSend(ctx, fmt.Sprintf(`
		UPDATE media_videos SET sent_at = %s
		WHERE id = ? AND sent_at = 0 AND status IN ('uploaded', 'processing') AND NOT %s
		RETURNING id, sent_at, attempt, trace, %s`, s.sending(resendAfter), leased(s.clock()), died), id)
}

// sending is the time in sent_at while a task is being sent: after sendHold, it is resendAfter ago.
func (s *store) sending(resendAfter time.Duration) string {
	return plus(s.clock(), min(0, sendHold-resendAfter))
}

func (s *store) takeToSend(ctx context.Context, statement string, arg any) (videos []silentVideo, err error) {
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		videos = nil // of a run that was rolled back
		return s.db.Query(ctx, &videos, statement, arg)
	})
	if err != nil {
		return nil, fmt.Errorf("take videos to send: %w", err)
	}
	return videos, nil
}

// sent records that the task of a video that was taken has been sent, unless a worker has claimed the video since.
func (s *store) sent(ctx context.Context, v silentVideo) error {
	return s.endSending(ctx, v, s.clock())
}

// notSent lets the next sweep send the task of a video that was taken, unless a worker has claimed the video since.
func (s *store) notSent(ctx context.Context, v silentVideo) error {
	return s.endSending(ctx, v, `0`)
}

func (s *store) endSending(ctx context.Context, v silentVideo, sentAt string) error {
	_, err := s.db.Exec(ctx,
		`UPDATE media_videos SET sent_at = `+sentAt+` WHERE id = ? AND sent_at = ?`, v.ID, v.SentAt)
	if err != nil {
		return fmt.Errorf("record when the task of video %s was sent: %w", v.ID, err)
	}
	return nil
}

// lost records that the queue no longer has the task of a video that nobody holds.
func (s *store) lost(ctx context.Context, id string) error {
	_, err := s.db.Exec(ctx, `UPDATE media_videos SET sent_at = 0 WHERE id = ? AND NOT `+leased(s.clock()), id)
	if err != nil {
		return fmt.Errorf("mark the task of video %s as lost: %w", id, err)
	}
	return nil
}
