package site

import (
	"context"
	"time"

	"risingstars/modules/media"
	"risingstars/modules/voting"
	"risingstars/platform/web"
)

// MyVideo is a video as its owner sees it. State is waiting, processing, published or failed.
type MyVideo struct {
	ID, Title, Text     string
	State, Step         string // the ids of texts
	Kind                string // of a notice: info, good, bad
	Progress            int
	Votes               int
	UploadedAt          time.Time
	Duration            time.Duration
	Picture             string
	Why                 string // it failed; a text
	CanRetry            bool
	RetryUntil          time.Time
	Notices             []string // texts
	Published, UnderWay bool
	Hidden              string // why a moderator hides it; a text
	HiddenWords         string // the moderator's own
}

// states are the ids of the words for the status of a video, and the kinds of their notices.
var states = map[media.Status]Notice{
	media.Uploaded:   {"info", "state.uploaded"},
	media.Processing: {"info", "state.processing"},
	media.Processed:  {"good", "state.processed"},
	media.Failed:     {"bad", "state.failed"},
}

// steps are the ids of the words for the steps of processing.
var steps = map[string]string{
	"queued": "step.queued", "probing": "step.probing", "processing": "step.processing",
	"publishing": "step.publishing",
}

func (s *Site) myVideo(ctx context.Context, v media.Video, votes int) (MyVideo, error) {
	m := MyVideo{
		ID: v.ID, Title: v.Title, Text: v.Description, State: states[v.Status].Text, Kind: states[v.Status].Kind,
		Step: steps[v.Step], Progress: v.Progress, Votes: votes, UploadedAt: v.UploadedAt, Duration: v.Duration,
		Published: v.Status == media.Processed, UnderWay: v.Status == media.Uploaded || v.Status == media.Processing,
	}
	if why := s.media.WhyFailed(v); why != nil && v.Status == media.Failed {
		m.Why, m.CanRetry, m.RetryUntil = web.Say(ctx, why.Text), why.CanRetry, why.RetryUntil
	}
	for _, n := range v.Notices {
		m.Notices = append(m.Notices, web.Say(ctx, media.NoticeText(n)))
	}
	reasons, err := s.media.WhyHidden(ctx, []string{v.ID})
	if err != nil {
		return m, err
	}
	if why, ok := reasons[v.ID]; ok {
		m.Hidden, m.HiddenWords, m.Published = web.Say(ctx, why.Text), why.Words, false
		m.State, m.Kind = "state.hidden", "bad"
	}
	hidden, err := s.media.Hidden(ctx, []string{v.ID})
	if err != nil || hidden[v.ID] { // the address of its picture lasts, and can be passed on
		return m, err
	}
	_, m.Picture, err = s.posters(ctx, voting.Output{
		PosterKey: v.PosterKey, Poster640Key: v.Poster640Key,
		Poster320Key: v.Poster320Key,
	})
	return m, err
}

// MyVideosPage lists the caller's videos.
type MyVideosPage struct {
	Base

	Videos   []MyVideo
	Total    int
	Pager    Pager
	UnderWay bool   // one of them still changes
	Again    string // the address of this page
}

func (*MyVideosPage) file() string { return "myvideos" }

func (s *Site) getMyVideos(v *visit) (web.View, error) {
	ctx, page := v.Context(), pageOf(v.URL.Query())
	videos, total, err := s.media.List(ctx, v.caller, "", (page-1)*myCards, myCards)
	if err != nil {
		return web.View{}, err
	}
	ids := make([]string, len(videos))
	for i, video := range videos {
		ids[i] = video.ID
	}
	tallies, err := s.voting.Tallies(ctx, ids)
	if err != nil {
		return web.View{}, err
	}
	d := &MyVideosPage{Base: v.frame("mine.title", "me"), Total: total, Pager: v.pager(total, myCards)}
	if d.Pager.past() {
		return v.goTo(v.numbered(d.Pager.Pages))
	}
	d.Pager.Videos = true
	d.Private, d.Again = true, v.link(v.numbered(page))
	for _, video := range videos {
		mine, err := s.myVideo(ctx, video, tallies[video.ID])
		if err != nil {
			return web.View{}, err
		}
		d.Videos, d.UnderWay = append(d.Videos, mine), d.UnderWay || mine.UnderWay
	}
	return s.show(d)
}

