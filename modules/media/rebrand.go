package media

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/disk"
	"risingstars/platform/queue"
	"risingstars/platform/storage"
)

// rebrandKind is the kind of the task that makes one published clip again. The task's id is the video's.
const rebrandKind = "media.rebrand"

const (
	// rebrandPause is how long a task waits while contestants' videos do, or after an error.
	rebrandPause = 5 * time.Second
	// workShare is by how much a job is supposed to be faster than its clip while none has been measured.
	workShare = 3
	// listedAtMost is how many videos of a kind a plan names.
	listedAtMost = 1000
	// keepReplaced is how long replaced files stay, for those who are watching them.
	keepReplaced = time.Hour
)

// RebrandPlan is what it takes to give every published clip the branding in force, and how far that has come.
type RebrandPlan struct {
	Branding string        // the hash of the branding in force
	Clips    int           // published with another branding, with their original
	Bytes    int64         // of those originals, as far as they are known
	PerClip  time.Duration // of one job
	Measured bool          // whether PerClip is the mean of the latest jobs; otherwise it is a guess by their length
	Without  int           // published with another branding, but without their original: they stay as they are

	WithoutIDs []string // the latest of them
	Waiting    int      // listed, and not begun
	UnderWay   int
	Other      int // of those two, the ones that are to get another branding than the one in force
	Failed     []RebrandFailure
}

// RebrandFailure is a published video that could not be made again. Its files are those of before.
type RebrandFailure struct {
	VideoID, Reason string
}

// Work returns how long the clips take if one job runs at a time.
func (p RebrandPlan) Work() time.Duration { return time.Duration(p.Clips) * p.PerClip }

// PlanRebrand returns what there is to do.
func (m *Module) PlanRebrand(ctx context.Context) (RebrandPlan, error) {
	p, err := m.store.countRebrand(ctx, m.o.Branding)
	if err == nil {
		p.WithoutIDs, err = m.store.withoutOriginal(ctx, m.o.Branding, listedAtMost)
	}
	if err == nil {
		p.Failed, err = m.store.failedRebrands(ctx, listedAtMost)
	}
	return p, err
}

// Rebrand lets the workers make every published clip again from its original, with the branding in force. It can be
// called at any time: what has the branding is left out, what is listed already stays so, what failed is tried again,
// and nothing gets a branding of an earlier call any more. It returns how many clips are listed.
//
// A clip is public and playable all the time: its video stays processed, and its files are replaced in one transaction.
// The replaced ones stay for keepReplaced. A job begins only while no contestant's video waits, and never takes a
// worker's last place of several.
func (m *Module) Rebrand(ctx context.Context) (int, error) {
	n, err := m.store.beginRebrand(ctx, m.o.Branding)
	return int(n), err
}

// StopRebrand ends what Rebrand began, except for the jobs under way, and forgets what failed. It returns how many
// clips are left as they are.
func (m *Module) StopRebrand(ctx context.Context) (int, error) {
	n, err := m.store.stopRebrand(ctx)
	return int(n), err
}

// LatestBranding returns the hash of the branding that the latest published clip shows; "" if none is known.
func (m *Module) LatestBranding(ctx context.Context) (string, error) {
	return m.store.latestBranding(ctx)
}

// sendRebrands sends some of the tasks that are due. The others wait in their table, so that they are not in anybody's
// way.
func (m *Module) sendRebrands(ctx context.Context) error {
	ids, err := m.store.takeRebrands(ctx, m.o.Branding, m.o.ResendAfter)
	if err != nil {
		return err
	}
	var failed troubles
	for _, id := range ids {
		limited, cancel := context.WithTimeout(ctx, sendTimeout)
		err := m.queue.Enqueue(limited, queue.Task{Kind: rebrandKind, ID: id})
		cancel()
		if err != nil {
			err = errors.Join(err, m.store.rebrandUnsent(context.WithoutCancel(ctx), id))
		}
		failed.add(err)
	}
	return failed.of(len(ids), "send rebranding tasks")
}

