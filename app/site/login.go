package site

import (
	"net/http"
	"net/url"

	"risingstars/modules/identity"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

// LoginPage signs somebody in.
type LoginPage struct {
	Base

	Form   Form
	Wish   Wish
	Ticket string // that the password was right: the code of the second factor is asked for
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

// codePage is the second step of signing in.
func (v *visit) codePage(w Wish, ticket string) *LoginPage {
	d := v.loginPage(w, "")
	d.Title, d.Ticket = "code.title", ticket
	d.Form.Fields = []Field{codeField()}
	return d
}

// codeField is where the code of the second factor is typed.
func codeField() Field {
	return Field{
		Name: "totp", Label: "field.totp", Type: "text", Autocomplete: "one-time-code", Hint: "field.totp.hint",
		Most: 24,
	}
}

func (s *Site) getLogin(v *visit) (web.View, error) {
	return s.show(v.loginPage(s.wishOf(v.URL.Query()), ""))
}

func (s *Site) postLogin(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	ctx, wish := v.Context(), s.wishOf(form)
	who, device, err := s.identity.Prove(ctx, identity.Credentials{
		Email: form.Get("email"), Password: form.Get("password"), Client: web.Client(ctx),
		Device: web.CookieOf(v.Request, "device"), Ticket: form.Get("ticket"), Code: form.Get("totp"),
	})
	if err != nil {
		return s.refuseLogin(v, form, wish, who.Ticket, err)
	}
	return s.enter(v, who, device, "in", wish)
}

// refuseLogin shows the form again, or that of the next step.
func (s *Site) refuseLogin(v *visit, form url.Values, w Wish, ticket string, err error) (web.View, error) {
	d, f := v.loginPage(w, form.Get("email")), fault.From(err)
	switch {
	case f.Code == "totp_required":
		return s.show(v.codePage(w, ticket))
	case form.Get("ticket") != "" && (f.Code == "bad_totp" || f.Kind == fault.TooManyRequests):
		d = v.codePage(w, form.Get("ticket"))
	}
	status, ok := d.Form.fail(v.Context(), err)
	if !ok {
		return web.View{}, err
	}
	d.Failed = true
	return s.showAs(status, d)
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
