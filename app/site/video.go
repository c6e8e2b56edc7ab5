package site

import (
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"

	"risingstars/modules/voting"
	"risingstars/platform/web"
)

// VideoPage plays one video and takes votes for it.
type VideoPage struct {
	Base

	ID, Name, PlayerName, City, Country string
	Text                                string // the description
	UploadedAt                          time.Time
	Duration                            time.Duration
	Votes                               int
	Vote                                VoteBox
	Player                              Player
	WhatsApp                            string
	More                                []VideoCard
}

func (*VideoPage) file() string { return "video" }

// VoteBox is where somebody votes. State is open, voted, self or missing.
type VoteBox struct {
	State      string
	ID         string
	PlayerName string
	Votes      int
	SignedIn   bool
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
	ID          string
}

// highFor is how long a browser keeps the wish for high quality.
const highFor = 180 * 24 * time.Hour

func (s *Site) getVideo(v *visit) (web.View, error) {
	ctx := v.Context()
	e, err := s.voting.EntryOf(ctx, v.PathValue("id"))
	if err != nil {
		return web.View{}, err
	}
	d := &VideoPage{
		Base: v.frame(e.Title+" · "+e.PlayerName, "videos"), ID: e.VideoID, Name: e.Title, PlayerName: e.PlayerName,
		City: e.City, Country: e.Country, Text: e.Description, UploadedAt: e.UploadedAt, Duration: e.Duration,
		Votes: e.Votes,
	}
	d.Named = true
	d.Scripts = []string{"video.js"}
	voted, err := s.voting.Voted(ctx, v.caller, []string{e.VideoID})
	if err != nil {
		return web.View{}, err
	}
	d.Vote = s.voteBox(v, e, voted[e.VideoID])
	if (d.Flash.Text == "flash.voted") != d.Vote.voted() && (d.Flash.Text == "flash.voted" ||
		d.Flash.Text == "flash.withdrawn") { // an address that somebody kept or shared
		d.Flash = Notice{}
	}
	if d.Flash.Text == "flash.unvoted" { // is said where the button is
		if d.Vote.State == "open" && d.Vote.SignedIn {
			d.Vote.Said = d.Flash
		}
		d.Flash = Notice{}
	}
	if d.Player, err = s.player(v, e); err != nil {
		return web.View{}, err
	}
	more, err := s.voting.Gallery(ctx, voting.Filter{City: e.City}, voting.Recent, voting.Window{Limit: moreCards + 1})
	if err != nil {
		return web.View{}, err
	}
	var others []voting.Entry
	for _, other := range more.Entries {
		if other.VideoID != e.VideoID && len(others) < moreCards {
			others = append(others, other)
		}
	}
	if d.More, err = s.cards(ctx, v.caller, others); err != nil {
		return web.View{}, err
	}
	for i := range d.More {
		d.More[i].Lazy = true
	}
	d.Card = Card{
		Title: cut(e.Title+" · "+e.PlayerName, 65), Description: cut(e.PlayerName+", "+e.City+". "+e.Description, 160),
		Picture: web.Absolute(ctx, s.o.FilesPath+e.PosterKey), Alt: cut(e.Title, 100), Width: 1280, Height: 720,
		Video: true,
	}
	d.WhatsApp = "https://wa.me/?text=" + url.QueryEscape(e.Title+" · "+e.PlayerName+" "+d.Canonical)
	var cookies []string
	if quality := v.URL.Query().Get("quality"); quality == "high" || quality == "low" {
		cookies = []string{web.Cookie(ctx, "quality", quality, highFor)}
	}
	view, err := s.show(d)
	view.Cookies = cookies
	return view, err
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
func (s *Site) player(v *visit, e voting.Entry) (Player, error) {
	ctx := v.Context()
	p := Player{
		Title: e.Title, Missing: e.FilesMissing, ID: e.VideoID, Saver: v.Header.Get("Save-Data") == "on",
		High: web.CookieOf(v.Request, "quality") == "high",
	}
	if quality := v.URL.Query().Get("quality"); quality != "" {
		p.High = quality == "high"
	}
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

// cut shortens a text to so many letters.
func cut(text string, most int) string {
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
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
	if form.Get("from") == "votes" && v.Method == http.MethodPost {
		return v.goTo("/me/votes?said=" + said)
	}
	return v.goTo("/v/" + id + "?said=" + said + "#voto")
}
