package voting_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"risingstars/modules/voting"
	"risingstars/platform/auth"
	"risingstars/platform/database"
	"risingstars/platform/database/databasetest"
	"risingstars/platform/limit"
)

// metricOf returns a value of the registry, such as that of name{label}; -1 if it is not there.
func metricOf(t *testing.T, registry *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			if family.GetName() != name || label != "" && metric.GetLabel()[0].GetValue() != label {
				continue
			}
			switch {
			case metric.GetHistogram() != nil:
				return metric.GetHistogram().GetSampleSum()
			case metric.GetCounter() != nil:
				return metric.GetCounter().GetValue()
			}
			return metric.GetGauge().GetValue()
		}
	}
	return -1
}

func TestVotesAreMeasured(t *testing.T) {
	t.Parallel()
	databasetest.Each(t, owners, func(t *testing.T, db *database.DB) {
		registry := prometheus.NewRegistry()
		m := voting.New(voting.Deps{
			DB: db, Limits: limit.New(limit.Options{}), Registerer: registry,
			Cursors: auth.NewSeals(auth.NewKeys([]byte("a secret of thirty-two bytes ...."), nil), "cursors"),
		})
		entry := newEntry(newID(), "Song", "Bogotá")
		if err := m.Publish(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
		voter := newID()
		for _, cast := range []struct{ video, voter string }{
			{entry.VideoID, voter}, {entry.VideoID, voter}, {newID(), voter}, {entry.VideoID, entry.UserID},
		} {
			_, _ = m.Vote(t.Context(), cast.video, cast.voter)
		}
		if _, err := m.Unvote(t.Context(), entry.VideoID, voter); err != nil {
			t.Fatal(err)
		}
		for _, outcome := range []string{"counted", "already_voted", "no_entry", "self_vote"} {
			if n := metricOf(t, registry, "voting_votes_total", outcome); n != 1 {
				t.Errorf("%s: %v votes", outcome, n)
			}
		}
		if n := metricOf(t, registry, "voting_unvotes_total", "counted"); n != 1 {
			t.Errorf("%v votes were taken back", n)
		}
		if n := metricOf(t, registry, "voting_batch_votes", ""); n != 4 {
			t.Errorf("%v votes were in batches", n)
		}

		// A counter that somebody changes by hand is noticed.
		_, err := db.Exec(t.Context(), `UPDATE voting_tallies SET votes = 7 WHERE video_id = ?`, entry.VideoID)
		if err != nil {
			t.Fatal(err)
		}
		var log strings.Builder
		ctx, stop := context.WithCancel(t.Context())
		watched := make(chan struct{})
		go func() {
			defer close(watched)
			m.WatchCounters(ctx, slog.New(slog.NewTextHandler(&log, nil)))
		}()
		deadline := time.Now().Add(time.Minute)
		for metricOf(t, registry, "voting_miscounted_entries", "") != 1 && time.Now().Before(deadline) {
			time.Sleep(10 * time.Millisecond)
		}
		stop()
		<-watched
		n := metricOf(t, registry, "voting_miscounted_entries", "")
		if n != 1 || !strings.Contains(log.String(), entry.VideoID) {
			t.Errorf("%v miscounted entries; the log is %s", n, &log)
		}
	})
}
