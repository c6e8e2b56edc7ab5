package voting

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/disk"
	"risingstars/platform/fault"
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
	operation := func(method, path, id, summary, tag string) huma.Operation {
		return huma.Operation{Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{tag}}
	}
	web.RegisterPrepared(s, web.Refuses(operation(http.MethodGet, "/api/public/videos", "listPublicVideos",
		"List the published videos", "Gallery"), limit.ErrTooManyAtOnce), reads, a.getVideos)
	web.RegisterPrepared(s, web.Refuses(operation(http.MethodGet, "/api/public/videos/{id}", "getPublicVideo",
		"Get a published video", "Gallery"), errNoEntry, errWithdrawn), reads, a.getVideo)
	web.RegisterPrepared(s, operation(http.MethodGet, "/api/public/rankings", "getRanking",
		"Rank the contestants by votes", "Ranking"), reads, a.getRankings)

	export := operation(http.MethodGet, "/api/admin/export/{table}", "exportTable",
		"Export the entries, their votes or the ranking: for admins, organisers and auditors", "Results")
	export.Security, export.DefaultStatus = web.Secured(), http.StatusOK
	refusals := append([]*fault.Error{errNoTable, limit.ErrTooManyAtOnce, fault.ErrInvalid}, m.o.ExportFaults...)
	s.Handle(web.Refuses(describeExport(export), refusals...), web.Use{
		Budgets: []limit.Budget{exports, processExports}, Stream: true, Timeout: exportTime,
	}, a.getExport)

	change := func(method, id, summary string, faults ...*fault.Error) huma.Operation {
		op := operation(method, "/api/public/videos/{id}/vote", id, summary, "Voting")
		op.Security = web.Secured()
		faults = append(faults, m.o.VoteFaults...)
		return web.Refuses(op, append(faults, errNoEntry, errWithdrawn, disk.ErrFull)...)
	}
	web.Register(s, change(http.MethodPost, "vote", "Vote for a video, once",
		errAlreadyVoted, errSelfVote, errUnverified), once, a.postVote)
	web.Register(s, change(http.MethodDelete, "unvote", "Take back your vote for a video", errNotVoted),
		changes, a.deleteVote)
}
