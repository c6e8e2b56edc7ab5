// Package backup keeps copies of a contest, its rows and its files, at a place: a folder, a bucket, or a single file.
//
// A place has
//
//	snapshots/20261127-150405.json        what belongs to the copy of that moment; written last, so that there is none
//	                                      of a backup that was broken off
//	dumps/20261127-150405.jsonl.zst       the rows (database.Export)
//	files/uploads/….mp4                   the files; each is copied once, for all snapshots that have it
//
// With a recipient, dumps and files are encrypted with age (https://age-encryption.org/v1), and their names end in
// .age. Snapshots name keys, sizes and hashes only, so that a server can add to a place that it cannot read.
//
// Backups may run beside everything else and, at one place, beside each other. The package does not know what rows
// mean; what it promises of their moment is Export's promise.
package backup
