package media

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"sync/atomic"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/queue"
	"risingstars/platform/storage"
)

// processKind is the kind of the task that processes one video. Its id is the video's.
const processKind = "media.process"

const (
	// leaseTime is how long a claim outlives its worker.
	leaseTime = 30 * time.Second
	// beat is how often a worker looks whether its claim still holds, which stops the job of a deleted video within a
	// second; every second beat renews the lease and stores the progress.
	beat = 500 * time.Millisecond
	// outputPatience is how long an output may stay without a row, which is only while it is being published.
	outputPatience = time.Hour
)

// The stages of the work on a video.
const (
	stageQueued     = "queued"
	stageProbing    = "probing"
	stageProcessing = "processing"
	stagePublishing = "publishing"
)

// errClaimLost is the cause that ends a job whose video was deleted or claimed by somebody else.
var errClaimLost = errors.New("the claim on the video is lost")

// links finds what may open a file to whoever reads it: ffmpeg names its input when it fails, and that can be a signed URL.
var links = regexp.MustCompile(`\S*(://|X-Amz-)\S*`)

func withoutLinks(s string) string { return links.ReplaceAllString(s, "<link>") }

// process works on one video: claim, probe and encode, publish.
func (m *Module) process(ctx context.Context, d queue.Delivery) error {
	v, err := m.claim(ctx, d)
	if err != nil {
		return err
	}
	job := &job{Module: m, video: v}
	job.at.Store(&progressMark{stage: stageProbing})
	err = job.run(ctx)

	// What follows must happen although the job's context may have ended.
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanupTime)
	defer cancel()
	var rejection *ffmpeg.Rejection
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errClaimLost):
		return queue.Discard(err)
	case errors.As(err, &rejection):
		m.log.InfoContext(ctx, "clip rejected", "video_id", v.ID, "code", rejection.Code,
			"detail", withoutLinks(rejection.Detail), "stderr", withoutLinks(rejection.Stderr))
		_, err := m.store.reject(after, v, rejection.Code)
		return err
	}
	var tool *ffmpeg.ToolError
	if errors.As(err, &tool) && ctx.Err() == nil {
		m.log.WarnContext(ctx, "what ffmpeg said last", "video_id", v.ID, "step", tool.Step, "stderr", withoutLinks(tool.Stderr))
	}
	return errors.Join(err, m.store.release(after, v))
}

// claim returns the video under a claim of ours, or what the queue should do with the task instead.
func (m *Module) claim(ctx context.Context, d queue.Delivery) (Video, error) {
	now := time.Now()
	v, claimed, err := m.store.claim(ctx, d.ID, now, now.Add(leaseTime))
	if err != nil || claimed {
		return v, err
	}
	row, err := m.store.row(ctx, d.ID)
	switch {
	case errors.Is(err, errNotFound):
		return Video{}, queue.Discard(errors.New("the video was deleted"))
	case err != nil:
		return Video{}, err
	case row.Status == string(Failed) && row.FailureCode == codeProcessingError && d.Redriven:
		// Another delivery for a video that was given up is a duplicate: the sweeper sends again what is silent for long.
		if _, err := m.store.requeue(ctx, d.ID); err != nil {
			return Video{}, err
		}
		return m.claim(ctx, d)
	case row.Status == string(Processing):
		return Video{}, queue.Later(max(time.Second, time.Until(time.UnixMicro(row.LeaseUntil))))
	}
	return Video{}, queue.Discard(fmt.Errorf("the video is %s", row.Status))
}

// giveUp is told when the queue has no attempts left for a task.
func (m *Module) giveUp(ctx context.Context, d queue.Delivery, _ string) error {
	_, err := m.store.giveUp(ctx, d.ID)
	return err
}

// job is one claim at work.
type job struct {
	*Module
	video Video
	at    atomic.Pointer[progressMark]
}

type progressMark struct {
	stage   string
	percent int
}

func (j *job) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	beating := make(chan struct{})
	go func() {
		defer close(beating)
		j.keepAlive(ctx, cancel)
	}()
	defer func() {
		if cause := context.Cause(ctx); err != nil && errors.Is(cause, errClaimLost) {
			err = cause
		}
		cancel(nil)
		<-beating
	}()

	dir, err := j.scratch.Dir("job-")
	if err != nil {
		return fmt.Errorf("make a folder to work in: %w", err)
	}
	defer os.RemoveAll(dir)
	input, err := j.bucket.Input(ctx, j.video.OriginalKey)
	if err != nil {
		return fmt.Errorf("find the original: %w", err)
	}
	container, err := j.sniff(ctx)
	if err != nil {
		return err
	}
	result, err := j.processor.ffmpeg.Process(ctx, ffmpeg.Job{
		Input: input, Container: container, Start: j.video.Start, Rules: j.o.Rules, Dir: dir,
		Progress: func(p ffmpeg.Progress) { j.at.Store(&progressMark{p.Step, p.Percent}) },
	})
	if err != nil {
		return fmt.Errorf("process video %s: %w", j.video.ID, err)
	}
	j.at.Store(&progressMark{stagePublishing, 100})
	return j.publish(ctx, result)
}

