package main

import "testing"

// A pipeline passes at its bars, and is told all by which it misses them.
func TestTheVerdictNamesWhatMissesItsBar(t *testing.T) {
	t.Parallel()
	base := row{kB: 1000, smallKB: 100, ssim: 0.95}
	for want, c := range map[string]struct {
		row
		ratio, most float64
	}{
		"ok":                      {row{kB: 1050, smallKB: 105, ssim: 0.9495}, 1, 1},
		"**CPU 1.001 > 1.00**":    {base, 1.001, 1},
		"**CPU 1.060 > 1.05**":    {base, 1.06, 1.05},
		"**bytes +6.0 %**":        {row{kB: 1060, smallKB: 100, ssim: 0.95}, 0.9, 1},
		"**small bytes +10.0 %**": {row{kB: 900, smallKB: 110, ssim: 0.95}, 0.9, 1},
		"**SSIM -0.0020**":        {row{kB: 1000, smallKB: 100, ssim: 0.948}, 0.9, 1},
		"**CPU 2.000 > 1.00, bytes +100.0 %, small bytes +100.0 %, SSIM -0.4500**": {
			row{kB: 2000, smallKB: 200, ssim: 0.5}, 2, 1,
		},
	} {
		if got := c.verdict(base, c.ratio, c.most); got != want {
			t.Errorf("%+v at %v of %v: %s, want %s", c.row, c.ratio, c.most, got, want)
		}
	}
}
