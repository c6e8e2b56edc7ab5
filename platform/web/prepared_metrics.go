package web

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

// agedAnswers bounds how many answers are looked at for their age, those that were asked for last: requests wait
// meanwhile.
const agedAnswers = 256

// tell registers the metrics, which cost nothing until they are scraped. registerer may be nil.
func (p *prepared) tell(registerer prometheus.Registerer) {
	metrics := promauto.With(registerer)
	gauge := func(name, help string, read func() float64) {
		metrics.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			p.mu.Lock()
			defer p.mu.Unlock()
			return read()
		})
	}
	gauge("http_prepared_answers", "Answers in memory that were made for everybody.", func() float64 {
		return float64(len(p.answers))
	})
	gauge("http_prepared_bytes", "What the prepared answers occupy, about.", func() float64 { return float64(p.size) })
	gauge("http_prepared_age_seconds",
		"Age of the oldest prepared answer that is still given to clients; 0 if none is.",
		func() float64 { return p.oldest(time.Now()).Seconds() })
}

// oldest returns the age of the oldest answer that get would return. The caller holds the mutex.
func (p *prepared) oldest(now time.Time) (age time.Duration) {
	for element, n := p.order.Front(), 0; element != nil && n < agedAnswers; element, n = element.Next(), n+1 {
		if a := answerOf(element); now.Before(a.until) {
			age = max(age, now.Sub(a.made))
		}
	}
	return age
}
