package site

import (
	"net/http"

	"risingstars/modules/identity"
	"risingstars/platform/web"
)

// LoginPage signs somebody in.
type LoginPage struct {
	Base

	Form Form
	Wish Wish
}

func (*LoginPage) file() string { return "login" }

func (v *visit) loginPage(w Wish, email string) *LoginPage {
	d := &LoginPage{Base: v.frame("login.title", "in"), Wish: w}
	d.Private = true
	d.Other += w.Query()
	d.Scripts = []string{"form.js"}
	d.Form.Fields = []Field{
		{Name: "email", Label: "field.email", Type: "email", Value: email, Autocomplete: "username"},
		{Name: "password", Label: "field.password", Type: "password", Autocomplete: "current-password"},
	}
	return d
}

func (s *Site) getLogin(v *visit) (web.View, error) {
	return s.show(v.loginPage(wishOf(v.URL.Query()), ""))
}

func (s *Site) postLogin(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	ctx, wish := v.Context(), wishOf(form)
	who, device, err := s.identity.Prove(ctx, identity.Credentials{
		Email: form.Get("email"), Password: form.Get("password"), Client: web.Client(ctx),
		Device: web.CookieOf(v.Request, "device"),
	})
	if err != nil {
		d := v.loginPage(wish, form.Get("email"))
		status, ok := d.Form.fail(ctx, err)
		if !ok {
			return web.View{}, err
		}
		d.Failed = true
		return s.showAs(status, d)
	}
	return s.enter(v, who, device, "in", wish)
}

// LogoutPage asks before it signs out: a link alone changes nothing.
type LogoutPage struct{ Base }

func (*LogoutPage) file() string { return "logout" }

func (s *Site) getLogout(v *visit) (web.View, error) {
	d := &LogoutPage{v.frame("logout.title", "me")}
	d.Private = true
	return s.show(d)
}

func (s *Site) postLogout(v *visit) (web.View, error) {
	ctx := v.Context()
	if token := web.BrowserToken(v.Request); token != "" {
		if err := s.identity.SignOutBrowser(ctx, token); err != nil {
			return web.View{}, err
		}
	}
	return web.View{
		Status: http.StatusSeeOther, Location: v.link("/?said=out"), Cookies: []string{web.EndBrowserCookie(ctx)},
	}, nil
}
