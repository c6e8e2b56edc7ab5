// Package web serves HTTP: routing by echo, typed handlers and OpenAPI by huma, problem documents (RFC 9457) in the
// caller's language, the caller's identity, paging, and multipart bodies that are streamed, never buffered.
//
// Handlers return faults, and the table in problem.go turns their kinds into statuses. Any other error becomes a 500
// with a neutral text and is logged once, with its cause and the request id.
package web
