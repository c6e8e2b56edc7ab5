package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// row is one comparison.
type row struct {
	name     string
	least    float64       // wanted ratio of ours to the baseline
	p99      time.Duration // wanted of ours; 0: any
	baseline side
	ours     side
}

// result is what a measurement has found.
type result struct {
	perSecond float64
	p99       time.Duration
}

func (b *bench) rows() []row {
	var rows []row
	for _, page := range b.readPages {
		for _, again := range []bool{false, true} {
			r := row{name: page.name, least: 0.7}
			r.baseline = b.get(b.bare.addr, page.path, "")
			r.ours = b.get(b.serve.addr, page.path, "")
			if again {
				r.name, r.least = page.name+", If-None-Match", 0.8
				r.ours = b.get(b.serve.addr, page.path, page.etag)
			}
			rows = append(rows, r)
		}
	}
	return append(rows,
		row{
			name: "votes for one video, in process, PostgreSQL", least: 5,
			baseline: b.plainVotes(b.postgres, 1), ours: b.votesInProcess(b.postgres, 1),
		},
		row{
			name: "votes for one video, in process, SQLite", least: 5,
			baseline: b.plainVotes(b.sqlite, 1), ours: b.votesInProcess(b.sqlite, 1),
		},
		row{
			name: "votes for one video, over HTTP, PostgreSQL", least: 3,
			baseline: b.plainVotes(b.postgres, 1), ours: b.votesOverHTTP,
		},
		row{
			name: "votes for 10,000 videos, in process, PostgreSQL", least: 1,
			baseline: b.plainVotes(b.postgres, spread), ours: b.votesInProcess(b.postgres, spread),
		},
		row{
			name: "votes for 10,000 videos, in process, SQLite", least: 1,
			baseline: b.plainVotes(b.sqlite, spread), ours: b.votesInProcess(b.sqlite, spread),
		},
		row{
			name: "upload-mock of 10 KB", least: 0.6, p99: 50 * time.Millisecond,
			baseline: b.upload(b.bare.addr, "/upload"), ours: b.upload(b.serve.addr, "/api/videos/upload-mock"),
		},
	)
}

// measure measures a row's two sides in turn, after a short warm-up, and prints the row.
func (b *bench) measure(ctx context.Context, r row) error {
	sides := []side{r.baseline, r.ours}
	for _, warm := range sides {
		if _, err := warm(ctx, b.s.length/4); err != nil {
			return err
		}
	}
	var baseline, ours, ratios, p99 []float64
	for round := range b.s.rounds {
		var found [2]result
		for i := range sides {
			i = (i + round) % 2 // neither is always the first
			ended := func() {}
			if i == 1 && round == 0 {
				ended = b.profile(r.name)
			}
			var err error
			found[i], err = sides[i](ctx, b.s.length)
			ended()
			if err = errors.Join(err, ctx.Err()); err != nil {
				return err
			}
		}
		baseline, ours = append(baseline, found[0].perSecond), append(ours, found[1].perSecond)
		ratios, p99 = append(ratios, found[1].perSecond/found[0].perSecond), append(p99, float64(found[1].p99))
	}
	late, wanted := time.Duration(median(p99)), fmt.Sprintf("≥ %.1f ×", r.least)
	if r.p99 > 0 {
		wanted += fmt.Sprintf(", p99 ≤ %d ms", r.p99.Milliseconds())
	}
	verdict := "met"
	if median(ratios) < r.least || r.p99 > 0 && late > r.p99 {
		verdict = "MISSED"
	}
	fmt.Printf("| %s | %.0f | %.0f | %.2f (%.2f–%.2f) | %.1f ms | %s | %s |\n", r.name, median(baseline), median(ours),
		median(ratios), slices.Min(ratios), slices.Max(ratios), late.Seconds()*1000, wanted, verdict)
	return nil
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}
