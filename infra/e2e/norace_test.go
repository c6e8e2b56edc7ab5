//go:build !race

package e2e

// detectorMemory is 0 without the race detector.
const detectorMemory = 0
