package media

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"risingstars/modules/media/internal/ffmpeg"
	"risingstars/platform/fault"
)

// The ways of an upload, in metrics.
const (
	wayForm   = "form"
	wayMock   = "mock"
	wayDirect = "direct"
)

// How an upload ended, in metrics.
const (
	outcomeAccepted = "accepted"
	outcomeRefused  = "refused"  // the file, the form or a quota
	outcomeAborted  = "aborted"  // the client went away
	outcomeFull     = "full"     // no space is left
	outcomeFailed   = "failed"   // by our fault
	outcomeBusy     = "too_many" // a budget
)

// What the sweeper did, in metrics.
const (
	actSent     = "task_sent"
	actFailed   = "video_failed"
	actExpired  = "original_deleted"
	actOrphan   = "orphan_deleted"
	actCanceled = "upload_canceled"
)

type metrics struct {
	uploads        *prometheus.CounterVec
	uploadDuration *prometheus.HistogramVec
	uploadBytes    prometheus.Histogram
	toPublished    prometheus.Histogram
	failed         *prometheus.CounterVec
	steps          *prometheus.HistogramVec
	lost           prometheus.Counter
	swept          *prometheus.CounterVec
	sweepErrors    prometheus.Counter
}

// newMetrics panics if the metrics are already registered. registerer may be nil.
func newMetrics(registerer prometheus.Registerer) *metrics {
	factory := promauto.With(registerer)
	m := &metrics{
		uploads: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "media_uploads_total",
			Help: "Uploads by how they ended; direct ones are counted at their completion.",
		}, []string{"way", "outcome"}),
		uploadDuration: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "media_upload_duration_seconds",
			Help:    "How long accepted uploads took: a form to arrive, a direct one to be completed.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900},
		}, []string{"way"}),
		uploadBytes: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "media_upload_bytes",
			Help:    "Sizes of accepted uploads, mocks included.",
			Buckets: prometheus.ExponentialBuckets(64<<10, 4, 8), // 64 KiB to 1 GiB
		}),
		toPublished: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "media_time_to_published_seconds",
			Help:    "Time from the end of an upload to the first publication of the video.",
			Buckets: []float64{1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400},
		}),
		failed: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "media_videos_failed_total",
			Help: "Videos that failed by their failure code: processing_error is our fault, the others are the clip's.",
		}, []string{"code"}),
		steps: factory.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "media_job_step_duration_seconds",
			Help:    "How long jobs spent in each of their steps.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 20, 40, 80, 160, 320},
		}, []string{"step"}),
		lost: factory.NewCounter(prometheus.CounterOpts{
			Name: "media_leases_lost_total",
			Help: "Jobs that lost their claim: the video was deleted, or another worker claimed it.",
		}),
		swept: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "media_swept_total",
			Help: "What the sweeper finished because something had got lost or was due.",
		}, []string{"act"}),
		sweepErrors: factory.NewCounter(prometheus.CounterOpts{
			Name: "media_sweep_errors_total",
			Help: "Parts of sweeps that failed; they are tried again.",
		}),
	}
	m.begin()
	return m
}

// begin lets the series exist from the start, so that their first increase is seen as one.
func (m *metrics) begin() {
	for _, way := range []string{wayForm, wayMock, wayDirect} {
		m.uploadDuration.WithLabelValues(way)
		for _, outcome := range []string{
			outcomeAccepted, outcomeRefused, outcomeAborted, outcomeFull, outcomeFailed, outcomeBusy,
		} {
			m.uploads.WithLabelValues(way, outcome)
		}
	}
	for _, act := range []string{actSent, actFailed, actExpired, actOrphan, actCanceled} {
		m.swept.WithLabelValues(act)
	}
	for _, step := range []string{stepProbing, stepProcessing, stepPublishing} {
		m.steps.WithLabelValues(step)
	}
	for _, code := range []string{
		codeProcessingError, ffmpeg.CodeNotAVideo, ffmpeg.CodeNoVideoStream, ffmpeg.CodeTooShort, ffmpeg.CodeTooLong,
		ffmpeg.CodeResolutionLow, ffmpeg.CodeUnsupported, ffmpeg.CodeUnreadable, ffmpeg.CodeTooComplex,
		ffmpeg.CodeStartBeyondEnd, codeOriginalLost,
	} {
		m.failed.WithLabelValues(code)
	}
}

// upload counts one, which began at a time and ended with err.
func (m *metrics) upload(ctx context.Context, way string, began time.Time, err error) {
	m.uploads.WithLabelValues(way, outcomeOf(ctx, err)).Inc()
	if err == nil {
		m.uploadDuration.WithLabelValues(way).Observe(time.Since(began).Seconds())
	}
}

func outcomeOf(ctx context.Context, err error) string {
	switch {
	case err == nil:
		return outcomeAccepted
	case ctx.Err() != nil, errors.Is(err, context.Canceled):
		return outcomeAborted
	}
	switch fault.From(err).Kind {
	case fault.Internal, fault.Unavailable:
		return outcomeFailed
	case fault.Full:
		return outcomeFull
	case fault.TooManyRequests:
		return outcomeBusy
	case fault.Conflict, fault.Concurrent, fault.Malformed, fault.Invalid, fault.Unauthenticated, fault.Forbidden,
		fault.NotFound, fault.TooLarge, fault.UnsupportedMedia:
	}
	return outcomeRefused
}
