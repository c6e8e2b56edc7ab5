package site

import (
	"time"

	"risingstars/platform/web"
)

// CataloguePage shows each part of the pages in each of its states, for tests and for whoever changes them.
type CataloguePage struct {
	Base

	Notices   []Notice
	Fields    []Field
	Form      Form
	Cards     []VideoCard
	VoteBoxes []VoteBox
	Pager     Pager
	Videos    []MyVideo
	Player    Player
	Share     Share
	Rules     UploadRules
}

func (*CataloguePage) file() string { return "catalogue" }

func (s *Site) getCatalogue(v *visit) (web.View, error) {
	card := VideoCard{
		ID: "1", Title: "El primer vuelo", PlayerName: "Ana Ruiz", City: "Bogotá", Country: "Colombia",
		Duration: 35 * time.Second, Votes: 1234,
	}
	voted := card
	voted.ID, voted.Voted, voted.Takeable = "2", true, true
	box := VoteBox{State: "open", ID: "1", PlayerName: "Ana Ruiz", Votes: 1}
	other := func(state string) VoteBox {
		b := box
		b.State, b.ID, b.SignedIn = state, state, true
		return b
	}
	d := &CataloguePage{
		Base: v.frame("catalogue.title", ""),
		Notices: []Notice{
			{"info", "flash.out"},
			{"good", "flash.voted"},
			{"warning", "flash.self"},
			{"bad", "error.500"},
		},
		Fields: []Field{
			{Name: "plain", Label: "field.city", Hint: "field.city.hint", Type: "text"},
			{Name: "wrong", Label: "field.email", Type: "email", Value: "ana@", Error: "?"},
			{Name: "words", Label: "field.description", Type: "textarea", Optional: true},
			{Name: "secret", Label: "field.password", Type: "password", Autocomplete: "new-password"},
			{Name: "clip", Label: "field.file", Type: "file"},
		},
		Cards: []VideoCard{card, voted}, VoteBoxes: []VoteBox{box, other("voted"), other("self"), other("unproved")},
		Pager: Pager{Page: 2, Pages: 3, More: "?page=3", Back: "?page=1"},
		Videos: []MyVideo{
			{
				ID: "1", Title: "Uno", State: "state.processing", Kind: "info", Step: "step.processing", Progress: 40,
				UnderWay: true,
			},
			{ID: "2", Title: "Dos", State: "state.failed", Kind: "bad", Why: "?", CanRetry: true},
			{ID: "3", Title: "Tres", State: "state.processed", Kind: "good", Published: true, Votes: 3},
		},
		Rules:  UploadRules{Clip: 30},
		Player: Player{Title: "El primer vuelo", Full: "/media/a.mp4", Small: "/media/b.mp4", Other: "?q=high"},
	}
	d.Private, d.Flash = true, Notice{"good", "flash.quality"}
	var err error
	if d.Share, err = newShare("El primer vuelo", d.Canonical); err != nil {
		return web.View{}, err
	}
	d.Form = Form{Error: "?", Fields: d.Fields}
	return s.show(d)
}
