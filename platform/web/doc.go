// Package web serves HTTP: routing by echo, typed handlers and OpenAPI by huma, problem documents (RFC 9457) in the
// caller's language, the caller's identity, paging, and multipart bodies that are streamed, never buffered.
//
// A slow client is cut off: a body must arrive in time or at a rate, and an answer must keep being accepted (Pace).
// Connections are bounded, in all and of each client network. Neither holds up a stop for longer than the grace period.
//
// What everybody reads is prepared: an answer is made once for all who ask for it, and kept for a moment, so that a
// crowd costs the database no more than a few people do (RegisterPrepared).
//
// Handlers return faults, and the table in problem.go turns their kinds into statuses. Any other error becomes a 500
// with a neutral text and is logged once, with its cause and the request id.
package web