// MyVideoPage shows one of the caller's videos: how far it is, or why it failed and what to do.
type MyVideoPage struct {
	Base

	Video  MyVideo
	Before int    // videos that wait before it
	Error  string // what was asked for is refused; a text
	Again  string // the address of this page
	Share  Share
	Poster string // the address of the poster to print
}

func (*MyVideoPage) file() string { return "myvideo" }

func (s *Site) myVideoPage(v *visit) (*MyVideoPage, error) {
	ctx := v.Context()
	video, err := s.media.Owned(ctx, v.caller, v.PathValue("id"))
	if err != nil {
		return nil, err
	}
	tallies, err := s.voting.Tallies(ctx, []string{video.ID})
	if err != nil {
		return nil, err
	}
	d := &MyVideoPage{Base: v.frame(video.Title, "me"), Again: v.link("/me/videos/" + video.ID)}
	d.Named, d.Private, d.Scripts = true, true, []string{"progress.js", "video.js"}
	d.Poster = v.link("/u/" + v.caller + "/poster")
	if d.Share, err = newShare(video.Title, v.absolute(v.language, "/v/"+video.ID)); err != nil {
		return nil, err
	}
	if d.Before, err = s.media.Before(ctx, video); err != nil {
		return nil, err
	}
	d.Video, err = s.myVideo(ctx, video, tallies[video.ID])
	return d, err
}

func (s *Site) getMyVideo(v *visit) (web.View, error) {
	d, err := s.myVideoPage(v)
	if err != nil {
		return web.View{}, err
	}
	return s.show(d)
}

func (s *Site) postRetry(v *visit) (web.View, error) {
	video, err := s.media.Retry(v.Context(), v.caller, v.PathValue("id"))
	if err != nil {
		return s.refuse(v, err)
	}
	return v.goTo("/me/videos/" + video.ID + "?said=retried")
}

func (s *Site) postDelete(v *visit) (web.View, error) {
	if err := s.media.Delete(v.Context(), v.caller, v.PathValue("id")); err != nil {
		return s.refuse(v, err)
	}
	return v.goTo("/me/videos?said=deleted")
}

// refuse shows the video again, and why what was asked for cannot be done.
func (s *Site) refuse(v *visit, err error) (web.View, error) {
	var f Form
	status, ok := f.fail(v.Context(), err)
	if !ok {
		return web.View{}, err
	}
	d, readErr := s.myVideoPage(v)
	if readErr != nil {
		return web.View{}, readErr
	}
	d.Error, d.Failed = f.Error, true
	return s.showAs(status, d)
}

// MyVotesPage lists what the caller has voted for.
type MyVotesPage struct {
	Base

	Cards []VideoCard
	Total int
	Pager Pager
}

func (*MyVotesPage) file() string { return "myvotes" }

func (s *Site) getMyVotes(v *visit) (web.View, error) {
	ctx, page := v.Context(), pageOf(v.URL.Query())
	entries, total, err := s.voting.VotedFor(ctx, v.caller, (page-1)*myCards, myCards)
	if err != nil {
		return web.View{}, err
	}
	d := &MyVotesPage{Base: v.frame("votes.title", "me"), Total: total, Pager: v.pager(total, myCards)}
	if d.Pager.past() {
		return v.goTo(v.numbered(d.Pager.Pages))
	}
	d.Private, d.Pager.Videos = true, true
	if d.Cards, err = s.cards(ctx, v.caller, entries); err != nil {
		return web.View{}, err
	}
	for i := range d.Cards {
		d.Cards[i].Takeable = true
	}
	return s.show(d)
}
