package site

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"risingstars/modules/voting"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

const (
	galleryCards = 12
	rankingRows  = 50
	myCards      = 20
	lastPage     = 1_000_000 // what a page number may be
)

// GalleryPage shows the published videos.
type GalleryPage struct {
	Base

	Filter  Filter
	Cards   []VideoCard
	Total   int
	Empty   bool // nothing is published at all
	Pager   Pager
	Orders  []Sorting
	Welcome string // nothing is published: the command that makes the person who runs the site its admin
}

// Sorting is the address of a list in another order.
type Sorting struct {
	Label, Address string // the id of a text
	Chosen         bool
}

func (*GalleryPage) file() string { return "gallery" }

// Filter is what a list is narrowed down to, as it was typed.
type Filter struct {
	City, Country, Search, Order string
	Error                        string
	Clear                        string // the address of the whole list
}

// Active reports whether the filter leaves anything out.
func (f Filter) Active() bool { return f.City != "" || f.Country != "" || f.Search != "" }

// Words returns what was typed, for people to read.
func (f Filter) Words() string {
	typed := slices.DeleteFunc([]string{f.Search, f.City, f.Country}, func(word string) bool { return word == "" })
	return strings.Join(typed, " · ")
}

// Pager leads to the neighbours of a page; their addresses are "" if there is none.
type Pager struct {
	Page, Pages int
	More, Back  string
	Videos      bool // are what it leads to more of
}

// VideoCard is a published video in a list.
type VideoCard struct {
	ID, Title          string
	UserID, PlayerName string
	City, Country      string
	Duration           time.Duration
	Votes              int
	Voted              bool
	Small, Large       string // pictures of 320 and 640, or the same one; "" if there is none
	Lazy               bool   // it is not on the first screen
	Takeable           bool   // the list is of votes that can be taken back
}

// filter reads a filter. Texts that are too long for any name find nothing, so they are cut.
func (v *visit) filter() Filter {
	const most = 100
	query := v.URL.Query()
	text := func(name string) string {
		runes := []rune(query.Get(name))
		return string(runes[:min(len(runes), most)])
	}
	f := Filter{
		City: text("city"), Country: text("country"), Search: text("q"), Order: mixed, Clear: v.link(v.path),
	}
	switch asked := query.Get("order"); {
	case asked == string(voting.MostVoted), asked == string(voting.Recent):
		f.Order = asked
	case f.Search != "": // a search is too dear to be mixed
		f.Order = string(voting.Recent)
	}
	return f
}

// pageOf reads the number of a page.
func pageOf(query url.Values) int {
	n, err := strconv.Atoi(query.Get("page"))
	if err != nil || n < 1 || n > lastPage {
		return 1
	}
	return n
}

// pager returns the pager of a list with total rows.
func (v *visit) pager(total, size int) Pager {
	p := Pager{Page: pageOf(v.URL.Query()), Pages: max(1, (total+size-1)/size)}
	if p.Page < p.Pages {
		p.More = v.link(v.numbered(p.Page + 1))
	}
	if p.Page > 1 {
		p.Back = v.link(v.numbered(p.Page - 1))
	}
	return p
}

// past reports whether the address names a page after the last one, as an old link does when the list has shrunk.
func (p Pager) past() bool { return p.Page > p.Pages }

// numbered returns the Spanish address of page n of the same list.
func (v *visit) numbered(n int) string {
	query := v.URL.Query()
	query.Set("page", strconv.Itoa(n))
	if n == 1 {
		query.Del("page")
	}
	address := v.path + kept(v.path, query)
	if v.carried != "" && n > 1 {
		address = with(address, "o", v.carried)
	}
	return address
}

// mixed is the order of the list that is each visitor's own.
const mixed = "mixed"

// orders returns the orders that the list can be in.
func (v *visit) orders(f Filter) []Sorting {
	choice := func(label, order, chosen string) Sorting {
		query := v.URL.Query()
		query.Del("page")
		query.Set("order", order)
		if order == "" {
			query.Del("order")
		}
		return Sorting{label, v.link(v.path + kept(v.path, query)), f.Order == chosen}
	}
	choices := []Sorting{
		choice("filter.recent", string(voting.Recent), string(voting.Recent)),
		choice("filter.votes", string(voting.MostVoted), string(voting.MostVoted)),
	}
	if f.Search == "" {
		choices = append([]Sorting{choice("filter.mixed", "", mixed)}, choices...)
	}
	return choices
}

