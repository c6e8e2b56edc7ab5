package identity

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/disk"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// api holds the module's handlers.
type api struct{ *Module }

// Routes registers the module's operations.
func (m *Module) Routes(s *web.Server) {
	a := api{m}
	tags := []string{"Accounts"}
	signup := huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/signup", OperationID: "signup", Tags: tags,
		Summary: "Create an account", DefaultStatus: http.StatusCreated,
	}
	signup = web.Refuses(signup, errEmailTaken, errPasswordsDiffer, disk.ErrFull, limit.ErrBusy)
	web.Register(s, signup, web.Use{Budgets: []limit.Budget{signUps}}, a.postSignup)

	login := huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/login", OperationID: "login", Tags: tags,
		Summary: "Sign in",
		Description: "Returns an access token, and a refresh token for the next one. Accepts JSON, or a form with " +
			"username (the e-mail) and password. The answer to the right password of an account with a second factor " +
			"is 401 `totp_required`: send the same again, with its code as totp.",
		Middlewares: huma.Middlewares{s.AcceptForm},
	}
	web.DescribeForm(&login, "username", "password")
	login = web.Refuses(login, errBadCredentials, errFactorAsked, errWrongCode, errSuspended, limit.ErrBusy)
	web.Register(s, login, web.Use{Budgets: []limit.Budget{signIns}}, a.postLogin)

	web.Register(s, huma.Operation{
		Method: http.MethodGet, Path: "/api/auth/me", OperationID: "getAccount", Tags: tags,
		Summary: "Get the caller's account", Security: web.Secured(),
	}, web.Use{Budgets: []limit.Budget{accountReads}}, a.getMe)

	a.adminRoutes(s)
	a.sessionRoutes(s, tags)
	a.factorRoutes(s, tags)
	a.profileRoutes(s)
	a.proofRoutes(s)
	a.departureRoutes(s)
}
