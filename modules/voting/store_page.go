package voting

import (
	"sync"
	"time"

	"gorm.io/gorm"
)

// page reads the rows at offset into rows, a pointer to a slice, and returns the number of rows on all pages. Counting
// visits every row, which is slower than any page; if the page is not full, the number follows from its size. A page
// beyond a total that is known asks the database nothing.
func (s *store) page(query, sorted *gorm.DB, rows any, key totalKey, offset, limit int) (int, error) {
	if n, known := s.totals.get(key); known && offset > 0 && offset >= n {
		return n, nil
	}
	found := sorted.Offset(offset).Limit(limit).Find(rows)
	if found.Error != nil {
		return 0, found.Error
	}
	read := int(found.RowsAffected)
	n := int64(offset + read)
	if read == limit || read == 0 && offset > 0 {
		if err := query.Count(&n).Error; err != nil {
			return 0, err
		}
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
