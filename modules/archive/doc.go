// Package archive makes, for whoever asks, a copy of all that is kept about them: a zip file with their data as JSON
// and the files of their videos.
//
// A copy is made by a task of the queue, one at a time for each account, and read by a link that is signed anew each
// time and ends soon. A letter says that it is ready. It is deleted after [Life], when a newer one is ready, or with
// the account.
//
// The row is the truth, and the queue carries hints: the sweeper sends a task that was lost again. A worker holds the
// row while it makes the file, and renews that; its result counts only as long as nobody else has it. A file appears as
// a whole or not at all, under a name that follows from the row, and a row goes only after its file, when no worker can
// hold it any more. So whatever crashes leaves no file that no row names.
//
// Nothing is written to the disk on the way: what storage has streams into the zip, and that into storage, which keeps
// its reserve. If there is no space, the copy waits.
//
// It offers HTTP operations under /api/auth/me/export. It needs storage, a queue, letters, and what the others keep
// ([Belongings]). It owns the tables archive_*.
package archive
