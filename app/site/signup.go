package site

import (
	"cmp"
	"net/url"

	"risingstars/modules/identity"
	"risingstars/platform/fault"
	"risingstars/platform/lang"
	"risingstars/platform/web"
)

// SignupPage creates an account.
type SignupPage struct {
	Base

	Form              Form
	Wish              Wish
	Countries, Cities []string
}

func (*SignupPage) file() string { return "signup" }

// countries are suggestions; any other may be typed.
func countries(in string) []string {
	codes := []string{
		"AR", "BO", "BR", "CA", "CL", "CO", "CR", "CU", "DO", "EC", "SV", "ES", "US", "GT", "HN", "MX", "NI", "PA",
		"PY", "PE", "PR", "UY", "VE",
	}
	names := make([]string, len(codes))
	for i, code := range codes {
		names[i] = lang.CountryName(code, in)
	}
	return names
}

// signupPage suggests cities of the country that was typed, or else of the site's own.
func (s *Site) signupPage(v *visit, w Wish, typed url.Values) (*SignupPage, error) {
	d := &SignupPage{Base: v.frame("signup.title", "in"), Wish: w, Countries: countries(v.language)}
	d.Private = true
	d.Other += w.Query()
	d.Scripts = []string{"form.js"}
	const most = 100
	d.Form.Fields = []Field{
		{Name: "first_name", Label: "field.first_name", Type: "text", Autocomplete: "given-name", Most: most},
		{
			Name: "last_name", Label: "field.last_name", Type: "text", Autocomplete: "family-name", Most: most,
			Hint: "field.last_name.hint",
		},
		{Name: "email", Label: "field.email", Type: "email", Autocomplete: "email", Hint: "field.email.hint"},
		{
			Name: "password1", Label: "field.password", Type: "password", Autocomplete: "new-password",
			Hint: "field.password.hint",
		},
		{
			Name: "country", Label: "field.country", Type: "text", Autocomplete: "country-name", Most: most,
			List: "countries",
		},
		{
			Name: "city", Label: "field.city", Type: "text", Autocomplete: "address-level2", Most: most,
			Hint: "field.city.hint", List: "cities",
		},
	}
	for i, field := range d.Form.Fields {
		if field.Type != "password" {
			d.Form.Fields[i].Value = typed.Get(field.Name)
		}
	}
	var err error
	d.Cities, err = s.voting.Cities(v.Context(), cmp.Or(typed.Get("country"), s.o.Region))
	return d, err
}

// getSignup also answers scripts that ask for the cities of a country.
func (s *Site) getSignup(v *visit) (web.View, error) {
	query := v.URL.Query()
	d, err := s.signupPage(v, s.wishOf(query), url.Values{"country": {v.filter().Country}})
	if err != nil {
		return web.View{}, err
	}
	return s.show(d)
}

func (s *Site) postSignup(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	ctx, wish := v.Context(), s.wishOf(form)
	user, err := s.identity.SignUp(ctx, web.Client(ctx), identity.Registration{
		Email: form.Get("email"), Password1: form.Get("password1"), Password2: form.Get("password1"),
		FirstName: form.Get("first_name"), LastName: form.Get("last_name"),
		City: form.Get("city"), Country: form.Get("country"), Language: v.language,
	})
	if fault.From(err).Code == "email_taken" {
		if view, ok, err := s.enterTaken(v, form, wish); ok || err != nil {
			return view, err
		}
	}
	if err != nil {
		d, readErr := s.signupPage(v, wish, form)
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
	return s.enter(v, identity.Visitor{UserID: user.ID}, "", "welcome", wish)
}

// enterTaken signs in who signs up with the e-mail and the password of an account that is there: the button was tapped
// twice. It guesses as a sign-in does, by the budgets of one. It reports false for anybody else.
func (s *Site) enterTaken(v *visit, form url.Values, w Wish) (view web.View, ok bool, err error) {
	ctx := v.Context()
	if s.take(ctx, identity.SignInBudgets(), "") != nil {
		return web.View{}, false, nil
	}
	who, device, err := s.identity.Prove(ctx, identity.Credentials{
		Email: form.Get("email"), Password: form.Get("password1"), Client: web.Client(ctx),
		Device: web.CookieOf(v.Request, "device"),
	})
	switch f := fault.From(err); {
	case err == nil:
		view, err = s.enter(v, who, device, "in", w)
		return view, true, err
	case f.Code == "totp_required":
		view, err = s.show(v.codePage(w, who.Ticket))
		return view, true, err
	case f.Kind == fault.Internal:
		return web.View{}, false, err
	}
	return web.View{}, false, nil
}
