// Package media owns videos from their upload through processing and publication to their deletion.
//
// Files arrive through the service (upload.go) or go straight to storage in parts (direct.go); intake.go has what both
// ways share. From then on the video's row is the truth, and the queue carries hints. A worker claims a video by
// raising its attempt number, and holds it by a lease that it renews (job.go). Its result counts only while that number
// is current, so that a task that is delivered twice has one effect. If a task is lost between row and queue, the
// sweeper sends it again.
//
// The queue is fair to owners. Whichever task arrives, the worker claims the oldest video of the owner with the fewest
// jobs under way (store_queue.go). Among equals it is the turn of the one who has waited longest since the upload, or
// since an earlier video of theirs was claimed. A task lent to another video is spent when that is done, and every task
// that is left stands for one that waits. After an error, or if its worker vanished, a video is claimed by its own task
// alone, so that the queue counts the attempts of this video and no other's. If others have used up the attempts of its
// task, it gets a new one. A video that is tried again waits until its own task comes, however fair that is.
//
// A file is an orphan while no row points to it. It is listed as one before it is written, and adopted in the
// transaction that makes a row point to it. Who deletes an orphan condemns it first, by condition; from then on nothing
// can adopt it, and a transaction that wants to fails as a whole: an upload is refused with upload_discarded, and a
// publication is tried again. So a file that a row names is there, and a file that no row names goes, whatever crashes
// in between, in this order; each step is durable before the next one begins:
//
//	upload, publication    the entry; the file, with its folder; the row, and with it the entry goes
//	upload to storage      the entry; the upload in storage; its row; the parts; the file; the video's row
//	its cancellation       its row expires; the parts go; the file; its entry is condemned for later; its row goes
//	deletion, expiry       the row goes and the files are condemned; the files; their entries
//
// Only if a process stalls for a day while it writes a file, and then dies, is that file on no list.
//
// The address of a published file lasts as long as the video is shown, in every storage. A key never gets other
// content, so caches may keep it; processing a video again gives its files new keys and deletes the old ones. Whoever
// asks for an old one, on the site, through nginx or through a CDN that asks the site for what the bucket lacks, is
// redirected to the current file of the same sort (http_files.go), because the id of the video begins every key. Where
// the site does not serve files itself, it redirects to signed links, which end, from addresses that do not.
//
// Whoever is about to delete, cancel or send something takes it first, by a conditional UPDATE: others leave it alone
// for a while, and what fails or is interrupted is tried again, after pauses that grow. So any number of processes may
// sweep at the same time, and what is stuck keeps nothing else waiting.
//
// All these times are of the database's clock: leases, and when something was sent, served, failed, expires or is due.
// A process whose own clock is wrong disturbs nobody. If the database's clock is set, a lease that is longer than a
// lease can be has lapsed, and other times too far in the future are brought back. A clock that jumps ahead ends what
// would have ended then, such as an upload that is arriving, and nothing that is complete.
//
// A dead letter may come late. It fails its video only if that has had all its attempts since it was uploaded or last
// retried, and nobody holds it; if somebody does, the video fails once that worker has ended without a result.
//
// Seven verbs say how something ends. The owner may retry what has failed three times, until the sweeper deletes the
// original, some days later.
//
//	verb       what ends                      who is told, and what is left
//	reject     a claim: the clip is at fault  the owner sees the reason; the original stays, as it does for fail
//	fail       processing: we are at fault    the owner sees processing_error, the operator a dead letter
//	release    a claim, for another attempt   nobody; the queue delivers the video's own task again
//	give back  a claim, if its worker stops   nobody; the video waits for any task, as before the claim
//	cancel     an upload straight to storage  the owner, if the content is refused; its parts and its file are deleted
//	lose       a video without its original   the owner sees original_lost
//	delete     rows and files                 the owner; a file that cannot be deleted now stays an orphan
//
// What a file is, its content decides: not its name, not the type that the client states. At the upload a few bytes
// decide only whether it may be an MP4, QuickTime, 3GP, Matroska or WebM file; if it is certainly none, the answer is
// not_a_video. The worker finds out the rest, and a video that it refuses fails with a code: no_video_stream if there
// is only sound, unsupported_codec if nothing here reads the picture's codec, which the sentence then names.
//
// A clip that is published with less than was sent, such as without its sound, has notices (notices.go): its owner
// reads in every answer about the video what is missing and what to do. Nobody else does.
//
// A rebranding makes published clips again (rebrand.go). What is left of it is in a table of its own, so that the
// videos stay processed; each has a lease and a fence there, as videos that wait have in theirs. It begins none while a
// video waits.
//
// Workers look for the files of published videos in rounds (missing.go). One row says how far the round is and who has
// it, so that one worker at a time lists storage and another one goes on if it ends.
//
// CheckFiles compares storage with the rows, as after a restored backup (check.go). It is the only one that lets a
// published video wait for a worker again, because its files are missing: its entry and the votes stay meanwhile.
//
// The package needs storage, a queue, ffmpeg and two ports: a gallery to publish in, and the profiles of contestants.
// It offers HTTP operations under /api/videos, and owns the tables media_*.
package media
