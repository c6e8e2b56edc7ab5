package voting

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"

	"github.com/google/uuid"
)

// Shuffle is what the order of one visitor depends on. Each entry has a place in it that follows from the seed and the
// entry's id alone: so an order stays as it is while entries come and go, and everyone's is different.
//
// No order is ever sorted or stored. One pass over the ids, which the process has in memory, finds a page or the next
// entry: about a millisecond at 100,000 entries.
type Shuffle uint32

// place returns where an entry is in the order: anywhere in 64 bits, by the finalizer of SplitMix64
// (https://doi.org/10.1145/2714064.2660195).
func (s Shuffle) place(key uint64) uint64 {
	key ^= (uint64(s) + 1) * 0x9e3779b97f4a7c15
	key = (key ^ key>>30) * 0xbf58476d1ce4e5b9
	key = (key ^ key>>27) * 0x94d049bb133111eb
	return key ^ key>>31
}

// keyOf spreads the ids evenly. The times in them alone would not.
func keyOf(id uuid.UUID) uint64 {
	high, low := binary.BigEndian.Uint64(id[:8]), binary.BigEndian.Uint64(id[8:])
	return Shuffle(0).place(high) ^ bits.RotateLeft64(Shuffle(1).place(low), 32)
}

// Short is a number for a video that fits into a cookie. Two videos share one as seldom as one time in four billion.
type Short uint32

// ShortOf returns the number of a video, and false for what is no id.
func ShortOf(videoID string) (Short, bool) {
	id, err := uuid.Parse(videoID)
	return Short(keyOf(id)), err == nil // the lower half
}

// Mixed returns the window of the published entries in the order of a seed. It does not search.
func (m *Module) Mixed(ctx context.Context, seed Shuffle, filter Filter, window Window) (GalleryPage, error) {
	roll, err := m.roll.current(ctx)
	if err != nil {
		return GalleryPage{}, err
	}
	in := roll.in(filter)
	page := GalleryPage{Total: roll.count(in)}
	ids := roll.window(seed, in, page.Total, window)
	page.Entries, err = m.store.entriesByID(ctx, ids)
	return page, err
}

// Turn is where somebody is who watches the entries in the order of a seed.
type Turn struct {
	Position, Total int    // from 1; 0 before the first
	Unseen          int    // how many they have neither seen nor voted for
	Next            string // the next unseen video, also from the beginning; "" if there is none
	Following       string // the next one, seen or not; "" after the last
}

// TurnOf returns where a visitor is at a video; "" is before the first. What they have voted for counts as seen.
func (m *Module) TurnOf(ctx context.Context, seed Shuffle, videoID, voterID string, seen []Short) (Turn, error) {
	roll, err := m.roll.current(ctx)
	if err != nil {
		return Turn{}, err
	}
	if voterID != "" {
		voted, err := m.store.votedIDs(ctx, voterID, mostSeen)
		if err != nil {
			return Turn{}, err
		}
		seen = append(slices.Clone(seen), voted...)
	}
	return roll.turn(seed, videoID, seen), nil
}

// mostSeen bounds how many of a voter's votes count as seen.
const mostSeen = 5000

// seenSet is a set of numbers that says no at once to most that are not in it.
type seenSet struct {
	sieve [1 << 10]uint64
	all   map[Short]bool
}

func newSeenSet(seen []Short) *seenSet {
	s := &seenSet{all: make(map[Short]bool, len(seen))}
	for _, n := range seen {
		s.all[n] = true
		s.sieve[n>>6&1023] |= 1 << (n & 63)
	}
	return s
}

func (s *seenSet) has(key uint64) bool {
	n := Short(key) // the lower half
	return s.sieve[n>>6&1023]&(1<<(n&63)) != 0 && s.all[n]
}

// turn passes over the roll once.
func (r *roll) turn(seed Shuffle, videoID string, seen []Short) (t Turn) {
	set := newSeenSet(seen)
	at, here := uint64(0), false
	if id, err := uuid.Parse(videoID); err == nil {
		at, here = seed.place(keyOf(id)), true
	}
	const none = math.MaxUint64
	next, first, following := uint64(none), uint64(none), uint64(none)
	var nextID, firstID, followingID int
	t.Total, t.Unseen = len(r.keys), len(r.keys)
	for i, key := range r.keys {
		place, isSeen := seed.place(key), set.has(key)
		if isSeen {
			t.Unseen--
		}
		behind := here && place <= at
		if behind {
			t.Position++
		}
		if !behind && place < following {
			following, followingID = place, i
		}
		if isSeen || here && place == at {
			continue
		}
		if !behind && place < next {
			next, nextID = place, i
		}
		if place < first {
			first, firstID = place, i
		}
	}
	if following != none {
		t.Following = r.ids[followingID].String()
	}
	switch {
	case next != none:
		t.Next = r.ids[nextID].String()
	case first != none:
		t.Next = r.ids[firstID].String()
	}
	return t
}

// placed is an entry of the roll with its place in an order.
type placed struct {
	place uint64
	i     int
}

// window returns the ids of a window of the order. Places are spread evenly, so most of the entries that come before
// the window, or after it, are told by their places alone, and few are sorted.
func (r *roll) window(seed Shuffle, in placeFilter, total int, w Window) []string {
	if w.Offset >= total {
		return nil
	}
	for slack := 4*math.Sqrt(float64(total)) + float64(w.Limit); ; slack *= 4 {
		low := quantile((float64(w.Offset) - slack) / float64(total))
		high := quantile((float64(w.Offset+w.Limit) + slack) / float64(total))
		before, near := 0, make([]placed, 0, w.Limit+int(min(2*slack, float64(total))))
		for i, key := range r.keys {
			if !r.within(i, in) {
				continue
			}
			switch place := seed.place(key); {
			case place < low:
				before++
			case place <= high:
				near = append(near, placed{place, i})
			}
		}
		first, last := w.Offset-before, w.Offset-before+w.Limit
		if first < 0 || last > len(near) && high < math.MaxUint64 {
			continue // the guess was too narrow
		}
		slices.SortFunc(near, func(a, b placed) int { return cmp.Or(cmp.Compare(a.place, b.place), a.i-b.i) })
		var ids []string
		for _, p := range near[min(first, len(near)):min(last, len(near))] {
			ids = append(ids, r.ids[p.i].String())
		}
		return ids
	}
}

// quantile returns the place below which so large a part of all entries is expected.
func quantile(part float64) uint64 {
	switch {
	case part <= 0:
		return 0
	case part >= 1:
		return math.MaxUint64
	}
	return uint64(part * math.MaxUint64)
}

// wrapMix says what failed.
func wrapMix(err error) error {
	if err != nil {
		return fmt.Errorf("read the ids of all entries: %w", err)
	}
	return nil
}
