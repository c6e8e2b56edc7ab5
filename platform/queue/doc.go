// Package queue carries tasks from the code that wants work done to the workers that do it.
//
//	Queue.Enqueue(Task)      after the commit of what the task is about
//	   ↓
//	Driver                   keeps tasks: a table, Redis, SQS
//	   ↓ Delivery
//	Puller                   asks the driver for deliveries and extends their visibility (asynq has its own way)
//	   ↓ Consumer.Handle
//	Worker                   counts attempts, recovers panics, lets handlers finish when it stops
//	   ↓ Handler.Run
//	Handler                  does the work: nil, an error, Discard or Later
//	   ↓ Verdict
//	Driver                   deletes the task, delivers it again, or keeps it as a dead letter
//
// A Queue accepts tasks and looks after the dead letters; a Worker runs handlers. Both use a Driver, which only adapts
// the product behind it. What a handler's result means, how often a task is tried and what a stop does to running work
// is decided here, once, and is the same on every driver.
//
// A delivery is invisible to other workers until its visibility ends. The worker extends it for as long as the handler
// runs, so that it ends early only when the worker has vanished or cannot reach the product.
//
// The package promises at-least-once delivery, and that a task that cannot succeed ends in the dead letters with a
// reason. It does not promise exactly-once delivery or strict order: handlers must tolerate being run again, and the
// truth about the work belongs in the caller's own rows. What a driver promises beyond that is stated where it runs the
// suite of package queuetest.
package queue
