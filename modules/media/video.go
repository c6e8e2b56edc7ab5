package media

import "time"

// Video is an upload and its processing.
type Video struct {
	ID          string
	OwnerID     string
	Title       string
	Description string
	Status      Status
	Step        string // of the processing: queued, probing, processing, publishing; "" when there is none
	Progress    int    // percent
	Attempt     int    // the number of the latest claim

	OriginalKey  string // "" once the original has been deleted, some time after a failure or by a publication
	OriginalSize int64  // bytes; 0 if it is not kept or not known
	Output
	Start          time.Duration // where the published part begins in the original
	Duration       time.Duration // of the rendition, bumpers included
	Notices        []Notice      // what the rendition lacks of the original
	Branding       string        // the hash of the branding that a job has just given it
	Work           time.Duration // how long that job took
	FailureCode    string
	FailureSubject string    // what the sentence about the failure names, such as a codec; may be ""
	Retries        int       // by the owner
	FailedAt       time.Time // zero if it has not failed

	UploadedAt  time.Time
	ProcessedAt time.Time // zero before that

	FilesMissing bool // a published file is gone

	Trace string // the traceparent of the request that the present processing is for; "": none
}

// retriable returns the fault for why the owner may not retry the video, or nil.
func (v Video) retriable() error {
	switch {
	case v.Status != Failed:
		return errNotFailed
	case v.FailureCode != codeProcessingError:
		return errNotRetryable
	case v.OriginalKey == "":
		return errOriginalExpired
	case v.Retries >= maxRetries:
		return errRetriesUsedUp
	}
	return nil
}

// Status is the state of a video.
type Status string

// The states of a video.
const (
	Uploaded   Status = "uploaded"   // waits for a worker
	Processing Status = "processing" // claimed by a worker, or released after an error until its own task returns
	Processed  Status = "processed"  // published
	Failed     Status = "failed"     // rejected or failed, with a reason; its owner may retry what failed
)

// transitions lists every allowed change of state. Every statement that writes a status follows this table.
var transitions = map[Status][]Status{
	Uploaded:   {Processing},
	Processing: {Uploaded, Processed, Failed},
	Failed:     {Uploaded},
	Processed:  {Uploaded}, // only if its files have been lost
}

// before returns the states from which a video may change to s.
func (s Status) before() []Status {
	var from []Status
	for _, state := range []Status{Uploaded, Processing, Processed, Failed} {
		for _, to := range transitions[state] {
			if to == s {
				from = append(from, state)
			}
		}
	}
	return from
}

// The steps of the processing of a video.
const (
	stepQueued     = "queued"
	stepProbing    = "probing"
	stepProcessing = "processing"
	stepPublishing = "publishing"
)
