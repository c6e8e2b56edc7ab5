package site

import (
	"net/http"
	"time"

	"risingstars/modules/archive"
	"risingstars/modules/identity"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// DataPage tells what has become of the caller's copy of their data, and has another one made.
type DataPage struct {
	Base

	Copy    archive.Copy
	Pending bool
	Broken  bool   // it could not be made
	Link    string // to the file; "" unless it is ready
	Ends    time.Time

	Megabytes int
}

func (*DataPage) file() string { return "data" }

func (s *Site) getData(v *visit) (web.View, error) {
	ctx := v.Context()
	c, err := s.archive.Of(ctx, v.caller)
	if err != nil {
		return web.View{}, err
	}
	d := &DataPage{
		Base: v.frame("data.title", "me"), Copy: c, Pending: c.Pending(), Broken: c.State == archive.Failed,
		Megabytes: int(c.Bytes>>20) + 1,
	}
	d.Private = true
	if d.Link, d.Ends, err = s.archive.Link(ctx, c); err != nil {
		return web.View{}, err
	}
	return s.show(d)
}

func (s *Site) postData(v *visit) (web.View, error) {
	if _, err := s.archive.Ask(v.Context(), v.caller); err != nil {
		return web.View{}, err
	}
	return v.goTo("/me/data?said=copy")
}

// LeavePage deletes the caller's account.
type LeavePage struct {
	Base

	Videos, Votes int // that go with it
	Form          Form
}

func (*LeavePage) file() string { return "leave" }

func (s *Site) leavePage(v *visit) (*LeavePage, error) {
	ctx := v.Context()
	d := &LeavePage{Base: v.frame("leave.title", "me")}
	d.Private, d.Scripts = true, []string{"form.js"}
	factor, err := s.identity.FactorOf(ctx, v.caller)
	if err != nil {
		return nil, err
	}
	d.Form.Fields = []Field{{
		Name: "password", Label: "field.password.present", Type: "password", Autocomplete: "current-password",
	}}
	if factor.Enabled {
		d.Form.Fields = append(d.Form.Fields, codeField())
	}
	if _, d.Videos, err = s.media.List(ctx, v.caller, "", 0, 1); err != nil {
		return nil, err
	}
	_, d.Votes, err = s.voting.VotedFor(ctx, v.caller, 0, 1)
	return d, err
}

func (s *Site) getLeave(v *visit) (web.View, error) {
	d, err := s.leavePage(v)
	if err != nil {
		return web.View{}, err
	}
	return s.show(d)
}

// postLeave says the same to a second click, which finds no account any more.
func (s *Site) postLeave(v *visit) (web.View, error) {
	typed, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	ctx := v.Context()
	_, err = s.identity.DeleteAccount(ctx, v.member(), typed.Get("password"), typed.Get("totp"))
	if err == nil || fault.From(err).Kind == fault.Unauthenticated {
		return v.goTo("/?said=left", web.EndBrowserCookie(ctx))
	}
	d, readErr := s.leavePage(v)
	if readErr != nil {
		return web.View{}, readErr
	}
	status, ok := d.Form.fail(ctx, err)
	if !ok {
		return web.View{}, err
	}
	d.Failed = true
	return s.showAs(status, d)
}

// UndoPage brings a deleted account back.
type UndoPage struct{ LinkPage }

func (*UndoPage) file() string { return "undo" }

func (s *Site) getUndo(v *visit) (web.View, error) {
	d := &UndoPage{v.linkPage("undo.title", v.URL.Query().Get("token"))}
	if _, _, err := s.identity.Link(v.Context(), v.caller, d.Token, identity.Undelete); err != nil {
		status, ok := d.useless(v.Context(), err)
		if !ok {
			return web.View{}, err
		}
		return s.showAs(status, d)
	}
	return s.show(d)
}

func (s *Site) postUndo(v *visit) (web.View, error) {
	typed, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	ctx := v.Context()
	stranger := typed.Get("stranger") != ""
	if err = s.identity.UndoDeletion(ctx, v.caller, typed.Get("token"), stranger); err == nil {
		if stranger {
			return v.goTo("/login?said=back_letter")
		}
		return v.goTo("/login?said=back")
	}
	d := &UndoPage{v.linkPage("undo.title", typed.Get("token"))}
	if fault.From(err).Code == "email_taken_since" { // the link stays good
		d.Form.Error, d.Failed = web.NewProblem(ctx, err).Detail, true
		return s.showAs(http.StatusUnprocessableEntity, d)
	}
	status, ok := d.useless(ctx, err)
	if !ok {
		return web.View{}, err
	}
	return s.showAs(status, d)
}
