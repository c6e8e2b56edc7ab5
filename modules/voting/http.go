package voting

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// api holds the module's handlers.
type api struct{ *Module }

// Routes registers the module's operations.
func (m *Module) Routes(s *web.Server) {
	a := api{m}
	reads := web.Use{Budgets: []limit.Budget{publicReads}, Timeout: readTimeout}
	changes := web.Use{Budgets: []limit.Budget{votes, clientVotes}}
	once := changes
	once.Once = true
	operation := func(method, path, id, summary string, errors ...int) huma.Operation {
		return huma.Operation{
			Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"public"}, Errors: errors,
		}
	}
	web.RegisterPrepared(s, operation(http.MethodGet, "/api/public/videos", "gallery",
		"List the published videos", http.StatusUnprocessableEntity), reads, a.getVideos)
	web.RegisterPrepared(s, operation(http.MethodGet, "/api/public/videos/{id}", "entry",
		"Get a published video", http.StatusNotFound), reads, a.getVideo)
	web.RegisterPrepared(s, operation(http.MethodGet, "/api/public/rankings", "rankings",
		"Rank the contestants by votes", http.StatusUnprocessableEntity), reads, a.getRankings)

	change := func(method, id, summary string) huma.Operation {
		op := operation(method, "/api/public/videos/{id}/vote", id, summary,
			http.StatusBadRequest, http.StatusUnauthorized, http.StatusNotFound)
		op.Security = web.Secured()
		return op
	}
	web.Register(s, change(http.MethodPost, "vote", "Vote for a video, once"), once, a.postVote)
	web.Register(s, change(http.MethodDelete, "unvote", "Remove your vote for a video"), changes, a.deleteVote)
}
