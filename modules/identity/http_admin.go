package identity

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/disk"
	"risingstars/platform/fault"
	"risingstars/platform/lang"
	"risingstars/platform/web"
)

// adminTime is how long a list of accounts or acts may take.
const adminTime = 5 * time.Second

// jurorsWait is what lists of the roles say.
const jurorsWait = "The role juror opens nothing yet."

// adminRoutes registers what those use who look after accounts.
func (a api) adminRoutes(s *web.Server) {
	reads := web.Use{Budgets: AdminReadBudgets(), Timeout: adminTime}
	acts := web.Use{Budgets: AdminActBudgets()}
	operation := func(method, path, id, summary string, faults ...*fault.Error) huma.Operation {
		return web.Refuses(huma.Operation{
			Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"Administration"},
			Security: web.Secured(),
		}, append(faults, RoleFaults()...)...)
	}
	act := func(method, path, id, summary string, faults ...*fault.Error) huma.Operation {
		return operation(method, path, id, summary, append(faults, errNoUser, disk.ErrFull)...)
	}
	list := operation(http.MethodGet, "/api/admin/users", "listUsers",
		"List the accounts: for admins, organisers and auditors")
	list.Description = jurorsWait
	web.Register(s, list, reads, a.getUsers)
	web.Register(s, operation(http.MethodGet, "/api/admin/users/{id}", "getUser",
		"Get an account: for admins, organisers and auditors", errNoUser), reads, a.getUser)
	roles := act(http.MethodPut, "/api/admin/users/{id}/roles", "setRoles",
		"Give an account these roles and no others: for admins", errLastAdmin, errRolesChanged)
	roles.Description = jurorsWait
	web.Register(s, roles, acts, a.putRoles)
	web.Register(s, act(http.MethodPut, "/api/admin/users/{id}/suspension", "suspendUser",
		"Keep an account out, and hide its entries: for admins and organisers", errLastAdmin, errOwnAccount),
		acts, a.putSuspension)
	web.Register(s, act(http.MethodPost, "/api/admin/users/{id}/unsuspend", "unsuspendUser",
		"Let an account back in, and show its entries again: for admins and organisers", errNotSuspended),
		acts, a.postUnsuspend)
	web.Register(s, act(http.MethodPost, "/api/admin/users/{id}/end-sessions", "endUserSessions",
		"Sign an account out everywhere: for admins and organisers"), acts, a.postEndSessions)
	web.Register(s, operation(http.MethodGet, "/api/admin/log", "getLog",
		"Read what was done by roles, the latest first: for admins, organisers and auditors"), reads, a.getLog)
}

type suspensionBody struct {
	Category Cause      `json:"category,omitempty" doc:"Of the list; absent: the reason is in own words alone"`
	Reason   string     `json:"reason"`
	Since    time.Time  `json:"since"`
	Until    *time.Time `json:"until" doc:"null: until somebody ends it"`
}

type userBody struct {
	ID          string          `json:"id"`
	Email       string          `json:"email"`
	Verified    bool            `json:"email_verified" doc:"Its owner has proved that the e-mail is theirs"`
	FirstName   string          `json:"first_name"`
	LastName    string          `json:"last_name"`
	City        string          `json:"city"`
	Country     string          `json:"country" doc:"Its name in Spanish, or a word of the person's own"`
	CountryCode string          `json:"country_code" doc:"Of ISO 3166-1; empty for a word of one's own"`
	CreatedAt   time.Time       `json:"created_at"`
	Roles       []Role          `json:"roles" nullable:"false"`
	Suspension  *suspensionBody `json:"suspension" doc:"null: it is not suspended"`
}

func userBodyOf(p Person) userBody {
	u := p.User
	body := userBody{
		ID: u.ID, Email: u.Email, Verified: u.EmailVerified, FirstName: u.FirstName, LastName: u.LastName,
		City: u.City, Country: u.Country, CountryCode: lang.CountryCode(u.Country), CreatedAt: u.CreatedAt,
		Roles: append([]Role{}, p.Roles...),
	}
	if s := p.Suspension; s != nil {
		body.Suspension = &suspensionBody{Category: s.Cause, Reason: s.Reason, Since: s.Since}
		if !s.Until.IsZero() {
			body.Suspension.Until = &s.Until
		}
	}
	return body
}

