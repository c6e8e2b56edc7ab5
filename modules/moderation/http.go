package moderation

import (
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/disk"
	"risingstars/platform/fault"
	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// listTime is how long the list of reports may take.
const listTime = 5 * time.Second

// wordsBody is the largest body with words: JSON may need 12 bytes for a character.
const wordsBody = 16 << 10

// api holds the module's handlers.
type api struct{ *Module }

// Routes registers the module's operations.
func (m *Module) Routes(s *web.Server) {
	a, videoFault, roleFaults := api{m}, m.o.VideoFault, m.o.RoleFaults
	reads := web.Use{Budgets: []limit.Budget{moderationReads}, Timeout: listTime}
	acts := web.Use{Budgets: ActBudgets(), Body: wordsBody}
	operation := func(method, path, id, summary string, faults ...*fault.Error) huma.Operation {
		return web.Refuses(huma.Operation{
			Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"Moderation"},
			Security: web.Secured(),
		}, append(faults, roleFaults...)...)
	}
	web.Register(s, operation(http.MethodPost, "/api/admin/videos/{id}/hide", "hideVideo",
		"Hide a video, for a reason that its owner reads: for admins, organisers and moderators",
		errAlreadyHidden, videoFault, disk.ErrFull), acts, a.postHide)
	web.Register(s, operation(http.MethodPost, "/api/admin/videos/{id}/show", "showVideo",
		"Show a hidden video again: for admins, organisers and moderators",
		errNotHidden, videoFault, disk.ErrFull), acts, a.postShow)
	web.Register(s, operation(http.MethodGet, "/api/admin/reports", "listReports",
		"List what people report: for admins, organisers, moderators and auditors"), reads, a.getReports)
	web.Register(s, operation(http.MethodPost, "/api/admin/reports/{id}/decision", "decideReport",
		"Decide on a report, once: for admins, organisers and moderators",
		errNoReport, errAlreadyDecided, disk.ErrFull), acts, a.postDecision)

	report := huma.Operation{
		Method: http.MethodPost, Path: "/api/public/videos/{id}/report", OperationID: "reportVideo",
		Summary: "Report a video, once per person", Tags: []string{"Moderation"}, DefaultStatus: http.StatusCreated,
		Description: "A report hides nothing by itself. Whoever is not signed in gives an e-mail; no answer tells " +
			"whether that has reported the video before.",
	}
	web.Register(s, web.Refuses(report, append(slices.Clone(roleFaults),
		errAlreadyReported, videoFault, m.o.HiddenFault, disk.ErrFull)...),
		web.Use{Budgets: ReportBudgets(), Body: wordsBody, Known: true}, a.postReport)
}
