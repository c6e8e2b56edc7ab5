package site

import (
	"cmp"

	"github.com/google/uuid"

	"risingstars/modules/voting"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// WatchPage shows one video after the other, in the visitor's own order, those first that they have not seen.
type WatchPage struct {
	Base
	Clip

	Order     string
	Position  int
	Total     int
	Left      int    // videos that they have not seen, this one included
	Next      string // the address of the next one; "" after the last
	First     string // all are seen: the address of the first one
	AllSeen   bool
	NothingUp bool // nothing is published
}

func (*WatchPage) file() string { return "watch" }

// watchAddress returns the Spanish address at which the ballot shows a video. It carries the order.
func watchAddress(seed voting.Shuffle, videoID string) string {
	return "/watch?v=" + videoID + "&o=" + seedText(seed)
}

func (s *Site) getWatch(v *visit) (web.View, error) {
	seed, cookies := v.order()
	id := v.URL.Query().Get("v")
	if uuid.Validate(id) != nil {
		id = ""
	}
	d := &WatchPage{Base: v.frame("watch.title", "videos"), Order: seedText(seed)}
	e, turn, err := s.turnAt(v, seed, id, v.seen())
	if err != nil {
		return web.View{}, err
	}
	here := e.VideoID
	d.Position, d.Total, d.Left = turn.Position, turn.Total, turn.Unseen
	if here == "" {
		d.AllSeen, d.NothingUp = turn.Total > 0, turn.Total == 0
		if d.AllSeen {
			d.First = v.link(watchAddress(seed, turn.Following))
		}
		return s.showWith(d, cookies)
	}
	address := watchAddress(seed, here)
	if v.path == "/watch" && v.URL.Query().Get("v") != "" { // without it, the page is everybody's own
		d.Other, d.Private = localized(other(v.language), address), true
	}
	d.Title, d.Named, d.Scripts = e.Title+" · "+e.PlayerName, true, []string{"video.js", "watch.js"}
	if d.Clip, err = s.clip(v, e, address); err != nil {
		return web.View{}, err
	}
	d.settle(&d.Clip)
	switch next := cmp.Or(turn.Next, turn.Following); {
	case turn.Unseen > 0 && turn.Next == "": // this is the last that they have not seen
		d.Next = v.link("/watch?o=" + d.Order)
	case next != "":
		d.Next = v.link(watchAddress(seed, next))
	}
	return s.showWith(d, append(cookies, v.qualityCookie()...))
}

// mostGone is how many entries are passed over that went a moment ago.
const mostGone = 5

// turnAt returns a video and where a visitor is there. With the id "", it is the first one that they have not seen, and
// the entry is empty if there is none.
func (s *Site) turnAt(v *visit, seed voting.Shuffle, id string, seen []voting.Short) (
	e voting.Entry, turn voting.Turn, err error,
) {
	for range mostGone {
		here := id
		if id == "" {
			if turn, err = s.voting.TurnOf(v.Context(), seed, "", v.caller, seen); err != nil || turn.Next == "" {
				return e, turn, err
			}
			here = turn.Next
		}
		if e, err = s.voting.EntryOf(v.Context(), here); err == nil {
			turn, err = s.voting.TurnOf(v.Context(), seed, here, v.caller, seen)
			return e, turn, err
		}
		kind := fault.From(err).Kind
		if id != "" || kind != fault.NotFound && kind != fault.Gone {
			return e, turn, err
		}
		if n, ok := voting.ShortOf(here); ok {
			seen = append(seen, n)
		}
	}
	return e, turn, err
}

// postSeen marks a video as seen, and leads to the next one.
func (s *Site) postSeen(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	seed, ok := parseSeed(form.Get("o"))
	if !ok {
		seed, _ = v.order()
	}
	seen, cookie := v.seenWith(form.Get("seen"))
	turn, err := s.voting.TurnOf(v.Context(), seed, form.Get("seen"), v.caller, seen)
	if err != nil {
		return web.View{}, err
	}
	if turn.Next == "" {
		return v.goTo("/watch?o="+seedText(seed), cookie)
	}
	return v.goTo(watchAddress(seed, turn.Next), cookie)
}
