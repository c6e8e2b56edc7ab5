// Package queue carries tasks from whoever wants work done to the workers that do it.
//
// A Queue takes tasks in and looks after the dead letters; a Worker runs handlers. Both stand on a
// Driver, which is only the product behind them (a table, Redis, SQS). What a handler's result
// means, how often a task is tried, what a stop does to running work: all of that is decided here,
// once, and is the same on every driver.
//
// It promises at-least-once delivery, a lease that lives as long as its handler does, and that a
// task that cannot succeed ends in the dead letters with a reason. It does not promise exactly
// once, nor strict order: handlers must stand being run again, and the truth about the work
// belongs in the caller's own rows.
package queue