// sniff looks at the stored bytes again: what decides the demuxer is the content, not the key.
func (j *job) sniff(ctx context.Context) (ffmpeg.Container, error) {
	file, _, err := j.bucket.Open(ctx, j.video.OriginalKey)
	if err != nil {
		return ffmpeg.Container{}, fmt.Errorf("open the original: %w", err)
	}
	defer file.Close()
	container, err := sniff(file)
	if errors.Is(err, errNotAVideo) {
		return container, &ffmpeg.Rejection{Code: ffmpeg.CodeNotAVideo, Detail: "the stored bytes are no known container"}
	}
	return container, err
}

// keepAlive renews the lease until ctx ends, and ends it when the claim is lost or cannot be renewed in time.
func (j *job) keepAlive(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(beat)
	defer ticker.Stop()
	renewed := time.Now()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		renew, now := n%2 == 0, time.Now()
		held, err := j.beat(ctx, renew, now)
		switch {
		case err == nil && !held:
			cancel(errClaimLost)
		case err == nil && renew:
			renewed = now
		case time.Since(renewed) > leaseTime:
			cancel(fmt.Errorf("the lease could not be renewed: %w", err))
		}
	}
}

// beat tells whether the claim still holds.
func (j *job) beat(ctx context.Context, renew bool, now time.Time) (held bool, err error) {
	if !renew {
		return j.store.holds(ctx, j.video)
	}
	at := j.at.Load()
	return j.store.renew(ctx, j.video, now.Add(leaseTime), at.stage, at.percent)
}

// publish stores the outputs and, in one transaction, completes the claim and shows the entry. A loser's outputs go.
func (j *job) publish(ctx context.Context, result ffmpeg.Result) error {
	v := j.video
	name := fmt.Sprintf("%s/%s-%d", j.o.ProcessedPrefix, v.ID, v.Attempt)
	v.ProcessedKey, v.PosterKey = name+path.Ext(result.Video), name+path.Ext(result.Poster)
	v.Duration, v.ProcessedAt = result.Duration, time.Now()

	err := j.store.unclaim(ctx, v.ProcessedAt.Add(outputPatience), v.ProcessedKey, v.PosterKey)
	if err == nil {
		_, err = j.bucket.PutFile(ctx, v.ProcessedKey, result.Video, storage.PutOptions{})
	}
	if err == nil {
		_, err = j.bucket.PutFile(ctx, v.PosterKey, result.Poster, storage.PutOptions{})
	}
	if err == nil {
		err = j.complete(ctx, v)
	}
	if err != nil {
		j.abandon(ctx, v.ProcessedKey, v.PosterKey)
		return fmt.Errorf("publish video %s: %w", v.ID, err)
	}
	if j.o.DeleteOriginal {
		j.remove(context.WithoutCancel(ctx), v.OriginalKey)
	}
	return nil
}

func (j *job) complete(ctx context.Context, v Video) error {
	return j.store.db.InTx(ctx, func(ctx context.Context) error {
		published, err := j.store.publish(ctx, v)
		if err != nil {
			return err
		}
		if !published {
			return errClaimLost
		}
		name, city, country, err := j.people.Profile(ctx, v.OwnerID)
		if err != nil {
			return err //nolint:wrapcheck // named by the port
		}
		err = j.gallery.Publish(ctx, Entry{
			VideoID: v.ID, UserID: v.OwnerID, PlayerName: name, City: city, Country: country, Title: v.Title,
			Description: v.Description, ProcessedKey: v.ProcessedKey, PosterKey: v.PosterKey, Duration: v.Duration, UploadedAt: v.UploadedAt,
		})
		if err != nil {
			return err //nolint:wrapcheck // named by the port
		}
		if j.o.DeleteOriginal {
			if err := j.store.unclaim(ctx, time.Now(), v.OriginalKey); err != nil {
				return err
			}
		}
		return j.store.keep(ctx, v.ProcessedKey, v.PosterKey)
	})
}
