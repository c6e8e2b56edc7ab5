package media

import (
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/limit"
	"risingstars/platform/web"
)

// api has the handlers, each named after its operation.
type api struct{ *Module }

// Routes registers the module's operations.
func (m *Module) Routes(s *web.Server) {
	a := api{m}
	reads := web.Use{Budgets: []limit.Budget{videoReads}}
	changes := web.Use{Budgets: []limit.Budget{videoChanges}, Body: detailsBody}
	uploads := web.Use{Budgets: []limit.Budget{videoChanges, accountUploads, processUploads}, Stream: true}
	mocks := web.Use{Budgets: []limit.Budget{videoChanges, processUploads}, Stream: true}
	streams := web.Use{Budgets: []limit.Budget{videoReads, processStreams}, Stream: true}

	// Uploads through the service.
	form, mock := a.measured(wayForm, a.uploadVideo), a.measured(wayMock, a.uploadMock)
	s.Handle(formUpload(s, operation("POST /api/videos/upload", "uploadVideo",
		"Upload a clip; it is then processed and published", 201, 400, 413, 422, 507)), uploads, form)
	if m.o.MockUploads {
		s.Handle(formUpload(s, operation("POST /api/videos/upload-mock", "uploadMock",
			"Store a clip without ever processing it, for load tests", 202, 400, 413, 422, 507)), mocks, mock)
	} else {
		// Without this route the path would match /api/videos/{id}, and the answer would be 405.
		web.Register(s, huma.Operation{
			Method: http.MethodPost, Path: "/api/videos/upload-mock", OperationID: "noMock", Hidden: true,
		}, web.Use{Stream: true}, a.noMock) // its body is not read
	}

	// Uploads straight to storage.
	web.Register(s, operation("POST /api/videos/uploads", "beginUpload",
		"Begin an upload straight to storage; PUT each part to its URL, with nothing but its bytes, then complete it",
		201, 400, 413, 422, 507), changes, a.beginUpload)
	web.Register(s, operation("GET /api/videos/uploads", "listUploads",
		"The caller's unfinished uploads, the latest first", 200), reads, a.listUploads)
	web.Register(s, operation("GET /api/videos/uploads/{id}", "getUpload",
		"The parts of an upload that have arrived, and new URLs for the others", 200, 403, 404), reads, a.getUpload)
	web.Register(s, operation("POST /api/videos/uploads/{id}/complete", "completeUpload",
		"Create the video of an upload once all its parts have arrived",
		201, 400, 403, 404, 422, 507), changes, a.completeUpload)
	web.Register(s, operation("DELETE /api/videos/uploads/{id}", "abortUpload",
		"Cancel an upload", 200, 403, 404), changes, a.abortUpload)

	// Files, which need no account.
	if m.o.FilesPath != "" {
		s.Mount(m.o.FilesPath, web.Use{Stream: true}, a.getFile)
	}

	// The caller's videos.
	web.Register(s, operation("GET /api/videos", "listVideos",
		"The caller's videos", 200), reads, a.listVideos)
	web.Register(s, operation("GET /api/videos/", "listVideosSlash",
		"The same as /api/videos", 200), reads, a.listVideos)
	web.Register(s, operation("GET /api/videos/user", "listVideosUser",
		"The same as /api/videos", 200), reads, a.listVideos)
	web.Register(s, operation("GET /api/videos/{id}", "getVideo",
		"One of the caller's videos", 200, 403, 404), reads, a.getVideo)
	s.Handle(describeEvents(s, operation("GET /api/videos/{id}/events", "videoEvents",
		"The progress of a video, as Server-Sent Events", 200, 403, 404, 503)), streams, a.videoEvents)
	web.Register(s, operation("POST /api/videos/{id}/retry", "retryVideo",
		"Process a video again that failed with processing_error, at most three times", 202, 400, 403, 404), changes,
		a.retryVideo)
	web.Register(s, operation("DELETE /api/videos/{id}", "deleteVideo",
		"Delete a video and its files, unless it has votes", 200, 400, 403, 404), changes, a.deleteVideo)
}

// operation describes a route for signed-in callers. failures are the statuses of its errors besides 401 and 429.
func operation(route, id, summary string, success int, failures ...int) huma.Operation {
	method, path, _ := strings.Cut(route, " ")
	return huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"videos"},
		Security: web.Secured(), DefaultStatus: success,
		Errors: append(failures, http.StatusUnauthorized, http.StatusTooManyRequests),
	}
}
