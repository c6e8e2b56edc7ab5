package media

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"risingstars/platform/auth"
	"risingstars/platform/fault"
	"risingstars/platform/web"
)

type failure struct {
	Code   string `json:"code" doc:"Stable name of the reason"`
	Detail string `json:"detail" doc:"One sentence that says what to do"`
}

type videoBody struct {
	VideoID         string     `json:"video_id"`
	Title           string     `json:"title"`
	Description     string     `json:"description"`
	Status          string     `json:"status" enum:"uploaded,processing,processed,failed"`
	Stage           string     `json:"stage,omitempty" doc:"Of the work under way: queued, probing, processing, publishing"`
	Progress        int        `json:"progress" doc:"Percent"`
	UploadedAt      time.Time  `json:"uploaded_at"`
	ProcessedAt     *time.Time `json:"processed_at"`
	DurationSeconds *float64   `json:"duration_seconds"`
	OriginalURL     *string    `json:"original_url"`
	ProcessedURL    *string    `json:"processed_url"`
	PosterURL       *string    `json:"poster_url"`
	Votes           int        `json:"votes"`
	Failure         *failure   `json:"failure"`
}

type videoOutput struct {
	Body videoBody
}

type listInput struct {
	web.Page
	Status string `query:"status" enum:"uploaded,processing,processed,failed"`
}

type listOutput struct {
	web.PageHeaders
	Body []videoBody
}

type idInput struct {
	ID string `path:"id"`
}

type deleteOutput struct {
	Body struct {
		Message string `json:"message"`
		VideoID string `json:"video_id"`
	}
}

// Routes registers the module's operations.
func (m *Module) Routes(s *web.Server) {
	op := func(method, path, id, summary string, errors ...int) huma.Operation {
		return huma.Operation{
			Method: method, Path: path, OperationID: id, Summary: summary, Tags: []string{"videos"},
			Security: web.Secured(), Errors: append(errors, http.StatusUnauthorized),
		}
	}
	m.uploadRoutes(s, op)
	m.directRoutes(s, op)
	m.eventRoutes(s, op)
	huma.Register(s.API, op(http.MethodGet, "/api/videos", "listVideos", "The caller's videos"), m.list)
	for path, id := range map[string]string{"/api/videos/": "listVideosSlash", "/api/videos/user": "listVideosUser"} {
		alias := op(http.MethodGet, path, id, "The same as /api/videos")
		huma.Register(s.API, alias, m.list)
	}
	huma.Register(s.API, op(http.MethodGet, "/api/videos/{id}", "getVideo", "One of the caller's videos",
		http.StatusForbidden, http.StatusNotFound), m.get)
	retry := op(http.MethodPost, "/api/videos/{id}/retry", "retryVideo", "Process a failed video again",
		http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound)
	retry.DefaultStatus = http.StatusAccepted
	huma.Register(s.API, retry, m.retry)
	huma.Register(s.API, op(http.MethodDelete, "/api/videos/{id}", "deleteVideo", "Delete a video with its files, unless it has votes",
		http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound), m.remover)
}

func (m *Module) list(ctx context.Context, in *listInput) (*listOutput, error) {
	videos, total, err := m.List(ctx, auth.CallerID(ctx), Status(in.Status), in.Offset(), in.Size)
	if err != nil {
		return nil, err
	}
	bodies, err := m.bodies(ctx, videos)
	if err != nil {
		return nil, err
	}
	return &listOutput{PageHeaders: in.Headers(ctx, total), Body: bodies}, nil
}

func (m *Module) get(ctx context.Context, in *idInput) (*videoOutput, error) {
	v, err := m.Owned(ctx, auth.CallerID(ctx), in.ID)
	return m.output(ctx, v, err)
}

func (m *Module) retry(ctx context.Context, in *idInput) (*videoOutput, error) {
	v, err := m.Retry(ctx, auth.CallerID(ctx), in.ID)
	return m.output(ctx, v, err)
}

func (m *Module) remover(ctx context.Context, in *idInput) (*deleteOutput, error) {
	if err := m.Delete(ctx, auth.CallerID(ctx), in.ID); err != nil {
		return nil, err
	}
	out := &deleteOutput{}
	out.Body.VideoID = in.ID
	out.Body.Message = web.Say(ctx, fault.Text{ES: "El video fue eliminado.", EN: "The video has been deleted."})
	return out, nil
}

func (m *Module) output(ctx context.Context, v Video, err error) (*videoOutput, error) {
	if err != nil {
		return nil, err
	}
	bodies, err := m.bodies(ctx, []Video{v})
	if err != nil {
		return nil, err
	}
	return &videoOutput{Body: bodies[0]}, nil
}

// failureOf says why a video failed and what to do; nil when it did not.
func failureOf(ctx context.Context, v Video) *failure {
	if v.FailureCode == "" {
		return nil
	}
	return &failure{Code: v.FailureCode, Detail: web.Say(ctx, failureTexts[v.FailureCode])}
}

// bodies puts videos into the API's words, with links that work for their owner.
func (m *Module) bodies(ctx context.Context, videos []Video) ([]videoBody, error) {
	ids := make([]string, len(videos))
	for i, v := range videos {
		ids[i] = v.ID
	}
	tallies, err := m.gallery.Tallies(ctx, ids)
	if err != nil {
		return nil, err //nolint:wrapcheck // named by the port
	}
	bodies := make([]videoBody, len(videos))
	for i, v := range videos {
		b := videoBody{
			VideoID: v.ID, Title: v.Title, Description: v.Description, Status: string(v.Status), Stage: v.Stage, Progress: v.Progress,
			UploadedAt: v.UploadedAt, Votes: tallies[v.ID],
		}
		if !v.ProcessedAt.IsZero() {
			seconds := v.Duration.Seconds()
			b.ProcessedAt, b.DurationSeconds = &v.ProcessedAt, &seconds
		}
		b.Failure = failureOf(ctx, v)
		original := v.OriginalKey
		if m.o.DeleteOriginal && v.Status == Processed {
			original = ""
		}
		for _, link := range []struct {
			key string
			url **string
		}{{original, &b.OriginalURL}, {v.ProcessedKey, &b.ProcessedURL}, {v.PosterKey, &b.PosterURL}} {
			if link.key == "" {
				continue
			}
			url, err := m.bucket.URL(ctx, link.key, m.o.URLExpiry)
			if err != nil {
				return nil, err //nolint:wrapcheck // the bucket names the key
			}
			url = web.Absolute(ctx, url)
			*link.url = &url
		}
		bodies[i] = b
	}
	return bodies, nil
}
