package voting

import (
	"context"
	"sync"
	"time"

	"gorm.io/gorm"

	"risingstars/platform/text"
)

// Window is the part of a list that is asked for: the rows after a mark, or else those from an offset on.
type Window struct {
	After  *Mark
	Offset int
	Limit  int
}

// Mark is the place of a row in a list. It stays valid when the row moves or is gone: whatever comes after that place
// is listed.
type Mark struct {
	Votes    int
	At       int64
	ID       string
	Position int // in the list, from 1
}

// list is a table and how it is sorted: by votes, or else the latest first; reversed, the other way round. An index is
// read in both directions.
type list struct {
	table, at, id string
	byVotes       bool
	reversed      bool
}

// entriesIn returns the list of the entries in an order.
func entriesIn(order Order) list {
	return list{
		table: "entries", at: "published_at", id: "video_id",
		byVotes:  order == MostVoted || order == LeastVoted,
		reversed: order == Oldest || order == LeastVoted,
	}
}

func byRank() list { return list{table: "contestants", at: "listed_at", id: "user_id", byVotes: true} }

func (l list) order() string {
	if !l.byVotes {
		return l.byTime()
	}
	if l.reversed {
		return "listed_votes, " + l.byTime()
	}
	return "listed_votes DESC, " + l.byTime()
}

// latestFirst reports how rows are sorted by time: those with equally many votes, or all of them.
func (l list) latestFirst() bool { return l.byVotes == l.reversed }

func (l list) byTime() string {
	if l.latestFirst() {
		return l.at + " DESC, " + l.id + " DESC"
	}
	return l.at + ", " + l.id
}

// after is the condition for the rows that come after a mark in time.
func (l list) after() string {
	if l.latestFirst() {
		return "(" + l.at + ", " + l.id + ") < (?, ?)"
	}
	return "(" + l.at + ", " + l.id + ") > (?, ?)"
}

// readPage returns the rows of a window. Each condition is one range of an index that ends where the page does.
func readPage[R any](query *gorm.DB, l list, w Window) ([]R, error) {
	var rows []R
	switch m := w.After; {
	case m == nil && w.Offset == 0:
		return rows, query.Order(l.order()).Limit(w.Limit).Find(&rows).Error
	case m == nil:
		// Rows are skipped in the index alone.
		ids := query.Select(l.id).Order(l.order()).Offset(w.Offset).Limit(w.Limit)
		fresh := query.Session(&gorm.Session{NewDB: true}).Model(new(R))
		return rows, fresh.Where(l.id+" IN (?)", ids).Order(l.order()).Find(&rows).Error
	case !l.byVotes:
		after := query.Where(l.after(), m.At, m.ID)
		return rows, after.Order(l.order()).Limit(w.Limit).Find(&rows).Error
	default:
		tied := query.Where("listed_votes = ? AND "+l.after(), m.Votes, m.At, m.ID)
		err := tied.Order(l.byTime()).Limit(w.Limit).Find(&rows).Error
		if err != nil || len(rows) == w.Limit {
			return rows, err
		}
		var rest []R
		further := query.Where("listed_votes < ?", m.Votes)
		if l.reversed {
			further = query.Where("listed_votes > ?", m.Votes)
		}
		err = further.Order(l.order()).Limit(w.Limit - len(rows)).Find(&rest).Error
		return append(rows, rest...), err
	}
}

// read returns the rows of a window, and how many rows the list has. It does not look for a window beyond the end,
// because skipping rows is as slow as reading them.
func read[R any](
	ctx context.Context, s *store, query *gorm.DB, l list, f Filter, words []string, w Window,
) (rows []R, total int, err error) {
	if len(words) == 0 {
		if total, err = s.inPlace(ctx, l.table, f); err == nil && w.Offset < max(total, 1) {
			rows, err = readPage[R](query, l, w)
		}
		return rows, total, err
	}
	key, first := totalKey{l.table, f}, w.After == nil && w.Offset == 0
	total, known := s.totals.get(key)
	if !first && !known {
		if total, err = s.count(query, key); err != nil {
			return nil, 0, err
		}
	}
	if !first && w.Offset >= total {
		return nil, total, nil
	}
	rows, err = readPage[R](query, l, w)
	switch {
	case err != nil || !first:
	case len(rows) < w.Limit:
		total = len(rows)
		s.totals.put(key, total)
	default:
		total, err = s.count(query, key)
	}
	return rows, total, err
}

// count counts what a search finds, which visits every row of it.
func (s *store) count(query *gorm.DB, key totalKey) (int, error) {
	var n int64
	if err := query.Count(&n).Error; err != nil {
		return 0, err
	}
	s.totals.put(key, int(n))
	return int(n), nil
}

// inPlace returns how many entries or contestants there are in the places of the filter.
func (s *store) inPlace(ctx context.Context, table string, f Filter) (int, error) {
	var present []struct{ N int }
	err := s.db.Query(ctx, &present,
		`SELECT `+table+` AS n FROM voting_places WHERE city_folded = ? AND country_folded = ?`,
		placeKey(f.City, text.Fold), placeKey(f.Country, foldCountry))
	if err != nil || len(present) == 0 {
		return 0, err
	}
	return present[0].N, nil
}

// next returns where the page after a window begins, nil after the last page. last is the mark of the last row found.
func next(last Mark, w Window, found, total int) *Mark {
	last.Position = w.first() + found
	if found < w.Limit || last.Position >= total && w.After == nil {
		return nil
	}
	return &last
}

// first returns how many rows come before the window.
func (w Window) first() int {
	if w.After != nil {
		return w.After.Position
	}
	return w.Offset
}

const (
	totalFor   = time.Second // how long a total is known
	mostTotals = 1000        // how many are known at once
)

// totalKey names a search: its list and its filter.
type totalKey struct {
	table  string
	filter Filter
}

type total struct {
	n  int
	at time.Time
}

// totals are what the searches of the last second have found.
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
