package archive

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/disk"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// api holds the module's handlers.
type api struct{ *Module }

// Routes registers the module's operations.
func (m *Module) Routes(s *web.Server) {
	a := api{m}
	web.Register(s, web.Refuses(huma.Operation{
		Method: http.MethodPost, Path: "/api/auth/me/export", OperationID: "exportData", Tags: []string{"Accounts"},
		Summary:  "Have a copy made of all that is kept about the caller",
		Security: web.Secured(), DefaultStatus: http.StatusAccepted,
		Description: "A zip file with the caller's data as JSON, and the files of their videos. A letter says when " +
			"it is ready. While one is on its way, no other is made.",
	}, disk.ErrFull), web.Use{Budgets: RequestBudgets()}, a.postExport)
	web.Register(s, huma.Operation{
		Method: http.MethodGet, Path: "/api/auth/me/export", OperationID: "getExport", Tags: []string{"Accounts"},
		Summary:     "Get the state of the caller's latest copy and, if it is ready, a link to it",
		Security:    web.Secured(),
		Description: "Whoever has the link can load the file until the link ends; each answer has a new one.",
	}, web.Use{Budgets: []limit.Budget{copyReads}}, a.getExport)
}

type copyOutput struct {
	Body struct {
		State     State      `json:"state" enum:"none,waiting,making,ready,failed"`
		AskedAt   *time.Time `json:"requested_at,omitempty"`
		ReadyAt   *time.Time `json:"ready_at,omitempty"`
		ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When the file is deleted"`
		Bytes     int64      `json:"bytes,omitempty"`
		URL       string     `json:"download_url,omitempty" example:"https://show.example/media/exports/a.zip"`
		LinkEnds  *time.Time `json:"download_expires_at,omitempty"`
	}
}

func (a api) postExport(ctx context.Context, _ *struct{}) (*copyOutput, error) {
	c, err := a.Ask(ctx, auth.CallerID(ctx))
	if err != nil {
		return nil, err
	}
	return a.output(ctx, c)
}

func (a api) getExport(ctx context.Context, _ *struct{}) (*copyOutput, error) {
	c, err := a.Of(ctx, auth.CallerID(ctx))
	if err != nil {
		return nil, err
	}
	return a.output(ctx, c)
}

func (a api) output(ctx context.Context, c Copy) (*copyOutput, error) {
	out := &copyOutput{}
	b := &out.Body
	b.State, b.Bytes = c.State, c.Bytes
	address, until, err := a.Link(ctx, c)
	if err != nil {
		return nil, err
	}
	if address != "" {
		b.URL = web.Absolute(ctx, address)
	}
	for at, field := range map[*time.Time]**time.Time{
		&c.AskedAt: &b.AskedAt, &c.ReadyAt: &b.ReadyAt, &c.ExpiresAt: &b.ExpiresAt, &until: &b.LinkEnds,
	} {
		if !at.IsZero() {
			*field = at
		}
	}
	return out, nil
}
