package site

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"risingstars/modules/identity"
	"risingstars/modules/voting"
	"risingstars/platform/fault"
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

// VoteBox is where somebody votes. State is open, voted, self or unproved.
type VoteBox struct {
	State      string
	ID         string
	PlayerName string
	Votes      int
	SignedIn   bool
	Proof      bool   // votes require a proved e-mail
	Waits      bool   // the visitor's vote is cast as soon as theirs is
	From       string // what the form's address carries, so that a vote leads back to where it was given
	Said       Notice // above the button
}

// Player shows a clip.
type Player struct {
	Poster      string
	Small, Full string // where the clip is; Small is "" if there is only one
	High        bool   // the larger one on narrow screens, too
	Tall        bool   // the one on narrow screens is upright
	Saver       bool   // the browser asks for few bytes
	Title       string
	Missing     bool
	Other       string // the address of this page that chooses the other quality
}

func (s *Site) getVideo(v *visit) (web.View, error) {
	ctx := v.Context()
	e, err := s.voting.EntryOf(ctx, v.PathValue("id"))
	if err != nil {
		return s.ownOr(v, err)
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

// ownOr leads the owner of a video that is hidden, or not published yet, to where its state is; others get the error.
func (s *Site) ownOr(v *visit, err error) (web.View, error) {
	if kind := fault.From(err).Kind; v.caller == "" || kind != fault.NotFound && kind != fault.Gone {
		return web.View{}, err
	}
	if own, ownErr := s.media.Owned(v.Context(), v.caller, v.PathValue("id")); ownErr == nil {
		return v.goTo("/me/videos/" + own.ID)
	}
	return web.View{}, err
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
	if c.Vote, err = s.voteBox(v, e, voted[e.VideoID]); err != nil {
		return c, err
	}
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

func (s *Site) voteBox(v *visit, e voting.Entry, voted bool) (box VoteBox, err error) {
	box = VoteBox{State: "open", ID: e.VideoID, PlayerName: e.PlayerName, Votes: e.Votes, SignedIn: v.caller != ""}
	switch {
	case voted:
		box.State = "voted"
		return box, nil
	case v.caller == e.UserID && !s.o.SelfVotes:
		box.State = "self"
		return box, nil
	}
	if box.Proof = s.voting.RequiresProof(); !box.SignedIn {
		return box, nil
	}
	waits := slices.Contains(v.waiting(v.caller), e.VideoID)
	lacking, err := s.voting.LacksProof(v.Context(), v.caller)
	switch {
	case lacking:
		box.State, box.Waits = "unproved", waits
	case waits && err == nil: // the e-mail has been proved elsewhere, or the vote could not be cast then
		box.Said = flashes["unvoted"]
	}
	return box, err
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
	p.Tall = p.Small != "" && !p.High && e.SmallHeight > e.SmallWidth
	return p, err
}

// postVote casts or takes back a vote, and returns to where it was done.
func (s *Site) postVote(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	id, wanted, waiting := v.PathValue("id"), form.Get("vote") != "withdraw", v.waiting(v.caller)
	said, err := s.cast(v.Context(), id, v.caller, wanted)
	if err != nil && !needsProof(err) {
		return web.View{}, err
	}
	back := "/v/" + id
	switch seed, ok := parseSeed(v.URL.Query().Get("o")); {
	case form.Get("from") == "votes" && v.Method == http.MethodPost:
		back = "/me/votes"
	case ok && v.URL.Query().Get("from") == "watch":
		back = watchAddress(seed, id)
	}
	if err != nil { // the page says so
		return v.goTo(back+"#voto", v.keeps(v.caller, latest(waiting, id))...)
	}
	if back != "/me/votes" {
		back += "#voto"
	}
	waiting = without(waiting, id)
	cookies := v.keeps(v.caller, waiting)
	if wanted {
		cookies = s.castWaiting(v, v.caller, waiting, "").cookies
	}
	return v.goTo(with(back, "said", said), cookies...)
}
