package disk

import "github.com/prometheus/client_golang/prometheus"

// collector reads the volumes when metrics are scraped.
type collector struct{ disks *Disks }

var (
	freeBytes = prometheus.NewDesc("storage_disk_free_bytes",
		"Free bytes of a volume, less what uploads and jobs under way have been promised.", []string{"volume"}, nil)
	reserveBytes = prometheus.NewDesc("storage_disk_reserve_bytes",
		"Bytes of a volume that stay free: below them, uploads are refused.", []string{"volume"}, nil)
)

func (c collector) Describe(descs chan<- *prometheus.Desc) {
	descs <- freeBytes
	descs <- reserveBytes
}

func (c collector) Collect(metrics chan<- prometheus.Metric) {
	for _, v := range c.disks.Volumes() {
		s, err := v.State()
		if err != nil {
			metrics <- prometheus.NewInvalidMetric(freeBytes, err)
			continue
		}
		metrics <- prometheus.MustNewConstMetric(freeBytes, prometheus.GaugeValue, float64(s.Free-s.Claimed), s.Name)
		metrics <- prometheus.MustNewConstMetric(reserveBytes, prometheus.GaugeValue, float64(s.Reserve), s.Name)
	}
}