// makeAgain handles a task: it makes a published clip again, unless a contestant's video waits. A contestant's video
// that arrives meanwhile finds a place in this process, if there are several.
func (m *Module) makeAgain(ctx context.Context, d queue.Delivery) error {
	select {
	case m.rebranding <- struct{}{}:
		defer func() { <-m.rebranding }()
	default:
		return queue.Later(rebrandPause)
	}
	if err := m.awaitRoom(ctx, d.ID); err != nil {
		return err
	}
	v, c, claimed, err := m.store.claimRebrand(ctx, d.ID, m.o.Branding)
	if err != nil {
		return err
	}
	if !claimed {
		return m.notRebranded(ctx, d.ID)
	}
	m.underWay.Store(v.ID, true)
	defer m.underWay.Delete(v.ID)
	// The rules about what is accepted were applied when it was published.
	j := m.newJob(v, c)
	j.rules.MinDuration, j.rules.MaxDuration, j.rules.MinHeight = 0, 0, 0
	j.keepsOriginal, j.keepsReplaced = true, true
	err = j.traced(ctx, "")

	// The rest must happen even if the job's context has ended.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTimeout)
	defer cancel()
	switch {
	case err == nil:
		m.log.InfoContext(ctx, "clip rebranded", "video_id", v.ID, "branding", m.o.Branding)
		return nil
	case errors.Is(err, errClaimLost):
		return queue.Discard(err)
	case errors.Is(err, disk.ErrFull):
		return errors.Join(m.postpone(after, v.ID, err), c.giveBack(after))
	case errors.Is(context.Cause(ctx), queue.ErrStopping):
		return errors.Join(err, c.giveBack(after))
	}
	return m.endRebrand(after, c, err)
}

// notRebranded says what becomes of the task of a video that was not claimed.
func (m *Module) notRebranded(ctx context.Context, id string) error {
	state, err := m.store.rebrandOf(ctx, id)
	switch {
	case err != nil:
		return err
	case state.Branding == "", state.Failure != "":
		return queue.Discard(errors.New("there is nothing to rebrand"))
	case state.LeaseFor > 0: // this task was delivered twice, or the worker has vanished
		return queue.Later(max(time.Second, time.Duration(state.LeaseFor)*time.Microsecond))
	case !state.Possible: // deleted, being processed, or done otherwise
		err := m.store.unlistRebrand(ctx, id)
		return errors.Join(queue.Discard(errors.New("the video is not published any more")), err)
	case state.Branding != m.o.Branding:
		m.log.DebugContext(ctx, "a task is for workers with another branding", "video_id", id)
	}
	return queue.Later(rebrandPause) // a contestant's video comes first
}

// endRebrand ends a claim after an error. What may pass is tried again, rebrandTries times in all.
func (m *Module) endRebrand(ctx context.Context, c rebrandClaim, cause error) error {
	rejection, rejected := errors.AsType[*ffmpeg.Rejection](cause)
	reason := strings.Join(strings.Fields(cause.Error()), " ")
	switch {
	case rejected:
		reason = fmt.Sprintf("%s: %s", rejection.Code, rejection.Detail)
	case errors.Is(cause, storage.ErrNotFound):
		reason = "its original is gone"
	default:
		m.log.WarnContext(ctx, "a clip was not rebranded", "video_id", c.videoID, "error", cause)
		tries, err := c.tried(ctx)
		if err != nil {
			return err
		}
		if tries < rebrandTries {
			if err := c.release(ctx); err != nil {
				return err
			}
			return queue.Later(time.Duration(tries) * rebrandPause)
		}
	}
	if len(reason) > 300 {
		reason = strings.ToValidUTF8(reason[:300], "")
	}
	m.log.WarnContext(ctx, "a clip keeps its old branding", "video_id", c.videoID, "reason", reason)
	return c.fail(ctx, reason)
}
