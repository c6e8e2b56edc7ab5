package identity

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

type account struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	FirstName string    `json:"first_name"`
	LastName  string    `json:"last_name"`
	City      string    `json:"city"`
	Country   string    `json:"country"`
	CreatedAt time.Time `json:"created_at"`
}

type accountOutput struct {
	Body account
}

func accountOf(u User) *accountOutput {
	return &accountOutput{Body: account{
		ID: u.ID, Email: u.Email, FirstName: u.FirstName, LastName: u.LastName, City: u.City, Country: u.Country,
		CreatedAt: u.CreatedAt,
	}}
}

type signupInput struct {
	Body struct {
		Email     string `json:"email" example:"ana@example.com" doc:"Unique without regard to case"`
		Password1 string `json:"password1" doc:"8 characters to 128 bytes"`
		Password2 string `json:"password2" doc:"The same again"`
		FirstName string `json:"first_name" example:"Ana"`
		LastName  string `json:"last_name" example:"Ruiz"`
		City      string `json:"city" example:"Bogotá"`
		Country   string `json:"country" example:"Colombia"`
	}
}

type loginInput struct {
	Body struct {
		_        struct{} `additionalProperties:"true"` // OAuth 2 clients send grant_type and scope along
		Email    string   `json:"email,omitempty"`
		Username string   `json:"username,omitempty" doc:"The e-mail, under the name that OAuth 2 forms give it"`
		Password string   `json:"password"`
	}
}

type sessionOutput struct {
	Body struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type" example:"Bearer"`
		ExpiresIn   int    `json:"expires_in" doc:"Seconds"`
	}
}

// Routes registers the module's operations.
func (m *Module) Routes(s *web.Server) {
	tags := []string{"accounts"}
	huma.Register(s.API, huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/signup", OperationID: "signup", Summary: "Make an account", Tags: tags,
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusBadRequest, http.StatusTooManyRequests},
	}, m.signup)
	login := huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/login", OperationID: "login", Summary: "Get an access token", Tags: tags,
		Description: "Takes JSON, or a form with username and password.",
		Errors:      []int{http.StatusUnauthorized, http.StatusTooManyRequests}, Middlewares: huma.Middlewares{s.AcceptForm},
	}
	web.AlsoForm(&login, "username", "password")
	huma.Register(s.API, login, m.login)
	huma.Register(s.API, huma.Operation{
		Method: http.MethodGet, Path: "/api/auth/me", OperationID: "me", Summary: "The caller's account", Tags: tags,
		Security: web.Secured(), Errors: []int{http.StatusUnauthorized},
	}, m.me)
}

func (m *Module) signup(ctx context.Context, in *signupInput) (*accountOutput, error) {
	b := in.Body
	user, err := m.Signup(ctx, web.Client(ctx), Signup{
		Email: b.Email, Password1: b.Password1, Password2: b.Password2,
		FirstName: b.FirstName, LastName: b.LastName, City: b.City, Country: b.Country,
	})
	if err != nil {
		return nil, err
	}
	return accountOf(user), nil
}

func (m *Module) login(ctx context.Context, in *loginInput) (*sessionOutput, error) {
	email := in.Body.Email
	if email == "" {
		email = in.Body.Username
	}
	if email == "" {
		return nil, fault.ErrInvalid.WithFields(fault.Field{
			Location: "body.email", Message: fault.Text{ES: "falta el correo electrónico", EN: "the e-mail is missing"},
		})
	}
	session, err := m.Login(ctx, web.Client(ctx), email, in.Body.Password)
	if err != nil {
		return nil, err
	}
	out := &sessionOutput{}
	out.Body.AccessToken, out.Body.TokenType, out.Body.ExpiresIn = session.Token, "Bearer", int(session.TTL.Seconds())
	return out, nil
}

func (m *Module) me(ctx context.Context, _ *struct{}) (*accountOutput, error) {
	user, err := m.Account(ctx, auth.CallerID(ctx))
	if err != nil {
		return nil, err
	}
	return accountOf(user), nil
}
