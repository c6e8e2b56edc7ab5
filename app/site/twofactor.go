package site

import (
	"encoding/base64"
	"html/template"
	"net/url"

	"risingstars/modules/identity"
	"risingstars/platform/auth"
	"risingstars/platform/web"
)

// TwoFactorPage sets up a second factor, in steps, or removes it.
type TwoFactorPage struct {
	Base

	Factor   identity.Factor
	Step     string       // off, offered, done or on
	QR       template.URL // of an offer that was just made
	Secret   string
	Recovery []string
	Form     Form
}

func (*TwoFactorPage) file() string { return "twofactor" }

func (s *Site) twoFactorPage(v *visit, step string) (*TwoFactorPage, error) {
	factor, err := s.identity.FactorOf(v.Context(), v.caller)
	if err != nil {
		return nil, err
	}
	d := &TwoFactorPage{Base: v.frame("factor.title", "me"), Factor: factor, Step: step}
	d.Private, d.Scripts = true, []string{"form.js"}
	if d.Step == "" {
		if d.Step = "off"; factor.Enabled {
			d.Step = "on"
		}
	}
	password := Field{Name: "password", Label: "field.password", Type: "password", Autocomplete: "current-password"}
	code := codeField()
	switch d.Step {
	case "off":
		d.Form.Fields = []Field{password}
	case "offered":
		code.Hint = ""
		d.Form.Fields = []Field{code}
	case "on":
		d.Form.Fields = []Field{password, code}
	}
	return d, nil
}

func (s *Site) getTwoFactor(v *visit) (web.View, error) {
	d, err := s.twoFactorPage(v, "")
	if err != nil {
		return web.View{}, err
	}
	return s.show(d)
}

// postTwoFactor takes the step that the form names. Secrets and recovery codes are in its answer, because no other page
// may have them.
func (s *Site) postTwoFactor(v *visit) (web.View, error) {
	form, err := web.Form(v.Request)
	if err != nil {
		return web.View{}, err
	}
	step := form.Get("step")
	d, err := s.twoFactorPage(v, map[string]string{"offered": "offered"}[step])
	if err != nil {
		return web.View{}, err
	}
	next := d
	switch step {
	case "offered":
		next, err = s.confirmFactor(v, form)
	case "on":
		err = s.identity.RemoveFactor(v.Context(), v.caller, form.Get("password"), form.Get("totp"),
			web.Client(v.Context()))
		if err == nil {
			return v.goTo("/me/two-factor?said=factor_off")
		}
	default:
		next, err = s.offerFactor(v, form)
	}
	if err == nil {
		return s.show(next)
	}
	status, ok := d.Form.fail(v.Context(), err)
	if !ok {
		return web.View{}, err
	}
	d.Failed = true
	return s.showAs(status, d)
}

func (s *Site) offerFactor(v *visit, form url.Values) (*TwoFactorPage, error) {
	ctx := v.Context()
	offer, err := s.identity.OfferFactor(ctx, v.caller, form.Get("password"), web.Client(ctx))
	if err != nil {
		return nil, err
	}
	code, err := offer.QR()
	if err != nil {
		return nil, err
	}
	d, err := s.twoFactorPage(v, "offered")
	if err != nil {
		return nil, err
	}
	d.Secret = offer.Secret
	d.QR = template.URL("data:image/svg+xml;base64," + //nolint:gosec // our own drawing
		base64.StdEncoding.EncodeToString([]byte(code)))
	return d, nil
}

func (s *Site) confirmFactor(v *visit, form url.Values) (*TwoFactorPage, error) {
	caller, _ := auth.Caller(v.Context())
	codes, err := s.identity.ConfirmFactor(v.Context(), caller.UserID, form.Get("totp"), caller.SessionID)
	if err != nil {
		return nil, err
	}
	d, err := s.twoFactorPage(v, "done")
	if err != nil {
		return nil, err
	}
	d.Recovery = codes
	return d, nil
}
