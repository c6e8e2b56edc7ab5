package identity

import (
	"cmp"
	"context"
	"time"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

type accountBody struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	FirstName string    `json:"first_name"`
	LastName  string    `json:"last_name"`
	City      string    `json:"city"`
	Country   string    `json:"country"`
	CreatedAt time.Time `json:"created_at"`
}

type accountOutput struct {
	Body accountBody
}

func accountOf(u User) *accountOutput {
	return &accountOutput{Body: accountBody{
		ID: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, City: u.City, Country: u.Country,
		CreatedAt: u.CreatedAt,
	}}
}

type signupInput struct {
	Body struct {
		Email     string `json:"email" example:"ana@example.com" doc:"One account per mailbox, however it is spelled"`
		Password1 string `json:"password1" doc:"At least 8 characters, at most 128 bytes"`
		Password2 string `json:"password2" doc:"The same password again"`
		FirstName string `json:"first_name" example:"Ana"`
		LastName  string `json:"last_name" example:"Ruiz"`
		City      string `json:"city" example:"Bogotá"`
		Country   string `json:"country" example:"Colombia"`
	}
}

func (a api) postSignup(ctx context.Context, in *signupInput) (*accountOutput, error) {
	b := in.Body
	user, err := a.SignUp(ctx, web.Client(ctx), Registration{
		Email: b.Email, Password1: b.Password1, Password2: b.Password2,
		FirstName: b.FirstName, LastName: b.LastName, City: b.City, Country: b.Country,
	})
	if err != nil {
		return nil, err
	}
	return accountOf(user), nil
}

type loginInput struct {
	Body struct {
		_        struct{} `additionalProperties:"true"` // OAuth 2 clients also send grant_type and scope
		Email    string   `json:"email,omitempty"`
		Username string   `json:"username,omitempty" doc:"The e-mail, under the name that OAuth 2 forms give it"`
		Password string   `json:"password"`
		TOTP     string   `json:"totp,omitempty" doc:"Of accounts with a second factor: its code, or a recovery code"`
	}
	Device       string `cookie:"device"`
	SecureDevice string `cookie:"__Host-device"`
}

type loginOutput struct {
	SetCookie string `header:"Set-Cookie" doc:"Lets this device sign in while others guess the password"`
	Body      sessionBody
}

func (a api) postLogin(ctx context.Context, in *loginInput) (*loginOutput, error) {
	email := in.Body.Email
	if email == "" {
		email = in.Body.Username
	}
	if email == "" {
		return nil, fault.ErrInvalid.WithFields(fault.Field{
			Location: "body.email", Message: fault.Text{ES: "es obligatorio", EN: "is required"},
		})
	}
	session, err := a.SignIn(ctx, Credentials{
		Email: email, Password: in.Body.Password, Client: web.Client(ctx), Device: cmp.Or(in.SecureDevice, in.Device),
		Agent: web.Agent(ctx), Network: web.Network(ctx), Code: in.Body.TOTP,
	})
	if err != nil {
		return nil, err
	}
	out := &loginOutput{Body: sessionOf(session)}
	if session.Device != "" {
		out.SetCookie = web.Cookie(ctx, "device", session.Device, auth.DeviceTTL)
	}
	return out, nil
}

func (a api) getMe(ctx context.Context, _ *struct{}) (*accountOutput, error) {
	user, err := a.Account(ctx, auth.CallerID(ctx))
	if err != nil {
		return nil, err
	}
	return accountOf(user), nil
}
