package voting

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/semaphore"

	"risingstars/platform/text"
)

// roll has what the orders of all visitors need: 32 bytes for each published entry. It does not change; those that
// come later share its memory.
type roll struct {
	ids               []uuid.UUID
	keys              []uint64
	cities, countries []int32 // by names
	names             map[string]int32
	last              Mark // the latest publication
	changes           int  // how many there had been at the last whole reading
	read              time.Time
	reload            time.Time // before that, it is not read as a whole again
}

// placeFilter is a filter by place in the numbers of a roll; 0 matches everything.
type placeFilter struct{ city, country int32 }

// nowhere is a place that no entry is of.
const nowhere = -1

func (r *roll) in(f Filter) placeFilter {
	number := func(name string, fold func(string) string) int32 {
		if strings.TrimSpace(name) == "" {
			return 0
		}
		if n, ok := r.names[fold(name)]; ok {
			return n
		}
		return nowhere
	}
	return placeFilter{number(f.City, text.Fold), number(f.Country, foldCountry)}
}

func (r *roll) within(i int, in placeFilter) bool {
	return (in.city == 0 || r.cities[i] == in.city) && (in.country == 0 || r.countries[i] == in.country)
}

func (r *roll) count(in placeFilter) int {
	if in == (placeFilter{}) {
		return len(r.ids)
	}
	n := 0
	for i := range r.ids {
		if r.within(i, in) {
			n++
		}
	}
	return n
}

// rollRow is an entry as the roll reads it.
type rollRow struct {
	VideoID       string
	PublishedAt   int64
	CityFolded    string
	CountryFolded string
}

// with returns a roll that has more entries, which are in the order of their publication.
func (r *roll) with(rows []rollRow) (*roll, error) {
	grown := *r
	if len(rows) > 0 { // the names are a map, which readers of the old roll must not see change
		grown.names = make(map[string]int32, len(r.names)+1)
		maps.Copy(grown.names, r.names)
	}
	number := func(name string) int32 {
		n, ok := grown.names[name]
		if !ok {
			n = int32(len(grown.names) + 1)
			grown.names[name] = n
		}
		return n
	}
	for _, row := range rows {
		id, err := uuid.Parse(row.VideoID)
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", row.VideoID, err)
		}
		grown.ids = append(grown.ids, id)
		grown.keys = append(grown.keys, keyOf(id))
		grown.cities = append(grown.cities, number(row.CityFolded))
		grown.countries = append(grown.countries, number(row.CountryFolded))
		grown.last = Mark{At: row.PublishedAt, ID: row.VideoID}
	}
	return &grown, nil
}

const (
	// rollFor is how old a roll may become.
	rollFor = time.Second
	// reloadShare bounds what is spent on whole readings: one is repeated after this many times as long as it took.
	reloadShare = 10
	// rollBatch is how many new entries are read at once.
	rollBatch = 1000
)

// rolls keeps the roll of a process up to date.
type rolls struct {
	store   *store
	now     atomic.Pointer[roll]
	reading *semaphore.Weighted
}

func newRolls(s *store) *rolls { return &rolls{store: s, reading: semaphore.NewWeighted(1)} }

// current returns a roll that is at most a second old, or the old one while somebody else reads the new one.
func (r *rolls) current(ctx context.Context) (*roll, error) {
	known := r.now.Load()
	if known != nil && time.Since(known.read) < rollFor {
		return known, nil
	}
	if known != nil && !r.reading.TryAcquire(1) {
		return known, nil
	}
	if known == nil {
		if err := r.reading.Acquire(ctx, 1); err != nil {
			return nil, wrapMix(err)
		}
	}
	defer r.reading.Release(1)
	if known = r.now.Load(); known != nil && time.Since(known.read) < rollFor {
		return known, nil
	}
	fresh, err := r.store.rollAfter(ctx, known)
	if err != nil {
		return nil, wrapMix(err)
	}
	fresh.read = time.Now()
	r.now.Store(fresh)
	return fresh, nil
}
