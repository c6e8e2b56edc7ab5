package media

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/disk"
	"risingstars/platform/storage"
	"risingstars/platform/telemetry"
)

const (
	// checkEvery is how often a job checks its claim, so that the job of a deleted video ends within a second. Every
	// second check renews the lease and stores the progress.
	checkEvery = 500 * time.Millisecond
	// outputGrace is how long an output may take to be published before it is deleted as an orphan.
	outputGrace = time.Hour
	// keyRandom is the length of the random part of an output's key, of 5 bits each.
	keyRandom = 10
)

// job is the work on one claim.
type job struct {
	*Module
	video    Video // as it was claimed
	right    jobRight
	rules    Rules
	progress atomic.Pointer[jobProgress]
	// committing is set before the transaction that ends the claim.
	committing atomic.Bool
	began      time.Time
	turned     time.Time // when its present step began

	keepsOriginal bool // whatever the settings say
	keepsReplaced bool // for a while
}

// jobRight is a worker's right to publish a video, which it may lose at any time.
type jobRight interface {
	// renew extends the lease and stores the progress. It reports false if the claim is lost.
	renew(ctx context.Context, step string, progress int) (bool, error)
	// holds reports whether the claim is still valid.
	holds(ctx context.Context) (bool, error)
	// complete stores the outputs in the row of a video that was old before. It joins the transaction in ctx. It
	// reports false if the claim is lost.
	complete(ctx context.Context, v, old Video) (bool, error)
}

func (m *Module) newJob(v Video, right jobRight) *job {
	j := &job{Module: m, video: v, right: right, rules: m.o.Rules, began: time.Now(), turned: time.Now()}
	j.progress.Store(&jobProgress{step: stepProbing})
	return j
}

type jobProgress struct {
	step    string
	percent int
}

// report notes how far the job is. It is called by one goroutine at a time.
func (j *job) report(step string, percent int) {
	if j.progress.Load().step != step {
		j.endStep()
	}
	j.progress.Store(&jobProgress{step, percent})
}

// endStep measures the present step.
func (j *job) endStep() {
	now := time.Now()
	j.metrics.steps.WithLabelValues(j.progress.Load().step).Observe(now.Sub(j.turned).Seconds())
	j.turned = now
}

// run processes and publishes the video. The error is errClaimLost if the claim is lost meanwhile.
func (j *job) run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	kept := make(chan struct{})
	go func() {
		defer close(kept)
		j.keepClaim(ctx, cancel)
	}()
	defer func() {
		j.endStep()
		if cause := context.Cause(ctx); err != nil && errors.Is(cause, errClaimLost) {
			err = cause
			j.metrics.lost.Inc()
		}
		cancel(nil)
		<-kept
	}()

	dir, err := j.scratch.Dir("job-")
	if err != nil {
		return fmt.Errorf("create a work folder: %w", disk.Explain(err))
	}
	defer os.RemoveAll(dir)
	file, object, err := j.bucket.Open(ctx, j.video.OriginalKey)
	if err != nil {
		return fmt.Errorf("open the original: %w", err)
	}
	defer file.Close()
	work, err := j.prepare(ctx, file, object.Size)
	if err != nil {
		return err
	}
	room, err := j.disks.Borrow(j.need(object.Size, work.Source != nil))
	if err != nil {
		return err
	}
	defer room.Release()
	work.Dir = dir
	result, err := j.processor.ffmpeg.Process(ctx, work)
	if err != nil {
		return j.blame(fmt.Errorf("process video %s: %w", j.video.ID, err))
	}
	j.report(stepPublishing, 100)
	ctx, span := telemetry.Start(ctx, telemetry.Internal, "publish")
	defer func() { span.EndWith(err) }()
	return j.publish(ctx, result)
}

// prepare describes the work on an original of that size, which is read from file unless the store has it on this
// machine's disk. It reads the stored bytes again, because the content, not the key, determines the demuxer.
func (j *job) prepare(ctx context.Context, file io.ReadSeeker, size int64) (work ffmpeg.Job, err error) {
	work = ffmpeg.Job{
		Start: j.video.Start, Rules: j.rules,
		Progress: func(p ffmpeg.Progress) { j.report(p.Step, p.Percent) },
	}
	container, head, err := sniff(file)
	if errors.Is(err, errNotAVideo) {
		return work, &ffmpeg.Rejection{Code: ffmpeg.CodeNotAVideo, Detail: "unknown container"}
	}
	if err != nil {
		return work, err
	}
	work.Container = container
	work.Input, err = j.bucket.Path(ctx, j.video.OriginalKey)
	if errors.Is(err, errors.ErrUnsupported) {
		work.Source, err = &ffmpeg.Source{ReadSeeker: file, Size: size, Head: head}, nil
	}
	return work, err
}