func (s *Site) getGallery(v *visit) (web.View, error) {
	ctx, query := v.Context(), v.URL.Query()
	d := &GalleryPage{Base: v.frame("gallery.title", "videos"), Filter: v.filter()}
	filter := voting.Filter{City: d.Filter.City, Country: d.Filter.Country, Search: d.Filter.Search}
	if filter.Search != "" {
		hold, err := s.limits.Hold(ctx, voting.SearchBudget(), web.Client(ctx))
		if err != nil {
			return web.View{}, err
		}
		defer hold.Release()
	}
	window := voting.Window{Offset: (pageOf(query) - 1) * galleryCards, Limit: galleryCards}
	var (
		found   voting.GalleryPage
		cookies []string
		err     error
	)
	if d.Filter.Order == mixed {
		var seed voting.Shuffle
		seed, cookies = v.order()
		v.carried = seedText(seed)
		found, err = s.voting.Mixed(ctx, seed, filter, window)
	} else {
		found, err = s.voting.Gallery(ctx, filter, voting.Order(d.Filter.Order), window)
	}
	if fault.From(err).Kind == fault.Invalid && errors.Is(err, fault.ErrInvalid) { // the search
		if p := web.NewProblem(ctx, err); len(p.Errors) > 0 {
			d.Filter.Error, d.Failed = p.Errors[0].Message, true
			return s.showAs(http.StatusUnprocessableEntity, d)
		}
	}
	if err != nil {
		return web.View{}, err
	}
	d.Total, d.Pager = found.Total, v.pager(found.Total, galleryCards)
	d.Pager.Videos = true
	if d.Pager.past() {
		return v.goTo(v.numbered(d.Pager.Pages))
	}
	d.Empty, d.Orders = found.Total == 0 && !d.Filter.Active(), v.orders(d.Filter)
	if d.Empty {
		if d.Welcome, err = s.welcome(v); err != nil {
			return web.View{}, err
		}
	}
	d.Cards, err = s.cards(ctx, v.caller, found.Entries)
	if err != nil {
		return web.View{}, err
	}
	return s.showWith(d, cookies)
}

// welcome returns the command that makes the person who runs the site its admin. It names the account that is signed
// in, or else, in capitals, what is to be put there.
func (s *Site) welcome(v *visit) (string, error) {
	email := "EMAIL"
	if v.caller != "" {
		user, err := s.identity.Account(v.Context(), v.caller)
		if err != nil {
			return "", err
		}
		email = user.Email
	}
	return "./bin/app role grant " + email + " admin", nil
}

// cards shows entries to somebody.
func (s *Site) cards(ctx context.Context, caller string, entries []voting.Entry) ([]VideoCard, error) {
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.VideoID
	}
	voted, err := s.voting.Voted(ctx, caller, ids)
	if err != nil {
		return nil, err
	}
	cards := make([]VideoCard, len(entries))
	for i, e := range entries {
		const firstScreen = 2
		c := VideoCard{
			ID: e.VideoID, Title: e.Title, UserID: e.UserID, PlayerName: e.PlayerName, City: e.City, Country: e.Country,
			Duration: e.Duration, Votes: e.Votes, Voted: voted[e.VideoID], Lazy: i >= firstScreen,
		}
		if c.Small, c.Large, err = s.posters(ctx, e.Output); err != nil {
			return nil, err
		}
		cards[i] = c
	}
	return cards, nil
}

// posters returns where the poster is in two sizes; clips of the time when there was one size have it twice.
func (s *Site) posters(ctx context.Context, o voting.Output) (small, large string, err error) {
	if o.Poster640Key == "" {
		large, err = s.address(ctx, o.PosterKey)
		return large, large, err
	}
	if small, err = s.address(ctx, o.Poster320Key); err == nil {
		large, err = s.address(ctx, o.Poster640Key)
	}
	return small, large, err
}

// address returns where a browser finds a file; "" for none.
func (s *Site) address(ctx context.Context, key string) (string, error) {
	if key == "" {
		return "", nil
	}
	return s.files.URL(ctx, key, s.o.URLExpiry)
}
