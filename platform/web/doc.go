// Package web serves HTTP: routing by echo, typed handlers and OpenAPI by huma, problem documents (RFC 9457) in the
// caller's language, the caller's identity, paging, and multipart bodies that are streamed, never buffered.
//
// Handlers return faults; the table in problem.go turns them into statuses. Anything else is a 500 with a neutral text,
// logged once with its cause and the request id.
package web
