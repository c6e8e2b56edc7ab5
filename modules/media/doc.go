// Package media owns the way of a video: upload, processing, publication, deletion.
//
// A video's row is the truth about it; the queue carries hints. A worker claims a video by raising its attempt number and
// holds it by a lease that it renews; what it publishes is accepted only under the number of its claim, so that a task
// delivered twice has one effect. A sweeper re-sends what got lost between the row and the queue.
//
// A file is listed as unclaimed before it is written, and taken off that list in the transaction that makes a row point
// to it. Whatever is on the list past its time is deleted, so no crash leaves an orphan.
//
// Bytes come through here (upload.go), or go straight to storage in parts (direct.go); what becomes of them is the same.
//
// It needs a place to publish to and the profile of a person (see the ports in module.go), storage, a queue and ffmpeg.
// It offers HTTP operations under /api/videos and owns the tables media_*.
package media