// keepClaim renews the lease until ctx ends. It cancels ctx if the claim is lost or the lease cannot be renewed in
// time. While the job is committed, which ends the claim, the transaction itself finds out whether it was lost.
func (j *job) keepClaim(ctx context.Context, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(checkEvery)
	defer ticker.Stop()
	renewed := time.Now()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		renew, now := n%2 == 0, time.Now()
		held, err := j.checkClaim(ctx, renew)
		switch {
		case err == nil && !held && !j.committing.Load():
			cancel(errClaimLost)
		case err == nil && renew:
			renewed = now
		case err != nil && time.Since(renewed) > leaseTime:
			cancel(fmt.Errorf("the lease could not be renewed: %w", err))
		}
	}
}

// checkClaim reports whether the claim still holds.
func (j *job) checkClaim(ctx context.Context, renew bool) (held bool, err error) {
	if !renew {
		return j.right.holds(ctx)
	}
	p := j.progress.Load()
	return j.right.renew(ctx, p.step, p.percent)
}

// publish stores the outputs and commits the job. After an error, such as a lost claim, it deletes them again. Their
// keys have a random part, because whoever has seen an address may keep its content for ever: after a backup is
// restored, attempt numbers begin again where they were.
func (j *job) publish(ctx context.Context, result ffmpeg.Result) error {
	v := j.video
	name := fmt.Sprintf("%s/%s-%d-%s", j.o.ProcessedPrefix, v.ID, v.Attempt, strings.ToLower(rand.Text()[:keyRandom]))
	output, files := outputOf(name, result)
	v.Output = output
	v.Duration, v.Notices = result.Duration, result.Notices
	v.Branding, v.Work = j.o.Branding, time.Since(j.began)
	if j.deletesOriginal() {
		v.OriginalKey, v.OriginalSize = "", 0
	}

	err := j.store.orphan(ctx, outputGrace, v.keys()...)
	for _, file := range files {
		if err == nil {
			_, err = j.bucket.PutFile(ctx, file.key, file.path, storage.PutOptions{})
		}
	}
	var old []condemned
	if err == nil {
		j.committing.Store(true)
		old, err = j.commit(ctx, v)
	}
	if err != nil {
		j.discard(ctx, err, v.keys()...)
		return fmt.Errorf("publish video %s: %w", v.ID, err)
	}
	j.measurePublication(ctx)
	j.tryDeleteFiles(ctx, old)
	return nil
}

// measurePublication tells how long the contestant has waited, by the database's clock. Clips that were published
// before do not count.
func (j *job) measurePublication(ctx context.Context) {
	if j.video.ProcessedKey != "" {
		return
	}
	if now, err := j.store.db.Now(ctx); err == nil {
		waited := max(0, now.Sub(j.video.UploadedAt))
		j.metrics.toPublished.Observe(waited.Seconds())
		j.log.InfoContext(ctx, "video published", "video_id", j.video.ID, "waited_ms", waited.Milliseconds())
	}
}

func (j *job) deletesOriginal() bool { return j.o.DeleteOriginal && !j.keepsOriginal }

// commit completes the claim, publishes the entry and adopts the outputs in one transaction. It returns what is to be
// deleted now: the original, if it is not kept, and earlier outputs, if the video is processed again.
func (j *job) commit(ctx context.Context, v Video) (files []condemned, err error) {
	err = j.store.db.InTx(ctx, func(ctx context.Context) error {
		published, err := j.right.complete(ctx, v, j.video)
		if err != nil {
			return err
		}
		if !published {
			return errClaimLost
		}
		if err := j.store.outdateRebrand(ctx, v.ID, v.Branding); err != nil {
			return err
		}
		owner, err := j.people.Profile(ctx, v.OwnerID)
		if err != nil {
			return err
		}
		entry := Entry{
			VideoID: v.ID, UserID: v.OwnerID, PlayerName: owner.PlayerName, City: owner.City, Country: owner.Country,
			Title: v.Title, Description: v.Description, Output: v.Output,
			Duration: v.Duration, UploadedAt: v.UploadedAt,
		}
		if err := j.gallery.Publish(ctx, entry); err != nil {
			return err
		}
		if err := j.tellPublished(ctx, j.video, entry); err != nil {
			return err
		}
		old := j.video.keys()
		if j.deletesOriginal() {
			old = append(old, j.video.OriginalKey)
		}
		if j.keepsReplaced {
			err = j.store.orphan(ctx, keepReplaced, old...)
		} else {
			files, err = j.store.condemn(ctx, firstPause, old...)
		}
		if err != nil {
			return err
		}
		return j.store.adopt(ctx, v.keys()...)
	})
	return files, err
}
