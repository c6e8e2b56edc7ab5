package voting

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/web"
)

// api holds the module's handlers.
type api struct{ *Module }

// Routes registers the module's operations.
func (m *Module) Routes(s *web.Server) {
	a := api{m}
	operation := func(method, path, id, summary string, errors ...int) huma.Operation {
		return huma.Operation{
			Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"public"}, Errors: errors,
		}
	}
	huma.Register(s.API, operation(http.MethodGet, "/api/public/videos", "gallery",
		"List the published videos", http.StatusUnprocessableEntity), a.getVideos)
	huma.Register(s.API, operation(http.MethodGet, "/api/public/videos/{id}", "entry",
		"Get a published video", http.StatusNotFound), a.getVideo)
	huma.Register(s.API, operation(http.MethodGet, "/api/public/rankings", "rankings",
		"Rank the contestants by votes", http.StatusUnprocessableEntity), a.getRankings)

	change := func(method, id, summary string) huma.Operation {
		op := operation(method, "/api/public/videos/{id}/vote", id, summary,
			http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound)
		op.Security = web.Secured()
		return op
	}
	huma.Register(s.API, change(http.MethodPost, "vote", "Vote for a video, once"), a.postVote)
	huma.Register(s.API, change(http.MethodDelete, "unvote", "Remove your vote for a video"), a.deleteVote)
}
