package voting

import (
	"sync"
	"time"

	"gorm.io/gorm"
)

// page reads the rows at offset into rows, a pointer to a slice, and returns the number of rows on all pages. Counting
// visits every row, which is slower than the first page; if that is not full, the number follows from its size. A page
// beyond the end is never looked for: skipping rows is as slow as reading them.
func (s *store) page(query, sorted *gorm.DB, rows any, key totalKey, offset, limit int) (int, error) {
	if offset > 0 {
		n, known := s.totals.get(key)
		if !known || offset < n {
			var err error
			if n, err = s.countAll(query, key); err != nil {
				return 0, err
			}
		}
		if offset >= n {
			return n, nil
		}
		return n, sorted.Offset(offset).Limit(limit).Find(rows).Error
	}
	found := sorted.Limit(limit).Find(rows)
	if found.Error != nil {
		return 0, found.Error
	}
	if n := int(found.RowsAffected); n < limit {
		s.totals.put(key, n)
		return n, nil
	}
	return s.countAll(query, key)
}

func (s *store) countAll(query *gorm.DB, key totalKey) (int, error) {
	var n int64
	if err := query.Count(&n).Error; err != nil {
		return 0, err
	}
	s.totals.put(key, int(n))
	return int(n), nil
}

const (
	totalFor   = time.Second // how long a total is known
	mostTotals = 1000        // how many are known at once
)

// totalKey names a list: its table and its filter.
type totalKey struct {
	table  string
	filter Filter
}

type total struct {
	n  int
	at time.Time
}

// totals are the sizes of the lists that were read within the last second.
type totals struct {
	mu    sync.Mutex
	known map[totalKey]total
}

func (t *totals) get(key totalKey) (int, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.known[key]
	return known.n, ok && time.Since(known.at) < totalFor
}

func (t *totals) put(key totalKey, n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.known) >= mostTotals {
		clear(t.known)
	}
	t.known[key] = total{n, time.Now()}
}
