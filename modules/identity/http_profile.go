package identity

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/disk"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// profileRoutes registers what changes a profile.
func (a api) profileRoutes(s *web.Server) {
	web.Register(s, web.Refuses(huma.Operation{
		Method: http.MethodPatch, Path: "/api/auth/me", OperationID: "changeAccount", Tags: []string{"Accounts"},
		Summary: "Change the caller's names, place and language", Security: web.Secured(),
		Description: "What is left out stays. Others see the change at once: in the gallery, on each entry and in " +
			"the ranking.",
	}, disk.ErrFull), web.Use{Budgets: []limit.Budget{accountChanges}}, a.patchMe)
}

type profileInput struct {
	Body struct {
		FirstName *string `json:"first_name,omitempty"`
		LastName  *string `json:"last_name,omitempty"`
		City      *string `json:"city,omitempty"`
		Country   *string `json:"country,omitempty" doc:"A name in Spanish or English, or a code of ISO 3166-1"`
		Language  *string `json:"language,omitempty" enum:"es,en"`
	}
}

func (a api) patchMe(ctx context.Context, in *profileInput) (*accountOutput, error) {
	u, err := a.ChangeProfile(ctx, auth.CallerID(ctx), ProfileChange(in.Body))
	if err != nil {
		return nil, err
	}
	return accountOf(u), nil
}
