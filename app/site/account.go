package site

import (
	"context"
	"net/url"

	"github.com/google/uuid"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/lang"
	"risingstars/platform/web"
)

// MePage leads to what belongs to the caller, and changes their profile, e-mail and password.
type MePage struct {
	Base

	Name, Email              string
	Verified                 bool
	Pending                  string // the e-mail that replaces Email once it is proved; "" if none waits
	Profile, Mail, Password  Form
	Countries, Cities        []string
	Quality                  Form   // which rendition this browser shows
	ProfileDo, MailDo, KeyDo string // the addresses of the forms
}

func (*MePage) file() string { return "me" }

// mePage shows the account as it is, or with what was typed into one of its forms.
func (s *Site) mePage(v *visit, typed url.Values) (*MePage, error) {
	ctx := v.Context()
	u, err := s.identity.Account(ctx, v.caller)
	if err != nil {
		return nil, err
	}
	d := &MePage{
		Base: v.frame("me.title", "me"), Name: u.PlayerName(), Email: u.Email, Verified: u.EmailVerified,
		Countries: countries(v.language), ProfileDo: v.link("/me/profile"), MailDo: v.link("/me/email"),
		KeyDo: v.link("/me/password"), Quality: Form{Fields: []Field{v.qualityField()}},
	}
	d.Private, d.Scripts = true, []string{"form.js"}
	if d.Pending, err = s.identity.PendingEmail(ctx, v.caller); err != nil {
		return nil, err
	}
	if d.Cities, err = s.voting.Cities(ctx, u.Country); err != nil {
		return nil, err
	}
	value := func(name, now string) string {
		if typed.Has(name) {
			return typed.Get(name)
		}
		return now
	}
	const most = 100
	d.Profile.Fields = []Field{
		{
			Name: "first_name", Label: "field.first_name", Type: "text", Autocomplete: "given-name", Most: most,
			Value: value("first_name", u.FirstName),
		},
		{
			Name: "last_name", Label: "field.last_name", Type: "text", Autocomplete: "family-name", Most: most,
			Hint: "field.last_name.hint", Value: value("last_name", u.LastName),
		},
		{
			Name: "country", Label: "field.country", Type: "text", Autocomplete: "country-name", Most: most,
			List: "countries", Value: value("country", lang.Country(u.Country, v.language)),
		},
		{
			Name: "city", Label: "field.city", Type: "text", Autocomplete: "address-level2", Most: most,
			List: "cities", Value: value("city", u.City),
		},
		{
			Name: "language", Label: "field.language", Type: "select", Value: value("language", u.Language),
			Options: []Option{{spanish, "language.es"}, {english, "language.en"}},
		},
	}
	d.Mail.Fields = []Field{
		{
			Name: "email", Label: "field.email.new", Type: "email", Autocomplete: "email", Hint: "field.email.new.hint",
			Value: value("email", ""),
		},
		{Name: "password", Label: "field.password.present", Type: "password", Autocomplete: "current-password"},
	}
	d.Password.Fields = []Field{
		{Name: "present", Label: "field.password.present", Type: "password", Autocomplete: "current-password"},
		{
			Name: "password1", Label: "field.password.new", Type: "password", Autocomplete: "new-password",
			Hint: "field.password.hint",
		},
	}
	return d, nil
}

func (s *Site) getMe(v *visit) (web.View, error) {
	d, err := s.mePage(v, nil)
	if err != nil {
		return web.View{}, err
	}
	return s.show(d)
}

// changeMe does what one of the page's forms asks for, and says so, or shows the form again with what is wrong.
func (s *Site) changeMe(
	v *visit, said string, form func(*MePage) *Form, change func(ctx context.Context, typed url.Values) error,
) (web.View, error) {
	typed, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	if err = change(v.Context(), typed); err == nil {
		return v.goTo("/me?said=" + said)
	}
	d, readErr := s.mePage(v, typed)
	if readErr != nil {
		return web.View{}, readErr
	}
	status, ok := form(d).fail(v.Context(), err)
	if !ok {
		return web.View{}, err
	}
	d.Failed = true
	return s.showAs(status, d)
}

func (s *Site) postProfile(v *visit) (web.View, error) {
	return s.changeMe(v, "profile", func(d *MePage) *Form { return &d.Profile },
		func(ctx context.Context, typed url.Values) error {
			part := func(name string) *string {
				if !typed.Has(name) {
					return nil
				}
				value := typed.Get(name)
				return &value
			}
			_, err := s.identity.ChangeProfile(ctx, v.caller, identity.ProfileChange{
				FirstName: part("first_name"), LastName: part("last_name"), City: part("city"),
				Country: part("country"), Language: part("language"),
			})
			return err
		})
}

func (s *Site) postEmail(v *visit) (web.View, error) {
	return s.changeMe(v, "email", func(d *MePage) *Form { return &d.Mail },
		func(ctx context.Context, typed url.Values) error {
			return s.identity.ChangeEmail(ctx, v.member(), typed.Get("email"), typed.Get("password"))
		})
}

func (s *Site) postPassword(v *visit) (web.View, error) {
	return s.changeMe(v, "password", func(d *MePage) *Form { return &d.Password },
		func(ctx context.Context, typed url.Values) error {
			caller, _ := auth.Caller(ctx)
			return s.identity.ChangePassword(ctx, v.member(), caller.SessionID, typed.Get("present"),
				identity.NewPassword{Password1: typed.Get("password1"), Password2: typed.Get("password1")})
		})
}

func (s *Site) postResend(v *visit) (web.View, error) {
	back, id := "/me?said=resent", v.URL.Query().Get("video")
	var votes counted
	if uuid.Validate(id) == nil { // for which they want to vote, and can if their e-mail has been proved meanwhile
		votes = s.castWaiting(v, v.caller, v.waiting(v.caller), id)
		switch {
		case votes.err == nil:
			return v.goTo("/v/"+id+"?said="+votes.said+"#voto", votes.cookies...)
		case !needsProof(votes.err):
			return web.View{}, votes.err
		}
		back = "/v/" + id + "?said=resent#voto"
	}
	if err := s.identity.ResendConfirmation(v.Context(), v.caller); err != nil {
		return web.View{}, err
	}
	return v.goTo(back, votes.cookies...)
}

// member is the caller, for what needs their password again.
func (v *visit) member() identity.Caller {
	return identity.Caller{
		UserID: v.caller, Client: web.Client(v.Context()), Device: web.CookieOf(v.Request, "device"),
	}
}
