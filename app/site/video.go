package site

import (
	"cmp"
	"net/http"
	"net/url"
	"strings"
	"time"

	"risingstars/modules/identity"
	"risingstars/modules/voting"
	"risingstars/platform/web"
)

// VideoPage plays one video and takes votes for it.
type VideoPage struct {
	Base
	Clip

	Text       string // the description
	UploadedAt time.Time
	Share      Share
	More       []VideoCard
	Moderates  bool // the caller may hide it
}

func (*VideoPage) file() string { return "video" }

// Clip is a video that can be played and voted for.
type Clip struct {
	ID, UserID, Name, PlayerName, City, Country string
	Vote                                        VoteBox
	Player                                      Player
}

// VoteBox is where somebody votes. State is open, voted, self or missing.
type VoteBox struct {
	State      string
	ID         string
	PlayerName string
	Votes      int
	SignedIn   bool
	From       string // what the form's address carries, so that a vote leads back to where it was given
	Said       Notice // above the button
}

// Player shows a clip.
type Player struct {
	Poster      string
	Small, Full string // where the clip is; Small is "" if there is only one
	High        bool   // the larger one on narrow screens, too
	Saver       bool   // the browser asks for few bytes
	Title       string
	Missing     bool
	Other       string // the address of this page that chooses the other quality
}

func (s *Site) getVideo(v *visit) (web.View, error) {
	ctx := v.Context()
	e, err := s.voting.EntryOf(ctx, v.PathValue("id"))
	if err != nil {
		return web.View{}, err
	}
	d := &VideoPage{
		Base: v.frame(e.Title+" · "+e.PlayerName, "videos"), Text: e.Description, UploadedAt: e.UploadedAt,
		Moderates: v.may(identity.Moderate),
	}
	d.Named = true
	d.Scripts = []string{"video.js"}
	if d.Clip, err = s.clip(v, e, "/v/"+e.VideoID); err != nil {
		return web.View{}, err
	}
	d.settle(&d.Clip)
	if d.More, err = s.more(v, e); err != nil {
		return web.View{}, err
	}
	d.Card, d.Data = s.videoCard(v, e), s.videoData(v, e)
	d.OEmbed = web.Absolute(v.Context(), "/oembed?format=json&url="+url.QueryEscape(d.Canonical))
	if d.Share, err = newShare(d.Card.Title, d.Canonical); err != nil {
		return web.View{}, err
	}
	return s.showWith(d, v.qualityCookie())
}

// clip returns what plays a video and takes votes for it, on a page with a Spanish address.
func (s *Site) clip(v *visit, e voting.Entry, address string) (c Clip, err error) {
	c = Clip{
		ID: e.VideoID, UserID: e.UserID, Name: e.Title, PlayerName: e.PlayerName, City: e.City, Country: e.Country,
	}
	voted, err := s.voting.Voted(v.Context(), v.caller, []string{e.VideoID})
	if err != nil {
		return c, err
	}
	c.Vote = s.voteBox(v, e, voted[e.VideoID])
	if _, query, ok := strings.Cut(address, "/watch?"); ok {
		_, order, _ := strings.Cut(query, "&o=")
		c.Vote.From = "?from=watch&o=" + order
	}
	c.Player, err = s.player(v, e, address)
	return c, err
}

// settle drops what has just happened from an address that somebody kept or shared, and says at the button what is
// about the vote.
func (b *Base) settle(c *Clip) {
	switch b.Flash.Text {
	case "flash.voted", "flash.withdrawn":
		if (b.Flash.Text == "flash.voted") != c.Vote.voted() {
			b.Flash = Notice{}
		}
	case "flash.unvoted":
		if c.Vote.State == "open" && c.Vote.SignedIn {
			c.Vote.Said = b.Flash
		}
		b.Flash = Notice{}
	}
}

// more returns other videos of the same city.
func (s *Site) more(v *visit, e voting.Entry) ([]VideoCard, error) {
	found, err := s.voting.Gallery(v.Context(), voting.Filter{City: e.City}, voting.Recent,
		voting.Window{Limit: moreCards + 1})
	if err != nil {
		return nil, err
	}
	var others []voting.Entry
	for _, other := range found.Entries {
		if other.VideoID != e.VideoID && len(others) < moreCards {
			others = append(others, other)
		}
	}
	cards, err := s.cards(v.Context(), v.caller, others)
	for i := range cards {
		cards[i].Lazy = true
	}
	return cards, err
}

// moreCards is how many other videos of the city a page shows.
const moreCards = 3

func (s *Site) voteBox(v *visit, e voting.Entry, voted bool) VoteBox {
	box := VoteBox{State: "open", ID: e.VideoID, PlayerName: e.PlayerName, Votes: e.Votes, SignedIn: v.caller != ""}
	switch {
	case voted:
		box.State = "voted"
	case v.caller == e.UserID && !s.o.SelfVotes:
		box.State = "self"
	}
	return box
}

func (b VoteBox) voted() bool { return b.State == "voted" }

// player prefers the small rendition on narrow screens, and everywhere for a browser that saves data.
func (s *Site) player(v *visit, e voting.Entry, address string) (Player, error) {
	ctx := v.Context()
	p := Player{Title: e.Title, Missing: e.FilesMissing}
	quality := cmp.Or(v.URL.Query().Get("q"), web.CookieOf(v.Request, "quality"))
	p.High, p.Saver = quality == qualityHigh, quality == qualitySaver || v.Header.Get("Save-Data") == "on"
	other := "high"
	if p.High {
		other = qualityLow
		if web.CookieOf(v.Request, "quality") == qualitySaver {
			other = qualitySaver
		}
	}
	p.Other = v.link(with(address, "q", other))
	var err error
	if _, p.Poster, err = s.posters(ctx, e.Output); err != nil {
		return p, err
	}
	if p.Full, err = s.address(ctx, e.ProcessedKey); err != nil {
		return p, err
	}
	p.Small, err = s.address(ctx, e.SmallKey)
	return p, err
}

// postVote casts or takes back a vote, and returns to where it was done.
func (s *Site) postVote(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	id := v.PathValue("id")
	said, err := s.cast(v.Context(), id, v.caller, form.Get("vote") != "withdraw")
	if err != nil {
		return web.View{}, err
	}
	switch seed, ok := parseSeed(v.URL.Query().Get("o")); {
	case form.Get("from") == "votes" && v.Method == http.MethodPost:
		return v.goTo("/me/votes?said=" + said)
	case ok && v.URL.Query().Get("from") == "watch":
		return v.goTo(watchAddress(seed, id) + "&said=" + said + "#voto")
	}
	return v.goTo("/v/" + id + "?said=" + said + "#voto")
}
