package app

import (
	"context"
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"

	"risingstars/modules/media"
)

// countMissing registers the metric of published videos whose files are gone. It asks the database when it is scraped.
func (a *app) countMissing() {
	promauto.With(a.registry).NewGaugeFunc(prometheus.GaugeOpts{
		Name: "media_videos_missing_files",
		Help: "Published videos of which a file is gone, as found within the last round through storage.",
	}, func() float64 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		n, err := a.media.CountMissing(ctx)
		if err != nil {
			return math.NaN()
		}
		return float64(n)
	})
}

// missingFiles is doctor's check of what the workers have found.
func (d *doctor) missingFiles(ctx context.Context, a *app) {
	n, err := media.New(media.Deps{DB: a.db, Logger: a.log}).CountMissing(ctx)
	switch {
	case err != nil:
		d.report("published files", fail, "%v", err)
	case n > 0:
		d.report("published files", warn, "%d videos lack theirs; app storage check lists them, app reprocess "+
			"--missing makes them again from their originals", n)
	default:
		d.report("published files", fine, "workers miss none")
	}
}
