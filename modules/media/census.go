package media

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Census is what an operator wants to know at a glance.
type Census struct {
	Waiting, Processing, Published, Failed int // videos; mock uploads do not count
	// OldestWaiting is how long ago the oldest of those that wait was uploaded; 0 if none waits.
	OldestWaiting time.Duration
	MissingFiles  int           // published videos of which a file is gone
	Jobs          []JobUnderWay // under way, the oldest upload first
	LastHour      LastHour
}

// LastHour is what has become of videos within an hour until now. What has failed and waits again, because its owner
// has retried it, does not count.
type LastHour struct {
	Published int
	Failed    map[string]int // by the code of the failure
}

// JobUnderWay is the work on a video.
type JobUnderWay struct {
	VideoID string
	Step    string
	Percent int
	Attempt int
}

// Count reads all videos once.
func (m *Module) Count(ctx context.Context) (Census, error) { return m.store.countVideos(ctx) }

// UnderWay returns the ids of the videos that this process works on, sorted.
func (m *Module) UnderWay() []string {
	var ids []string
	m.underWay.Range(func(id, _ any) bool {
		ids = append(ids, fmt.Sprint(id))
		return true
	})
	slices.Sort(ids)
	return ids
}

// Titled is a video by its name, and whose it is.
type Titled struct{ Title, OwnerID string }

// TitlesOf returns those of the videos that exist, by id.
func (m *Module) TitlesOf(ctx context.Context, ids []string) (map[string]Titled, error) {
	videos, err := m.store.byIDs(ctx, ids)
	titles := make(map[string]Titled, len(videos))
	for _, v := range videos {
		titles[v.ID] = Titled{v.Title, v.OwnerID}
	}
	return titles, err
}
