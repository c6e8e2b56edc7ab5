package voting

import (
	"context"
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// How a vote ended, in metrics.
const (
	outcomeCounted = "counted"
	outcomeTwice   = "already_voted"
	outcomeOwn     = "self_vote"
	outcomeNoEntry = "no_entry"
	outcomeNone    = "not_voted" // there was no vote to remove
	outcomeAborted = "aborted"   // the client went away
	outcomeFailed  = "failed"    // by our fault
)

type metrics struct {
	votes, unvotes *prometheus.CounterVec
	batch          prometheus.Histogram
	commit         prometheus.Histogram
	drift          prometheus.Gauge
	compared       prometheus.Counter
}

// newMetrics panics if the metrics are already registered. registerer may be nil.
func newMetrics(registerer prometheus.Registerer) *metrics {
	factory := promauto.With(registerer)
	m := &metrics{
		votes: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "voting_votes_total",
			Help: "Votes by how they ended.",
		}, []string{"outcome"}),
		unvotes: factory.NewCounterVec(prometheus.CounterOpts{
			Name: "voting_unvotes_total",
			Help: "Votes to be taken back by how that ended.",
		}, []string{"outcome"}),
		batch: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "voting_batch_votes",
			Help:    "Votes that were cast in one transaction.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9), // to 256, the largest batch
		}),
		commit: factory.NewHistogram(prometheus.HistogramOpts{
			Name:    "voting_commit_duration_seconds",
			Help:    "How long the transaction of a batch took, its wait for the database included.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		drift: factory.NewGauge(prometheus.GaugeOpts{
			Name: "voting_miscounted_entries",
			Help: "Entries whose number of votes differs from their votes, as sampled by this worker; it must be 0.",
		}),
		compared: factory.NewCounter(prometheus.CounterOpts{
			Name: "voting_compared_entries_total",
			Help: "Entries whose number of votes this worker has compared with their votes.",
		}),
	}
	for _, outcome := range []string{
		outcomeCounted, outcomeTwice, outcomeOwn, outcomeNoEntry, outcomeAborted, outcomeFailed,
	} {
		m.votes.WithLabelValues(outcome)
	}
	for _, outcome := range []string{outcomeCounted, outcomeNone, outcomeNoEntry, outcomeAborted, outcomeFailed} {
		m.unvotes.WithLabelValues(outcome)
	}
	return m
}

func outcomeOf(ctx context.Context, err error) string {
	switch {
	case err == nil:
		return outcomeCounted
	case errors.Is(err, errAlreadyVoted):
		return outcomeTwice
	case errors.Is(err, errSelfVote):
		return outcomeOwn
	case errors.Is(err, errNoEntry):
		return outcomeNoEntry
	case errors.Is(err, errNotVoted):
		return outcomeNone
	case ctx.Err() != nil:
		return outcomeAborted
	}
	return outcomeFailed
}
