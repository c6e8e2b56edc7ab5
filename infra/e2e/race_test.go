//go:build race

package e2e

// detectorMemory is what the race detector adds to a process that holds 1,000 connections: its code and its stacks are
// larger. Measured: 134 MiB instead of 120.
const detectorMemory = 24 << 20
