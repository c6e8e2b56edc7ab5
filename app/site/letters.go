package site

import (
	"context"
	"net/http"
	"net/url"

	"risingstars/modules/identity"
	"risingstars/platform/web"
)

// ForgotPage asks for a letter with which another password can be chosen. It never tells whether an e-mail has an
// account.
type ForgotPage struct {
	Base

	Form Form
}

func (*ForgotPage) file() string { return "forgot" }

func (v *visit) forgotPage(email string) *ForgotPage {
	d := &ForgotPage{Base: v.frame("forgot.title", "in")}
	d.Private, d.Scripts = true, []string{"form.js"}
	d.Form.Fields = []Field{
		{Name: "email", Label: "field.email", Type: "email", Value: email, Autocomplete: "username"},
	}
	return d
}

func (s *Site) getForgot(v *visit) (web.View, error) { return s.show(v.forgotPage("")) }

func (s *Site) postForgot(v *visit) (web.View, error) {
	typed, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	if err = s.identity.ForgotPassword(v.Context(), typed.Get("email")); err == nil {
		return v.goTo("/forgot?said=forgot")
	}
	d := v.forgotPage(typed.Get("email"))
	status, ok := d.Form.fail(v.Context(), err)
	if !ok {
		return web.View{}, err
	}
	d.Failed = true
	return s.showAs(status, d)
}

// LinkPage is where the link of a letter leads. Opening it changes nothing, because programs that look for harmful mail
// open links, too: it has a button.
type LinkPage struct {
	Base

	Form    Form
	Token   string
	Useless bool // the link; Form.Error says why
}

// useless shows why a link can no longer be used.
func (d *LinkPage) useless(ctx context.Context, err error) (status int, ok bool) {
	f := web.NewProblem(ctx, err)
	if f.Status >= http.StatusInternalServerError || f.Status == http.StatusTooManyRequests ||
		f.Status == http.StatusUnauthorized {
		return 0, false
	}
	d.Form.Error, d.Failed, d.Useless = f.Detail, true, true
	return http.StatusUnprocessableEntity, true
}

func (v *visit) linkPage(title, token string) LinkPage {
	d := LinkPage{Base: v.frame(title, "in"), Token: token}
	d.Private, d.Scripts = true, []string{"form.js"}
	d.Other += "?" + url.Values{"token": {token}}.Encode()
	return d
}

// ResetPage chooses another password.
type ResetPage struct{ LinkPage }

func (*ResetPage) file() string { return "reset" }

func (v *visit) resetPage(token string) *ResetPage {
	d := &ResetPage{v.linkPage("reset.title", token)}
	d.Form.Fields = []Field{{
		Name: "password1", Label: "field.password.new", Type: "password", Autocomplete: "new-password",
		Hint: "field.password.hint",
	}}
	return d
}

func (s *Site) getReset(v *visit) (web.View, error) {
	d := v.resetPage(v.URL.Query().Get("token"))
	if _, _, err := s.identity.Link(v.Context(), v.caller, d.Token, identity.Reset); err != nil {
		status, ok := d.useless(v.Context(), err)
		if !ok {
			return web.View{}, err
		}
		return s.showAs(status, d)
	}
	return s.show(d)
}

func (s *Site) postReset(v *visit) (web.View, error) {
	typed, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	ctx, token, password := v.Context(), typed.Get("token"), typed.Get("password1")
	err = s.identity.ResetPassword(ctx, v.caller, web.Client(ctx), token, identity.NewPassword{
		Password1: password, Password2: password,
	})
	if err == nil {
		return v.goTo("/login?said=reset", web.EndBrowserCookie(ctx))
	}
	d := v.resetPage(token)
	status, ok := d.Form.fail(ctx, err)
	if !d.Form.Named() {
		status, ok = d.useless(ctx, err)
	}
	if !ok {
		return web.View{}, err
	}
	d.Failed = true
	return s.showAs(status, d)
}

// ConfirmPage proves an e-mail, or gives an account its e-mail of before.
type ConfirmPage struct {
	LinkPage

	Purpose string // confirm, change or restore
}

func (*ConfirmPage) file() string { return "confirm" }

func (s *Site) confirmPage(v *visit, token string) (*ConfirmPage, error) {
	d := &ConfirmPage{LinkPage: v.linkPage("confirm.title", token)}
	purpose, _, err := s.identity.Link(v.Context(), v.caller, token,
		identity.Confirm, identity.Change, identity.Restore)
	d.Purpose = string(purpose)
	return d, err
}

func (s *Site) getConfirm(v *visit) (web.View, error) {
	d, err := s.confirmPage(v, v.URL.Query().Get("token"))
	if err != nil {
		status, ok := d.useless(v.Context(), err)
		if !ok {
			return web.View{}, err
		}
		return s.showAs(status, d)
	}
	return s.show(d)
}

func (s *Site) postConfirm(v *visit) (web.View, error) {
	typed, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	ctx := v.Context()
	done, err := s.identity.ConfirmEmail(ctx, v.caller, typed.Get("token"))
	if err != nil {
		d := &ConfirmPage{LinkPage: v.linkPage("confirm.title", typed.Get("token"))}
		status, ok := d.useless(ctx, err)
		if !ok {
			return web.View{}, err
		}
		return s.showAs(status, d)
	}
	if done == identity.Restore {
		return v.goTo("/forgot?said=restored", web.EndBrowserCookie(ctx))
	}
	said := map[identity.Purpose]string{identity.Confirm: "confirmed", identity.Change: "changed"}[done]
	if v.caller == "" {
		return v.goTo("/login?said=" + said)
	}
	votes := s.castWaiting(v, v.caller, v.waiting(v.caller), "")
	if votes.video == "" {
		return v.goTo("/me?said="+said, votes.cookies...)
	}
	return v.goTo("/v/"+votes.video+"?said="+votes.says(said)+"#voto", votes.cookies...)
}
