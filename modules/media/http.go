package media

import (
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/disk"
	"risingstars/platform/fault"
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
	direct := changes
	direct.Once = true
	uploads := web.Use{
		Budgets: []limit.Budget{videoChanges, accountUploads, processUploads}, Stream: true, Once: true,
	}
	mocks := web.Use{Budgets: []limit.Budget{videoChanges, processUploads}, Stream: true}
	streams := web.Use{Budgets: []limit.Budget{videoReads, processStreams}, Stream: true}

	// Uploads through the service.
	refused := append([]*fault.Error{
		errNotAVideo, errMissingFile, errTooLarge, errTooManyUnpublished, errStorageQuota, errDailyLimit, errDiscarded,
		errUnverified, disk.ErrFull, fault.ErrInvalid,
	}, m.o.UploadFaults...)
	s.Handle(formUpload(s, operation("POST /api/videos/upload", "uploadVideo",
		"Upload a clip", uploading, 201, refused...)), uploads, a.uploadVideo)
	mock := operation("POST /api/videos/upload-mock", "uploadMock",
		"Upload a clip that is never processed, for load tests", uploading, 202, append(refused, errNoMock)...)
	mock.Description = "Only with LOAD_TEST_ENDPOINTS=true; otherwise the answer is 404."
	if m.o.MockUploads {
		s.Handle(formUpload(s, mock), mocks, a.uploadMock)
	} else {
		// Without this route the path would match /api/videos/{id}, and the answer would be 405.
		s.Disable(formUpload(s, mock), mocks, errNoMock)
	}

	// Uploads straight to storage.
	web.Register(s, web.Refuses(operation("POST /api/videos/uploads", "beginUpload", "Begin a direct upload", directly,
		201, errTooLarge, errTooManyUploads, errTooManyUnpublished, errStorageQuota, errDailyLimit, errUnverified,
		disk.ErrFull), m.o.UploadFaults...), direct, a.beginUpload)
	web.Register(s, operation("GET /api/videos/uploads", "listUploads", "List your unfinished direct uploads", directly,
		200), reads, a.listUploads)
	web.Register(s, operation("GET /api/videos/uploads/{id}", "getUpload",
		"Get a direct upload: the parts that have arrived, and new URLs for the others", directly, 200,
		errNoUpload, errNotOwner), reads, a.getUpload)
	web.Register(s, web.Refuses(operation("POST /api/videos/uploads/{id}/complete", "completeUpload",
		"Complete a direct upload, whose parts have all arrived", directly, 201,
		errNoUpload, errNotOwner, errIncomplete, errNotAVideo, errOtherType, errTooLarge, errTooManyUnpublished,
		errStorageQuota, errDailyLimit, errDiscarded, disk.ErrFull, fault.ErrInvalid), m.o.UploadFaults...),
		direct, a.completeUpload)
	web.Register(s, operation("DELETE /api/videos/uploads/{id}", "abortUpload", "Cancel a direct upload", directly, 200,
		errNoUpload, errNotOwner), changes, a.abortUpload)

	// Files, which need no account.
	if m.o.FilesPath != "" {
		s.Mount(m.o.FilesPath, web.Use{Stream: true}, a.getFile, a.fileOperations()...)
	}

	// The caller's videos.
	web.Register(s, operation("GET /api/videos", "listVideos", "List your videos", videos, 200), reads, a.listVideos)
	web.Register(s, operation("GET /api/videos/", "listVideosSlash", "Same as /api/videos", videos, 200),
		reads, a.listVideos)
	web.Register(s, operation("GET /api/videos/user", "listVideosUser", "Same as /api/videos", videos, 200),
		reads, a.listVideos)
	web.Register(s, operation("GET /api/videos/{id}", "getVideo", "Get one of your videos", videos, 200,
		errNotFound, errNotOwner), reads, a.getVideo)
	s.Handle(describeEvents(s, operation("GET /api/videos/{id}/events", "videoEvents",
		"Follow the progress of a video, as Server-Sent Events", videos, 200, errNotFound, errNotOwner)),
		streams, a.videoEvents)
	web.Register(s, web.Refuses(operation("POST /api/videos/{id}/retry", "retryVideo",
		"Process a video again whose processing failed, at most three times", videos, 202, errNotFound, errNotOwner,
		errNotFailed, errNotRetryable, errRetriesUsedUp, errOriginalExpired, errTooManyUnpublished, disk.ErrFull),
		m.o.UploadFaults...), changes, a.retryVideo)
	web.Register(s, operation("DELETE /api/videos/{id}", "deleteVideo",
		"Delete a video and its files, unless it has votes", videos, 200, errNotFound, errNotOwner, errHasVotes),
		changes, a.deleteVideo)
}

// Groups of operations in the document.
const (
	uploading = "Upload"
	directly  = "Direct upload"
	videos    = "Your videos"
	published = "Files"
)

// operation describes a route for signed-in callers, with the faults of its own.
func operation(route, id, summary, group string, success int, faults ...*fault.Error) huma.Operation {
	method, path, _ := strings.Cut(route, " ")
	return web.Refuses(huma.Operation{
		Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{group},
		Security: web.Secured(), DefaultStatus: success,
	}, faults...)
}