type usersInput struct {
	web.Page
	Search    string `query:"q" maxLength:"200" doc:"Part of the e-mail or the name, or an id"`
	Role      string `query:"role" enum:"admin,organiser,moderator,juror,auditor"`
	Suspended bool   `query:"suspended" doc:"true: only those that are suspended"`
}

type usersOutput struct {
	web.PageHeaders
	Body []userBody
}

func (a api) getUsers(ctx context.Context, in *usersInput) (*usersOutput, error) {
	people, total, err := a.People(ctx, auth.CallerID(ctx), PeopleFilter{
		Search: in.Search, Role: Role(in.Role), Suspended: in.Suspended,
	}, in.Offset(), in.Size)
	if err != nil {
		return nil, err
	}
	out := &usersOutput{
		PageHeaders: in.Headers(ctx, total, "q", "role", "suspended"), Body: make([]userBody, len(people)),
	}
	for i, p := range people {
		out.Body[i] = userBodyOf(p)
	}
	return out, nil
}

// OneUser is the parameter of what is about one account. Embed it in an operation's input.
type OneUser struct {
	ID string `path:"id" doc:"The account's id"`
}

type userOutput struct {
	Body userBody
}

func (a api) getUser(ctx context.Context, in *OneUser) (*userOutput, error) {
	return a.answerUser(ctx, in.ID)
}

// answerUser shows an account to whoever has acted on it, and so may read it.
func (a api) answerUser(ctx context.Context, id string) (*userOutput, error) {
	person, err := a.PersonOf(ctx, auth.CallerID(ctx), id)
	if err != nil {
		return nil, err
	}
	return &userOutput{Body: userBodyOf(person)}, nil
}

type rolesInput struct {
	OneUser

	Body struct {
		Roles  []string `json:"roles" enum:"admin,organiser,moderator,juror,auditor" maxItems:"5" nullable:"false"`
		Reason string   `json:"reason" doc:"Is kept in the log"`
		// Without it, it is nil.
		Expected []string `json:"expected,omitempty" maxItems:"5" nullable:"false" doc:"The roles that you have seen"`
	}
}

func (a api) putRoles(ctx context.Context, in *rolesInput) (*userOutput, error) {
	var seen []Role
	if in.Body.Expected != nil {
		seen = rolesNamed(in.Body.Expected)
	}
	by := Actor{ID: auth.CallerID(ctx), Reason: in.Body.Reason}
	if err := a.SetRoles(ctx, by, in.ID, rolesNamed(in.Body.Roles), seen); err != nil {
		return nil, err
	}
	return a.answerUser(ctx, in.ID)
}

// rolesNamed is never nil.
func rolesNamed(names []string) []Role {
	roles := make([]Role, len(names))
	for i, name := range names {
		roles[i] = Role(name)
	}
	return roles
}

type suspendInput struct {
	OneUser

	Body struct {
		// Category may be missing, as it was before there was a list.
		Category string     `json:"category,omitempty" enum:"votes,videos,abuse,pretence,safety,other" doc:"Of a list"`
		Reason   string     `json:"reason" doc:"The person reads it; may be blank with a category but other"`
		Until    *time.Time `json:"until,omitempty" doc:"Without it: until somebody ends it"`
	}
}

func (a api) putSuspension(ctx context.Context, in *suspendInput) (*userOutput, error) {
	var until time.Time
	if in.Body.Until != nil {
		until = *in.Body.Until
	}
	by := Actor{ID: auth.CallerID(ctx), Reason: in.Body.Reason, Cause: Cause(in.Body.Category)}
	if _, err := a.Suspend(ctx, by, in.ID, until); err != nil {
		return nil, err
	}
	return a.answerUser(ctx, in.ID)
}

type reasonInput struct {
	OneUser

	Body struct {
		Reason string `json:"reason" doc:"Is kept in the log"`
	}
}

func (a api) postUnsuspend(ctx context.Context, in *reasonInput) (*userOutput, error) {
	by := Actor{ID: auth.CallerID(ctx), Reason: in.Body.Reason}
	if _, err := a.Unsuspend(ctx, by, in.ID); err != nil {
		return nil, err
	}
	return a.answerUser(ctx, in.ID)
}

func (a api) postEndSessions(ctx context.Context, in *reasonInput) (*userOutput, error) {
	by := Actor{ID: auth.CallerID(ctx), Reason: in.Body.Reason}
	if err := a.EndSessions(ctx, by, in.ID); err != nil {
		return nil, err
	}
	return a.answerUser(ctx, in.ID)
}
