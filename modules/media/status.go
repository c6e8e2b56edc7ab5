package media

// Status is where a video stands.
type Status string

// The states of a video.
const (
	Uploaded   Status = "uploaded"   // waits for a worker
	Processing Status = "processing" // claimed by a worker, or given back by one to be claimed again
	Processed  Status = "processed"  // published
	Failed     Status = "failed"     // given up, with a reason; its owner may try again
)

// transitions is the whole life of a video. Every statement that writes a status has its row here.
var transitions = map[Status][]Status{
	Uploaded:   {Processing, Failed},
	Processing: {Processed, Failed},
	Failed:     {Uploaded},
}

// before returns the states that a video may come to s from.
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
